//! What is known after all runs have ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use flow_api::{AssignmentView, EventView, RunView};
use flow_testbed::{System, eventually};

use crate::{
    plan::Who,
    runs::{self, Accepted},
    trace::Started,
    world::World,
};

/// A run with all that the server says of it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) run: RunView,
    pub(crate) assignments: Vec<AssignmentView>,
    pub(crate) events: Vec<EventView>,
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The runs that were accepted.
    pub(crate) accepted: Vec<Accepted>,
    /// The runs that there are.
    pub(crate) known: Vec<Known>,
    /// The starts of jobs, by assignment.
    pub(crate) started: BTreeMap<String, Started>,
    /// The assignments whose job or supervisor was killed.
    pub(crate) killed: BTreeSet<String>,
    /// Daemons that have ended by themselves, with what they said.
    pub(crate) own_ends: Vec<(Who, String)>,
}

impl Evidence {
    /// Asks the server, and reads what the jobs have left.
    pub(crate) async fn of(world: &World, accepted: Vec<Accepted>) -> Self {
        let api = &world.system.api;
        let mut known = Vec::new();
        for run in runs::all(api).await.unwrap() {
            let events = api.events(run.id).await;
            assert!(events.len() < 500, "the page has all of them");
            known.push(Known {
                assignments: api.assignments(run.id).await,
                events,
                run,
            });
        }
        Self {
            accepted,
            known,
            started: world.trace.read(),
            killed: world.killed.clone(),
            own_ends: world.own_ends.clone(),
        }
    }
}

/// What has happened, in a few words.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut attempts, mut ends, mut causes) = (0, BTreeMap::new(), BTreeMap::new());
        for Known { run, .. } in &self.known {
            attempts += run.attempts.len();
            *ends.entry(run.state.to_string()).or_insert(0) += 1;
            for cause in run.attempts.iter().filter_map(|attempt| attempt.cause.as_ref()) {
                *causes.entry(cause.reason).or_insert(0) += 1;
            }
        }
        let (runs, starts, hits) = (self.known.len(), self.started.len(), self.killed.len());
        let in_vain: u32 = self.accepted.iter().map(|accepted| accepted.in_vain).sum();
        writeln!(
            f,
            "{runs} runs in {attempts} attempts: {starts} jobs, {hits} of them killed"
        )?;
        write!(
            f,
            "ends: {ends:?}, causes: {causes:?}; asked for {in_vain} times in vain"
        )
    }
}

/// Fails unless, within a minute, no process of any job is left, and no claim on a port.
pub(crate) async fn nothing_left(system: &System) {
    system.nothing_left().await;
    let root = system.dir().to_str().unwrap();
    let registry = system.dir().parent().unwrap().join("flow-test-ports");
    eventually(Vec::<String>::new(), "ports given out", async || {
        let claims = fs::read_dir(&registry).into_iter().flatten().flatten();
        let claims = claims.filter_map(|claim| {
            let owner = fs::read_to_string(claim.path()).ok()?;
            owner
                .starts_with(root)
                .then(|| format!("{}: {owner}", claim.path().display()))
        });
        claims.collect()
    })
    .await;
}

/// Every process that has to do with a folder, by its command line, its environment or where it is: of jobs, of daemons, of
/// the database, with or without a mark of ours. So who listens on a port is found as well.
pub(crate) fn processes_of(folder: &Path) -> Vec<String> {
    let mention = |bytes: &[u8]| {
        let name = folder.as_os_str().as_bytes();
        bytes.windows(name.len()).any(|part| part == name)
    };
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let processes = entries.filter_map(|process| {
        let command = fs::read(process.join("cmdline")).ok()?;
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let at = fs::read_link(process.join("cwd")).unwrap_or_default();
        let ours = mention(&command) || mention(&environment) || at.starts_with(folder);
        ours.then(|| {
            format!(
                "{} {}",
                process.display(),
                String::from_utf8_lossy(&command).replace('\0', " ")
            )
        })
    });
    processes.collect()
}
