//! What is still there of a cluster.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    node, place,
    process::{MARKER, with_variable},
};

/// Everything that is there of the cluster in `dir`, each as a line for people: processes, mounts, files, and the
/// machine's node with its interfaces, namespaces and cgroups, if that is this cluster's or nobody's. Empty after it was
/// taken down.
#[must_use]
pub fn leftovers(dir: &Path) -> Vec<String> {
    let dir = place::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let mut left = own(&dir);
    if !node::is_claimed_by_other(&dir) {
        left.extend(node::leftovers());
    }
    left
}

/// What is there of it beside a node.
pub(crate) fn own(dir: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for id in with_variable(MARKER, dir) {
        let name = fs::read_to_string(format!("/proc/{}/comm", id.pid)).unwrap_or_default();
        left.push(format!("process {} ({})", id.pid, name.trim_end()));
    }
    left.extend(
        mounts_under(dir)
            .iter()
            .map(|mount| format!("mount {}", mount.display())),
    );
    if dir.exists() {
        left.push(format!("directory {}", dir.display()));
    }
    left
}

/// Mount points under `dir`, inner ones first.
pub(crate) fn mounts_under(dir: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let mut points: Vec<PathBuf> = points.filter(|point| point.starts_with(dir)).collect();
    points.reverse();
    points
}

/// The kernel writes blanks and the like as `\040`.
fn unescape(point: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(point.len());
    let mut rest = point.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match octal {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_mount_points_are_read() {
        assert_eq!(unescape("/a\\040b/c"), Path::new("/a b/c"));
        assert_eq!(unescape("/a\\"), Path::new("/a\\"));
    }

    #[test]
    fn mounts_of_this_machine_are_seen() {
        let all = mounts_under(Path::new("/"));
        assert!(all.iter().any(|point| point == Path::new("/proc")), "{all:?}");
        assert_eq!(mounts_under(Path::new("/no/such/folder")), Vec::<PathBuf>::new());
    }
}
