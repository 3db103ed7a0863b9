//! Input files and certificates: nothing here needs a server.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use flow_domain::{TaskSpec, TemplateSpec};
use flowctl::manifest;
use insta::assert_snapshot;
use support::flowctl;

fn template(text: &str) -> String {
    match manifest::parse::<TemplateSpec>("t.yaml", text) {
        Ok(documents) => format!("{documents:?}"),
        Err(failure) => failure.to_string(),
    }
}

fn task(text: &str) -> String {
    match manifest::parse::<TaskSpec>("t.yaml", text) {
        Ok(documents) => format!("{documents:?}"),
        Err(failure) => failure.to_string(),
    }
}

#[test]
fn what_is_wrong_is_named_with_line_key_and_the_right_one() {
    let said = [
        template("name: digits\nframework: iflearner\ncomand: [python]\n"),
        template("name: digits\n"),
        template("name: digits\nframework: iflearner\ncommand:\n- python\n- 3\n"),
        template("name: digits\nframework: iflearner\ncommand: python\n"),
        template("name: x\nframework: iflearner\n"),
        template("name: digits\nframework: [\n"),
        template("name: digits\nname: again\nframework: iflearner\n"),
        template("name: digits\nframework: custom\nprofile:\n  name: own\n  rolls: {}\n"),
        template("- name: digits\n"),
        template("just text"),
        template("# nothing\n"),
        task("name: digits\ntemplate: digits\nparticipants:\n- party: a\n  datset: digits\n"),
        task("name: digits\ntemplate: digits\nparticipants:\n- party: A_B\n"),
        task(
            "name: one\ntemplate: digits\nparticipants: []\n---\nname: digits\ntemplate: digits\nparticipants: []\npolicies:\n  deadlines:\n    stal: 3m\n",
        ),
        task("name: digits\ntemplate: digits\nparticipants: []\npolicies:\n  deadlines:\n    stall: 3\n"),
        task("name: digits\ntemplate: digits\nparticipants: []\npolicies:\n  max_retries: -1\n"),
        task("{\"name\": \"digits\", \"template\": \"digits\", \"participants\": [], \"x\": 1}"),
    ];
    assert_snapshot!("strict", said.join("\n"));
}

#[test]
fn values_keep_their_type() {
    let text = "name: digits\nframework: iflearner\ncommand: [python, '3', \"{hyper.lr}\"]\n\
                hyperparameters: {epochs: 3, lr: 0.5, smooth: true, mode: no, word: \"7\"}\n";
    let documents = manifest::parse::<TemplateSpec>("t.yaml", text).unwrap();
    assert_eq!(
        serde_json::to_value(&documents[0].content.hyperparameters).unwrap(),
        serde_json::json!({"epochs": 3, "lr": 0.5, "smooth": true, "mode": "no", "word": "7"})
    );
}

#[test]
fn a_bomb_or_a_large_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let large = support::file(dir.path(), "large.yaml", &"#".repeat((1 << 20) + 1));
    let done = flowctl("http://127.0.0.1:1", &["task", "create", "-f", &large]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("larger than 1 MiB"), "{}", done.stderr);

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
    }
    assert!(template(&format!("name: digits\nframework: iflearner\ncommand: *a9\n{bomb}")).len() < 1_000);
    assert!(template(&format!("hyperparameters:\n  {}", bomb.replace('\n', "\n  "))).len() < 1_000);
}

#[test]
fn certificates_are_made_and_never_replaced_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (ca, out) = (path("ca"), path("out"));
    let run = |args: &[&str]| flowctl("http://127.0.0.1:1", args);

    let early = run(&["pki", "issue", "party", "a", "--dir", &ca, "--out", &out]);
    assert_eq!(early.code, 2);
    assert!(early.stderr.contains("flowctl pki init --dir"), "{}", early.stderr);

    assert_eq!(run(&["pki", "init", "--dir", &ca]).code, 0);
    assert_eq!(
        run(&["pki", "init", "--dir", &ca]).code,
        6,
        "an authority is not overwritten"
    );
    let server = [
        "pki",
        "issue",
        "server",
        "--dir",
        &ca,
        "--out",
        &out,
        "--host",
        "localhost",
        "--host",
        "127.0.0.1",
    ];
    let made = run(&server);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(run(&server).code, 6);
    assert_eq!(run(&[&server[..], &["--force"]].concat()).code, 0);
    assert_eq!(
        run(&["pki", "issue", "party", "party-a", "--dir", &ca, "--out", &out]).code,
        0
    );
    for name in ["server.crt", "server.key", "party-a.crt", "party-a.key", "ca.crt"] {
        assert!(dir.path().join("out").join(name).exists(), "{name}");
    }
    let wrong = run(&["pki", "issue", "party", "Party_A", "--dir", &ca, "--out", &out]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("party name"), "{}", wrong.stderr);
}

#[test]
fn each_setting_is_shown_with_its_source() {
    let done = flowctl("http://127.0.0.1:7", &["config", "-o", "table"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_snapshot!("config", done.stdout);
}
