//! Taking a cluster down: all of it, in whatever state it is, and again if need be.

use std::{fs, io, path::Path, thread, time::Duration};

use crate::{
    ClusterError, State,
    leftovers::{mounts_under, own},
    lock::{self, Lock},
    node,
    process::{MARKER, with_variable},
    registry,
    wait::Cancel,
};

/// A killed process is gone as soon as the kernel has freed its memory.
const KILLED: Duration = Duration::from_secs(30);

/// How often a folder is emptied that something still writes to.
const REMOVALS: u32 = 40;

/// Takes it down. Nothing in it is worth an orderly end: what it knows goes with it.
pub(crate) fn down(dir: &Path, _held: &Lock) -> Result<(), ClusterError> {
    let is_node = node::is_claimed_by(dir);
    kill(dir, is_node)?;
    if is_node {
        node::down()?;
    }
    unmount(dir)?;
    remove(dir)?;
    let mut leftovers = own(dir);
    if is_node {
        // As long as the node is this cluster's: afterwards it may be the next one's.
        leftovers.extend(node::things());
        node::release()?;
    }
    registry::remove(dir)?;
    lock::remove(dir)?;
    if leftovers.is_empty() {
        return Ok(());
    }
    Err(ClusterError::Leftovers {
        dir: dir.to_owned(),
        leftovers,
    })
}

/// Ends every process of it, by what is in its environment and by what was written down, and every container.
fn kill(dir: &Path, is_node: bool) -> Result<(), ClusterError> {
    let known: Vec<_> = State::load(dir)
        .ok()
        .flatten()
        .map(|state| state.processes)
        .unwrap_or_default();
    Cancel::default().within(KILLED, "every process of the cluster has ended", || {
        let mut alive = with_variable(MARKER, dir);
        alive.extend(known.iter().map(|process| process.id).filter(|id| id.is_alive()));
        if is_node {
            alive.extend(node::cgroup::processes());
        }
        alive.iter().for_each(|id| id.kill());
        Ok(alive.is_empty().then_some(()))
    })
}

/// Unmounts whatever is mounted there and below. A node's mounts go with its processes; this is for the others.
pub(crate) fn unmount(dir: &Path) -> Result<(), ClusterError> {
    for mount in mounts_under(dir) {
        let flags = nix_umount(&mount);
        flags.map_err(ClusterError::file("unmount", &mount))?;
    }
    Ok(())
}

fn nix_umount(mount: &Path) -> io::Result<()> {
    let status = std::process::Command::new("umount").arg("--lazy").arg(mount).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(status.to_string()))
    }
}

/// Removes the run directory.
fn remove(dir: &Path) -> Result<(), ClusterError> {
    let mut tries = 0;
    loop {
        match fs::remove_dir_all(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // The kernel may take a moment to let go of the mounts of a namespace that is gone.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && tries < REMOVALS => {
                tries += 1;
                thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(ClusterError::file("remove", dir)(error)),
        }
    }
}
