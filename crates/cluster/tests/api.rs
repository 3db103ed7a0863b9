//! API servers without a node: objects come to life, clusters stand beside each other, and nothing stays.

mod common;

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command};

use common::{apply, kubectl, printed, within};
use flow_cluster::{Cluster, ClusterError, Level, Options, leftovers};

fn up(dir: &Path) -> Cluster {
    Cluster::up(&Options::new(dir, Level::Api)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn objects_come_to_life_and_nothing_stays() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("cluster");
    let cluster = up(&dir);
    let state = cluster.state().clone();
    let version = printed(&state, "version --output=json");
    assert!(
        version.contains(&format!("\"gitVersion\": \"v{}\"", flow_cluster::KUBERNETES)),
        "{version}"
    );

    apply(&state, include_str!("manifests/deployment.yaml"));
    // The deployment's and the replica set's controllers are at work, and the scheduler finds no node.
    let pod = within("a pod is there", || {
        let pods = printed(&state, "--namespace=work get pods --output=name");
        Some(pods.lines().next()?.to_owned())
    });
    printed(
        &state,
        &format!("--namespace=work wait --for=condition=PodScheduled=False --timeout=60s {pod}"),
    );
    // Whatever belongs to an object goes with it, and whatever is in a namespace too.
    printed(
        &state,
        "--namespace=work delete deployment sleeper --cascade=foreground --timeout=60s",
    );
    assert_eq!(
        printed(&state, "--namespace=work get replicasets,pods --output=name"),
        ""
    );
    printed(&state, "delete namespace work --timeout=60s");

    // Pod Security is enforced as on any cluster.
    apply(&state, include_str!("manifests/restricted.yaml"));
    let refused = kubectl(&state, "--namespace=restricted run root --image=a")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("violates PodSecurity \"restricted:latest\""), "{error}");

    assert!(matches!(
        Cluster::up(&Options::new(&dir, Level::Api)),
        Err(ClusterError::Running { .. })
    ));
    let attached = Cluster::attach(&dir).unwrap().unwrap();
    assert_eq!(attached.state(), &state);
    drop(attached);
    assert!(!leftovers(&dir).is_empty());
    cluster.down().unwrap();
    assert_eq!(leftovers(&dir), Vec::<String>::new());
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    assert!(Cluster::attach(&dir).unwrap().is_none());
    // Once more is fine.
    Cluster::down_in(&dir).unwrap();
}

#[test]
fn what_a_crash_leaves_is_taken_down_by_the_next() {
    let base = tempfile::tempdir().unwrap();
    let (first, second) = (base.path().join("first"), base.path().join("second"));
    let crashed = up(&first);
    let processes = crashed.state().processes.clone();
    // Its owner is gone, and a part of it was killed.
    let mut dead = Command::new("true").process_group(0).spawn().unwrap();
    dead.wait().unwrap();
    let path = first.join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    state["owner"] = serde_json::json!({"pid": dead.id(), "start_ticks": 1});
    fs::write(&path, state.to_string()).unwrap();
    std::mem::forget(crashed);
    let killed = processes[0].id.pid.to_string();
    assert!(Command::new("kill").args(["-9", &killed]).status().unwrap().success());
    assert!(processes[1..].iter().all(|process| process.id.is_alive()));

    let cluster = up(&second);
    assert_eq!(leftovers(&first), Vec::<String>::new());
    assert!(processes.iter().all(|process| !process.id.is_alive()));
    drop(cluster);
    assert_eq!(leftovers(&second), Vec::<String>::new());
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
}

#[test]
fn a_cancelled_one_leaves_nothing() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("cluster");
    let options = Options::new(&dir, Level::Api);
    let flag = options.cancelled.clone();
    let upping = std::thread::spawn(move || Cluster::up(&options).map(drop));
    // Building the programs may come first. As soon as something runs, the caller changes its mind.
    while !upping.is_finished() && !leftovers(&dir).iter().any(|line| line.starts_with("process")) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    flag.store(true, std::sync::atomic::Ordering::Relaxed);
    let outcome = upping.join().unwrap();
    assert!(matches!(outcome, Err(ClusterError::Cancelled)), "{outcome:?}");
    assert_eq!(leftovers(&dir), Vec::<String>::new());
}

#[test]
fn a_directory_with_other_files_is_not_touched() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("thesis.txt");
    fs::write(&file, "years of work").unwrap();
    assert!(matches!(
        Cluster::down_in(base.path()),
        Err(ClusterError::Option { .. })
    ));
    assert!(matches!(
        Cluster::up(&Options::new(base.path(), Level::Api)),
        Err(ClusterError::Option { .. })
    ));
    assert_eq!(fs::read_to_string(&file).unwrap(), "years of work");
}
