//! The cgroup that all containers are in: who is in it belongs to the node.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{ClusterError, ProcessId, wait::Cancel};

/// Its name in every hierarchy.
const NAME: &str = "flow-cluster";

/// What kubelet gives pods limits of. A kernel may lack some.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"];

/// The kernel frees a cgroup a moment after its last process.
const REMOVED: Duration = Duration::from_secs(20);

/// Makes it, in the one hierarchy of version 2 or in all of version 1.
pub(super) fn create() -> Result<(), ClusterError> {
    for root in hierarchies() {
        // Version 1 has no such file.
        let control = root.join("cgroup.subtree_control");
        if control.exists() {
            for controller in CONTROLLERS {
                let _ = fs::write(&control, format!("+{controller}"));
            }
        }
        let group = root.join(NAME);
        match fs::create_dir(&group) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ClusterError::file("create", &group)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Its name as kubelet wants it.
pub(super) fn name() -> String {
    format!("/{NAME}")
}

/// Every process in it and below.
pub(crate) fn processes() -> Vec<ProcessId> {
    let groups = groups();
    let lists = groups
        .iter()
        .filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok());
    let mut ids: Vec<ProcessId> = lists
        .flat_map(|list| {
            list.lines()
                .filter_map(|line| ProcessId::of(line.parse().ok()?))
                .collect::<Vec<_>>()
        })
        .collect();
    ids.sort_by_key(|id| id.pid);
    ids.dedup();
    ids
}

/// Removes it; no process must be in it.
pub(super) fn remove() -> Result<(), ClusterError> {
    Cancel::default().within(REMOVED, "the containers' cgroups are gone", || {
        for group in groups() {
            // One that is busy is tried again.
            let _ = fs::remove_dir(group);
        }
        Ok(groups().is_empty().then_some(()))
    })
}

/// What there is of it.
pub(super) fn leftovers() -> impl Iterator<Item = String> {
    let tops = hierarchies().into_iter().map(|root| root.join(NAME));
    tops.filter(|top| top.exists())
        .map(|top| format!("cgroup {}", top.display()))
}

/// It and all below, inner ones first.
fn groups() -> Vec<PathBuf> {
    fn collect(group: &Path, into: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(group) else {
            return;
        };
        let folders = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.for_each(|folder| collect(&folder.path(), into));
        into.push(group.to_owned());
    }
    let mut groups = Vec::new();
    for root in hierarchies() {
        collect(&root.join(NAME), &mut groups);
    }
    groups
}

/// Where cgroup file systems are mounted.
fn hierarchies() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    parse(&table)
}

/// `id parent device root point options … - type source options`
fn parse(table: &str) -> Vec<PathBuf> {
    let point = |line: &str| {
        let (mount, kind) = line.split_once(" - ")?;
        let is_cgroup = matches!(kind.split(' ').next()?, "cgroup" | "cgroup2");
        let point = PathBuf::from(mount.split(' ').nth(4)?);
        (is_cgroup && point.starts_with("/sys/fs/cgroup")).then_some(point)
    };
    table.lines().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let one = "30 29 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
                   29 20 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                   31 29 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(
            parse(one),
            [Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup/unified")]
        );
        let two = "29 20 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
        assert_eq!(parse(two), [Path::new("/sys/fs/cgroup")]);
    }
}
