//! What cannot be done is refused with the thing that is wrong and the next step, and nothing is left half-done.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use flow_domain::{Reason, RunState};
use flow_testbed::{System, faulty, program};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

async fn system() -> System {
    System::with(Path::new("/bin/true")).start().await
}

async fn rejected(system: &System, template: serde_json::Value, reason: Reason, words: &str) {
    let run = system.submit(template, json!({"policies": {"max_retries": 3}})).await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!((run.state, run.reason), (RunState::Rejected, reason), "{}", run.message);
    assert!(run.message.contains(words), "{}", run.message);
    assert_eq!(run.attempts.len(), 1, "what a party refuses is not tried again");
    system.nothing_left().await;
}

#[tokio::test]
async fn an_agent_starts_only_programs_that_its_party_has_named() {
    let mut template = faulty("program", 2, &[]);
    template["command"] = json!(["/bin/sh", "-c", "true"]);
    rejected(
        &system().await,
        template,
        Reason::ProgramNotFound,
        "runs no program '/bin/sh'",
    )
    .await;
}

#[tokio::test]
async fn an_unknown_workdir_is_named_with_the_nearest_right_one() {
    let mut template = faulty("workdir", 2, &[]);
    template["workdir"] = json!("/app/iflearnr");
    rejected(
        &system().await,
        template,
        Reason::WorkdirUnknown,
        "did you mean '/app/iflearner'",
    )
    .await;
}

#[tokio::test]
async fn a_path_as_data_is_taken_only_below_what_the_party_allows() {
    let outside = tempfile::tempdir().unwrap();
    let allowed = tempfile::tempdir().unwrap();
    fs::write(allowed.path().join("numbers.csv"), "1").unwrap();
    std::os::unix::fs::symlink(outside.path(), allowed.path().join("link")).unwrap();
    let root = allowed.path().to_owned();
    let system = System::with(Path::new("/bin/true"));
    let system = system.federate(move |config| config.agent.process.data_roots = vec![root.clone()]);
    let system = system.start().await;
    let run = async |name: &str, path: &Path| {
        let path = path.to_str().unwrap();
        let template = system.api.template(&faulty(name, 2, &["--data={dataset.path}"])).await;
        let participants = json!([{"party": "party-a", "dataset": path}]);
        let task = json!({"name": name, "template": template.id, "participants": participants});
        let task = system.api.task(&task).await;
        let run = system.api.start(&task.id.to_string()).await;
        system.api.finished(run.id, LIMIT).await
    };
    let there = run("there", &allowed.path().join("numbers.csv")).await;
    assert_ne!(there.state, RunState::Rejected, "it was begun: {}", there.message);
    for (name, path) in [
        ("outside", outside.path().to_owned()),
        ("by a link", allowed.path().join("link")),
        (
            "by dots",
            allowed.path().join("..").join(outside.path().file_name().unwrap()),
        ),
        ("nowhere", allowed.path().join("missing")),
    ] {
        let refused = run(name, &path).await;
        assert_eq!(
            (refused.state, refused.reason),
            (RunState::Rejected, Reason::DatasetUnknown),
            "{name}: {}",
            refused.message
        );
        assert!(
            refused.message.contains("in no folder that this party allows"),
            "{}",
            refused.message
        );
    }
    system.nothing_left().await;
}

#[tokio::test]
async fn a_data_set_that_is_gone_is_told_without_its_path() {
    let system = system().await;
    fs::remove_dir(system.parties[1].dir.join("data")).unwrap();
    let path = system.parties[1].dir.display().to_string();
    let run = system.submit(faulty("dataset", 2, &[]), json!({})).await;
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(
        (run.state, run.reason),
        (RunState::Rejected, Reason::DatasetUnknown),
        "{}",
        run.message
    );
    assert!(
        run.message.contains("party-b") && !run.message.contains(&path),
        "{}",
        run.message
    );
}

#[tokio::test]
async fn a_party_decides_which_frameworks_it_takes_part_with() {
    let system = System::with(Path::new("/bin/true"))
        .federate(|config| config.agent.policy.frameworks = vec!["flower".into()])
        .start()
        .await;
    rejected(&system, faulty("policy", 2, &[]), Reason::PolicyRefused, "flower only").await;
}

/// Starts a server by hand; answers its exit code and what it said. One that runs on is ended, and has no code.
async fn serve(settings: &[String]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(program("flow-server"));
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.arg("serve").stderr(Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ended.expect("the server runs, and should have refused to").unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let system = system().await;
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        format!("data_dir={}", dir.path().display()),
        format!("rest.listen={}", system.rest),
    ];
    let (code, said) = serve(&settings).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&format!("cannot listen on rest.listen = {}", system.rest)),
        "{said}"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn beyond_loopback_it_listens_only_when_told_so() {
    let (code, said) = serve(&["rest.listen=0.0.0.0:0".to_owned()]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("rest.allow_remote = true"), "{said}");
}

#[tokio::test]
async fn a_wrong_setting_is_named_with_the_nearest_right_one() {
    let (code, said) = serve(&["rest.listn=127.0.0.1:0".to_owned()]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("rest.listen"), "{said}");
}

/// A database file of this version, and the settings of a server that uses it.
fn migrated(dir: &Path) -> Vec<String> {
    let data = format!("data_dir={}", dir.display());
    let migrated = Command::new(program("flow-server"))
        .args(["--set", &data, "migrate"])
        .status()
        .unwrap();
    assert!(migrated.success());
    vec![
        data,
        "rest.listen=127.0.0.1:0".to_owned(),
        "link.listen=127.0.0.1:0".to_owned(),
    ]
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = migrated(dir.path());
    settings.push(format!(
        "database.url=sqlite://{}/flow.db?mode=ro",
        dir.path().display()
    ));
    let (code, said) = serve(&settings).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("flow.db") && said.contains("is read-only: give this user the right to write it"),
        "{said}"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = migrated(dir.path());
    let change = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); \
                  db.execute(\"insert into seaql_migrations values ('m20990101_000001_later', 0)\"); db.commit()";
    let changed = Command::new("python3")
        .args(["-c", change])
        .arg(dir.path().join("flow.db"))
        .status()
        .unwrap();
    assert!(changed.success());
    let (code, said) = serve(&settings).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("from a newer version (it has migration m20990101_000001_later)"),
        "{said}"
    );
}

#[tokio::test]
async fn a_damaged_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("flow.db"),
        "this is no database, and long enough to be taken for a header of one".repeat(20),
    )
    .unwrap();
    let (code, said) = serve(&[
        format!("data_dir={}", dir.path().display()),
        "rest.listen=127.0.0.1:0".into(),
        "link.listen=127.0.0.1:0".into(),
    ])
    .await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("cannot open the database") && said.contains("flow.db"),
        "{said}"
    );
}
