//! Whose the machine's one node is, and what of the machine is to be put back afterwards.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::places;
use crate::{
    ClusterError, State,
    building::Building,
    lock::{self, Lock},
    teardown,
};

/// Goes with the machine's restart, as everything does that a node leaves.
const DIR: &str = "/run/flow-cluster";

/// Settings of the whole kernel that kubelet and kube-proxy change.
const SYSCTLS: [&str; 7] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/netfilter/nf_conntrack_max",
];

#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    dir: PathBuf,
    /// Names and values as they were before.
    sysctls: Vec<(String, String)>,
    /// Folders that were not there before.
    places: Vec<PathBuf>,
}

/// Makes the node this cluster's; takes down one that was left behind.
pub(crate) fn claim(building: &mut Building<'_>) -> Result<(), ClusterError> {
    let _lock = lock()?;
    if let Some(other) = holder() {
        clear(&other, building.options.say)?;
    }
    let dir = building.layout.dir().to_owned();
    fs::create_dir_all(DIR).map_err(ClusterError::file("create", DIR))?;
    let read = |name: &&str| Some(((*name).to_owned(), fs::read_to_string(sysctl(name)).ok()?));
    let sysctls = SYSCTLS.iter().filter_map(read).collect();
    let mut claim = Claim {
        dir,
        sysctls,
        places: Vec::new(),
    };
    // Before anything is changed, so that whatever happens then is cleaned up after.
    save(&claim)?;
    claim.places = places::make()?;
    save(&claim)
}

fn save(claim: &Claim) -> Result<(), ClusterError> {
    let write = || -> io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(DIR)?;
        serde_json::to_writer(&file, claim)?;
        file.persist(path())?;
        Ok(())
    };
    write().map_err(ClusterError::file("write", path()))
}

/// Takes down the node's former cluster, unless it is somebody's.
fn clear(other: &Path, say: fn(&str)) -> Result<(), ClusterError> {
    let state = State::load(other).ok().flatten();
    if let Some(state) = state.filter(State::is_taken) {
        let owner = state.owner.map(|owner| owner.pid);
        return Err(ClusterError::Held {
            dir: other.to_owned(),
            owner,
        });
    }
    say(&format!("taking down the node that {} left", other.display()));
    teardown::down(other, &lock::take(other)?)
}

/// Whether the node is that cluster's.
pub(crate) fn is_claimed_by(dir: &Path) -> bool {
    holder().is_some_and(|holder| holder == dir)
}

/// Whether it is that of a cluster elsewhere. Another user's claim cannot be read, so it is not this user's.
pub(crate) fn is_claimed_by_other(dir: &Path) -> bool {
    path().exists() && !is_claimed_by(dir)
}

/// Puts the kernel's settings and the machine's folders back.
pub(super) fn restore() {
    let Some(claim) = load() else {
        return;
    };
    places::remove(&claim.places);
    for (name, value) in claim.sysctls {
        let path = sysctl(&name);
        // Writing can have effects of its own, and one that cannot be written was not changed either.
        if fs::read_to_string(&path).is_ok_and(|now| now != value) {
            let _ = fs::write(&path, value);
        }
    }
}

/// Gives the node back; nothing of it must be left.
pub(crate) fn release() -> Result<(), ClusterError> {
    match fs::remove_dir_all(DIR) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::file("remove", DIR)(error)),
        _ => lock::remove(Path::new(DIR)),
    }
}

/// What there is of it.
pub(super) fn leftovers() -> Option<String> {
    Path::new(DIR).exists().then(|| format!("directory {DIR}"))
}

/// Where the network namespace is mounted.
pub(super) fn network() -> PathBuf {
    Path::new(DIR).join("network")
}

/// Where containers' shims listen: a short path, gone with the claim.
pub(super) fn shim_sockets() -> PathBuf {
    Path::new(DIR).join("shims")
}

fn holder() -> Option<PathBuf> {
    load().map(|claim| claim.dir)
}

fn load() -> Option<Claim> {
    serde_json::from_slice(&fs::read(path()).ok()?).ok()
}

fn lock() -> Result<Lock, ClusterError> {
    lock::take(Path::new(DIR))
}

fn path() -> PathBuf {
    Path::new(DIR).join("node.json")
}

fn sysctl(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}
