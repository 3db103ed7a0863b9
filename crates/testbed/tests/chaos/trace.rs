//! What the jobs themselves have left behind of their starts; `assets/chaos/traced.py` writes it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use flow_testbed::{assets, iflearner, within};
use serde::Deserialize;
use tokio::process::{Child, Command};

/// A folder that jobs note their starts in.
#[derive(Debug)]
pub(crate) struct Trace(PathBuf);

/// All that was noted of one assignment.
#[derive(Debug, Default)]
pub(crate) struct Started {
    /// The process of each start.
    pub(crate) pids: Vec<i32>,
    /// The other assignments that had a process when this one's was started.
    pub(crate) beside: Vec<String>,
    /// How many of its processes have looked who is there.
    pub(crate) looked: usize,
}

#[derive(Deserialize)]
struct Line {
    assignment: String,
    pid: i32,
    alive: Option<Vec<String>>,
}

impl Trace {
    /// Makes the folder; answers with it the program that is to be the jobs' Python.
    pub(crate) fn make(folder: &Path, python: &Path) -> (Self, PathBuf) {
        fs::create_dir_all(folder.join("alive")).unwrap();
        let program = folder.join("python");
        let [python, traced, at] =
            [python, &assets("chaos/traced.py"), folder].map(|path| format!("'{}'", path.display()));
        fs::write(&program, format!("#!/bin/sh\nexec {python} -IS {traced} {at} \"$@\"\n")).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        (Self(folder.to_owned()), program)
    }

    /// What was noted so far, by assignment.
    pub(crate) fn read(&self) -> BTreeMap<String, Started> {
        let text = fs::read_to_string(self.0.join("starts.jsonl")).unwrap_or_default();
        let mut all = BTreeMap::<String, Started>::new();
        for line in text.lines() {
            let line: Line = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let started = all.entry(line.assignment).or_default();
            match line.alive {
                None => started.pids.push(line.pid),
                Some(alive) => {
                    started.beside.extend(alive);
                    started.looked += 1;
                }
            }
        }
        all
    }
}

/// A job that waits to be killed.
fn job(program: &Path, assignment: &str) -> Child {
    Command::new(program)
        .args(["-c", "import time; time.sleep(60)"])
        .env("FLOW_ASSIGNMENT", assignment)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn the_trace_knows_of_second_starts_and_of_who_lives() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, program) = Trace::make(folder.path(), &iflearner().await);
    let looked = async |assignment: &str, times| {
        within(Duration::from_secs(30), "a start", async || {
            let started = trace.read().remove(assignment)?;
            (started.looked == times).then_some(started)
        })
        .await
    };
    let mut first = job(&program, "a");
    assert!(looked("a", 1).await.beside.is_empty());
    let _neighbour = job(&program, "b");
    assert_eq!(looked("b", 1).await.beside, ["a"]);
    // It is noted at once, and gets to run only after the first.
    let _second = job(&program, "a");
    within(Duration::from_secs(30), "the second start", async || {
        (trace.read()["a"].pids.len() == 2).then_some(())
    })
    .await;
    assert_eq!(trace.read()["a"].looked, 1);
    first.kill().await.unwrap();
    assert_eq!(looked("a", 2).await.beside, ["b"]);
}
