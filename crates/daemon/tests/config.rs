//! Configuration: precedence, provenance, complaints and secrets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flow_daemon::config::{ConfigError, Layers, Loaded, Problem, Source};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settings {
    rest: Rest,
    store: Store,
    #[serde(default)]
    tls: Option<Tls>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    parties: Vec<Party>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rest {
    listen: SocketAddr,
    workers: u16,
    ratio: f64,
    verbose: bool,
    origins: Vec<String>,
    ports: Vec<u16>,
    mode: Mode,
    #[serde(with = "flow_daemon::config::duration")]
    deadline: Duration,
    #[serde(default, with = "flow_daemon::config::duration::option")]
    grace: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Open,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Store {
    url: String,
    password: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tls {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Party {
    name: String,
    slots: u8,
}

fn defaults() -> Settings {
    Settings {
        rest: Rest {
            listen: "127.0.0.1:8080".parse().unwrap(),
            workers: 4,
            ratio: 0.5,
            verbose: false,
            origins: vec!["a".into()],
            ports: vec![],
            mode: Mode::Open,
            deadline: Duration::from_secs(90),
            grace: None,
        },
        store: Store {
            url: "mysql://flow:hunter2@db/flow".into(),
            password: "hunter2".into(),
        },
        tls: None,
        labels: BTreeMap::new(),
        parties: Vec::new(),
    }
}

fn layers() -> Layers {
    Layers::new("FLOW_TEST").defaults(&defaults())
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| (format!("FLOW_TEST{name}"), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flow.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn refused(layers: Layers) -> ConfigError {
    layers.load::<Settings>().unwrap_err()
}

fn source<'l>(loaded: &'l Loaded<Settings>, key: &str) -> &'l Source {
    &loaded.sources.iter().find(|setting| setting.key == key).unwrap().source
}

#[test]
fn defaults_alone_are_a_configuration() {
    let loaded = layers().load::<Settings>().unwrap();
    assert_eq!(loaded.value, defaults());
    assert!(loaded.sources.iter().all(|setting| setting.source == Source::Default));
}

#[test]
fn later_layers_win_and_each_value_knows_its_source() {
    let (_dir, path) = file("# comment\n[rest]\nworkers = 5\nratio = 1\nlisten = '127.0.0.1:5'\nmode = 'closed'\n");
    let loaded = layers()
        .file(&path, true)
        .env(env(&[("__REST__RATIO", "0.25"), ("__REST__LISTEN", "127.0.0.1:6")]))
        .set([("rest.listen", "[::1]:7")])
        .load::<Settings>()
        .unwrap();
    let rest = &loaded.value.rest;
    assert_eq!((rest.workers, rest.ratio, rest.mode), (5, 0.25, Mode::Closed));
    assert_eq!(rest.listen, "[::1]:7".parse().unwrap());
    assert!(!rest.verbose);

    let at = |line| Source::File {
        path: path.clone(),
        line,
    };
    assert_eq!(source(&loaded, "rest.workers"), &at(3));
    assert_eq!(source(&loaded, "rest.mode"), &at(6));
    assert_eq!(
        source(&loaded, "rest.ratio"),
        &Source::Env("FLOW_TEST__REST__RATIO".into())
    );
    assert_eq!(source(&loaded, "rest.listen"), &Source::Flag);
    assert_eq!(source(&loaded, "rest.verbose"), &Source::Default);
}

#[test]
fn text_is_read_as_the_type_that_the_setting_has() {
    let loaded = layers()
        .env(env(&[
            ("__REST__VERBOSE", "true"),
            ("__REST__WORKERS", " 12 "),
            ("__REST__ORIGINS", "x, 7,true"),
            ("__REST__PORTS", "[80, 443]"),
            ("__REST__MODE", "closed"),
            ("__REST__DEADLINE", "1h30m"),
            ("__REST__GRACE", "5s"),
            ("__STORE__PASSWORD", "1234"),
            ("__LABELS__ZONE", "2024-01-01"),
            ("__TLS", "{ cert = 'a.crt', key = 'a.key' }"),
        ]))
        .set_arguments(["tls.key=b=c.key", "labels.empty="])
        .load::<Settings>()
        .unwrap();
    let Settings {
        rest,
        store,
        tls,
        labels,
        ..
    } = loaded.value;
    assert!(rest.verbose && rest.workers == 12 && rest.mode == Mode::Closed);
    assert_eq!(rest.origins, ["x", "7", "true"]);
    assert_eq!(rest.ports, [80, 443]);
    assert_eq!(rest.deadline, Duration::from_secs(5400));
    assert_eq!(rest.grace, Some(Duration::from_secs(5)));
    assert_eq!(store.password, "1234");
    assert_eq!(labels["zone"], "2024-01-01");
    assert_eq!(labels["empty"], "");
    assert_eq!(
        tls,
        Some(Tls {
            cert: "a.crt".into(),
            key: "b=c.key".into()
        })
    );
}

#[test]
fn a_list_of_tables_comes_from_the_file() {
    let (_dir, path) = file("[[parties]]\nname='a'\nslots=1\n[[parties]]\nname='b'\nslots=2\n");
    let loaded = layers().file(&path, true).load::<Settings>().unwrap();
    let names: Vec<_> = loaded.value.parties.iter().map(|party| party.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(source(&loaded, "parties[1].slots"), &Source::File { path, line: 6 });
}

#[test]
fn unknown_keys_are_refused_from_every_source_with_a_suggestion() {
    let (_dir, path) = file("lisden = 1\n[rest]\nlisten_addr = 'x'\n[[parties]]\nname='a'\nslots=1\nslot=2\n");
    let error = refused(
        layers()
            .file(&path, true)
            .env(env(&[("__REST__WORKRES", "1"), ("__URL", "x")]))
            .set([("store.colour", "red"), ("rset.listen", "x")]),
    );
    let found: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| match problem {
            Problem::Unknown { key, from, suggestion } => (key.as_str(), from.to_string(), suggestion.as_deref()),
            other => panic!("{other}"),
        })
        .collect();
    let at = |line: u8| format!("{}:{line}", path.display());
    for expected in [
        ("rest.listen_addr", at(3), Some("rest.listen")),
        (
            "rest.workres",
            "environment variable FLOW_TEST__REST__WORKRES".into(),
            Some("rest.workers"),
        ),
        ("url", "environment variable FLOW_TEST__URL".into(), Some("store.url")),
        ("store.colour", "command line".into(), None),
        ("rset", "command line".into(), Some("rest")),
        ("parties[0].slot", at(7), Some("parties[0].slots")),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    }
    assert_eq!(found.len(), 7);
    assert!(
        error.to_string().contains(
            r#""rest.workres" (environment variable FLOW_TEST__REST__WORKRES); did you mean "rest.workers"?"#
        )
    );
}

#[test]
fn a_variable_with_one_underscore_too_few_is_told() {
    let error = refused(layers().env(env(&[("_REST__LISTEN", "x"), ("_SERVICE_HOST", "10.0.0.1")])));
    let [Problem::Prefix { found, meant }] = error.problems() else {
        panic!("{error}");
    };
    assert_eq!(
        (found.as_str(), meant.as_str()),
        ("FLOW_TEST_REST__LISTEN", "FLOW_TEST__REST__LISTEN")
    );
}

#[test]
fn wrong_values_name_the_key_and_the_source() {
    let (_dir, path) = file("[rest]\nworkers = 'many'\n");
    let error = refused(layers().file(&path, true)).to_string();
    assert!(
        error.contains(r#""rest.workers""#) && error.contains("flow.toml:2"),
        "{error}"
    );
    assert!(error.contains("expected u16"), "{error}");

    for (key, value, expected) in [
        ("rest.workers", "70000", "expected u16"),
        ("rest.ports", "80,http", "ports[1]"),
        ("rest.mode", "ajar", "`open` or `closed`"),
        ("rest.deadline", "90", "duration such as"),
        ("rest.deadline", "-1s", "duration such as"),
        ("rest.deadline", "99999999999999999999y", "duration such as"),
        ("rest.listen", "nowhere", "socket address"),
        ("rest.listen.deeper", "x", "invalid type: map"),
        ("rest", "x", "invalid type: string"),
        ("rest.verbose", "true\nworkers = 3", "invalid type"),
    ] {
        let error = refused(layers().set([(key, value)])).to_string();
        assert!(
            error.contains(expected) && error.contains("command line"),
            "{key}={value}: {error}"
        );
    }
    let error = refused(layers().set_arguments(["rest.listen"])).to_string();
    assert!(error.contains("key=value"), "{error}");
}

#[test]
fn a_missing_setting_is_told_with_its_variable() {
    let error = refused(Layers::new("FLOW_TEST").set([("rest.workers", "1")]));
    let text = error.to_string();
    assert!(text.contains(r#""rest.listen" is required"#), "{text}");
    assert!(text.contains("FLOW_TEST__REST__LISTEN"), "{text}");
}

#[test]
fn files_are_required_or_not_and_broken_ones_are_told_by_line() {
    let missing = Path::new("/nowhere/flow.toml");
    layers().file(missing, false).load::<Settings>().unwrap();
    assert!(
        refused(layers().file(missing, true))
            .to_string()
            .contains("/nowhere/flow.toml")
    );

    let (_dir, path) = file("[rest]\nworkers = 1\n[store]\npassword = hunter2\n");
    let error = refused(layers().file(&path, true)).to_string();
    assert!(error.contains("flow.toml:4"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");

    let (_dir, path) = file(&"#".repeat((1 << 20) + 1));
    assert!(matches!(
        refused(layers().file(&path, true)).problems(),
        [Problem::TooLarge(_)]
    ));
}

#[test]
fn what_is_shown_holds_no_secret() {
    let loaded = layers()
        .secret("labels.pin")
        .set([
            ("labels.pin", "hunter2"),
            ("labels.plain", "shown"),
            ("rest.ports", "[[1], []]"),
        ])
        .set([("rest.ports", "80, 443"), ("tls", "{ cert = 'x', key = 'y' }")])
        .set([
            ("store", "{ password = 'hunter2' }"),
            ("parties", "[{ name = 'a', slots = 1 }]"),
        ])
        .load::<Settings>()
        .unwrap();
    let text = loaded.render();
    assert!(!text.contains("hunter2"), "{text}");
    assert!(
        text.contains(r#"store.url = "mysql://flow:***@db/flow"  # default"#),
        "{text}"
    );
    assert!(text.contains("store.password = ***"), "{text}");
    assert!(text.contains(r#"labels.plain = "shown"  # command line"#), "{text}");
    assert!(text.contains(r#"tls.key = "y"  # command line"#), "{text}");
    assert!(text.contains("parties[0].slots = 1  # command line"), "{text}");
    assert!(text.contains("# rest.grace is not set"), "{text}");
    assert!(text.contains(r#"rest.deadline = "1m 30s""#), "{text}");
}

#[test]
fn a_complaint_about_a_secret_does_not_tell_it() {
    #[derive(Debug, Deserialize)]
    struct Login {
        #[expect(dead_code, reason = "only its type matters")]
        pin_secret: u16,
    }
    let layers = Layers::new("FLOW_TEST").set([("pin_secret", "hunter2")]);
    let error = layers.load::<Login>().unwrap_err().to_string();
    assert!(error.contains("pin_secret") && !error.contains("hunter2"), "{error}");
}
