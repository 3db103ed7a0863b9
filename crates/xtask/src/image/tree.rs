//! What a layer is to hold: paths with their kind, mode and owner, in an order of their own.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::Outcome;

/// Nobody gains rights through a program of an image, so no file is set-uid or set-gid; the sticky bit stays.
const KEPT_MODE: u32 = 0o1777;

/// Who owns an entry, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: u64,
    pub(super) group: u64,
}

/// The superuser and its group.
pub(super) const ROOT: Owner = Owner { user: 0, group: 0 };

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder.
    Folder,
    /// A file with this text.
    Text(String),
    /// A copy of this file.
    File(PathBuf),
    /// A symbolic link to this path.
    Link(PathBuf),
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// The permission bits.
    pub(super) mode: u32,
    pub(super) owner: Owner,
}

/// Entries by their path, without a leading slash. Sorted, so that a folder comes before what is in it, and the same
/// entries always make the same layer.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: BTreeMap<String, Entry>,
}

impl Tree {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The entries, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// A folder.
    pub(super) fn folder(&mut self, path: &str, mode: u32, owner: Owner) -> &mut Self {
        self.insert(path, Kind::Folder, mode, owner)
    }

    /// A file that anybody may read, with this text.
    pub(super) fn text(&mut self, path: &str, text: impl Into<String>) -> &mut Self {
        self.insert(path, Kind::Text(text.into()), 0o644, ROOT)
    }

    /// A copy of a file of this machine.
    pub(super) fn file(&mut self, path: &str, source: impl Into<PathBuf>, mode: u32) -> &mut Self {
        self.insert(path, Kind::File(source.into()), mode, ROOT)
    }

    /// A symbolic link.
    pub(super) fn link(&mut self, path: &str, target: impl Into<PathBuf>) -> &mut Self {
        self.insert(path, Kind::Link(target.into()), 0o777, ROOT)
    }

    /// Everything below a folder of this machine, with its modes and owners, except what `skip` says of the path that
    /// it would get. Devices, sockets and pipes are left out: a container gets its own.
    pub(super) fn copy(&mut self, from: &Path, to: &str, skip: &dyn Fn(&str) -> bool) -> Outcome<&mut Self> {
        let unreadable = |error| format!("cannot read {}: {error}", from.display());
        for found in fs::read_dir(from).map_err(unreadable)? {
            let found = found.map_err(unreadable)?;
            let name = found.file_name().into_string();
            let name = name.map_err(|name| format!("{} holds {name:?}, which is not UTF-8", from.display()))?;
            let path = if to.is_empty() { name } else { format!("{to}/{name}") };
            if skip(&path) {
                continue;
            }
            let source = found.path();
            let about = found.metadata().map_err(unreadable)?;
            let owner = Owner {
                user: about.uid().into(),
                group: about.gid().into(),
            };
            let mode = about.permissions().mode();
            let kind = if about.is_dir() {
                self.copy(&source, &path, skip)?;
                Kind::Folder
            } else if about.is_symlink() {
                Kind::Link(fs::read_link(&source).map_err(unreadable)?)
            } else if about.is_file() {
                Kind::File(source)
            } else {
                continue;
            };
            self.insert(&path, kind, mode, owner);
        }
        Ok(self)
    }

    /// Gives everything that is there so far to one owner.
    pub(super) fn owned_by(&mut self, owner: Owner) -> &mut Self {
        for entry in self.entries.values_mut() {
            entry.owner = owner;
        }
        self
    }

    /// Puts an entry there, and the folders above it where nothing has said what they are.
    fn insert(&mut self, path: &str, kind: Kind, mode: u32, owner: Owner) -> &mut Self {
        for (at, _) in path.match_indices('/') {
            let above = || Entry {
                kind: Kind::Folder,
                mode: 0o755,
                owner: ROOT,
            };
            self.entries.entry(path[..at].to_owned()).or_insert_with(above);
        }
        let mode = mode & KEPT_MODE;
        self.entries.insert(path.to_owned(), Entry { kind, mode, owner });
        self
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn folders_above_an_entry_are_there_and_come_first() {
        let mut tree = Tree::new();
        tree.text("a-b", "").text("a/b/c", "text").folder("a", 0o700, ROOT);
        assert_eq!(paths(&tree), ["a", "a-b", "a/b", "a/b/c"]);
        let mode = |at: &str| tree.iter().find(|(path, _)| *path == at).map(|(_, entry)| entry.mode);
        assert_eq!(
            (mode("a"), mode("a/b"), mode("a/b/c")),
            (Some(0o700), Some(0o755), Some(0o644))
        );
    }

    #[test]
    fn a_folder_is_copied_with_modes_and_links_but_without_rights_to_gain() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("in/left/out")).unwrap();
        fs::write(dir.path().join("in/program"), "x").unwrap();
        fs::set_permissions(dir.path().join("in/program"), fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("program", dir.path().join("in/link")).unwrap();
        let mut tree = Tree::new();
        tree.copy(dir.path(), "to", &|path| path == "to/in/left").unwrap();
        assert_eq!(paths(&tree), ["to", "to/in", "to/in/link", "to/in/program"]);
        let entries: Vec<&Entry> = tree.iter().map(|(_, entry)| entry).collect();
        assert_eq!(entries[2].kind, Kind::Link("program".into()));
        assert_eq!(entries[3].mode, 0o755);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Tree::new()
            .copy(Path::new("no/such/folder"), "", &|_| false)
            .unwrap_err();
        assert!(error.to_string().starts_with("cannot read no/such/folder: "), "{error}");
    }
}
