//! A layer of an image: a compressed tar archive that comes out the same, byte by byte, whenever its entries do.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};

use super::{
    digest::{Digest, Digesting},
    tree::{Entry, Kind, Tree},
};
use crate::Outcome;

/// A written layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Layer {
    /// The digest of the compressed archive, which is the blob's name.
    pub(super) digest: Digest,
    /// The digest of the archive itself, by which a configuration names it.
    pub(super) diff_id: Digest,
    /// The size of the compressed archive, in bytes.
    pub(super) size: u64,
    /// The compressed archive.
    #[serde(skip)]
    pub(super) path: PathBuf,
}

/// Writes a tree to a file. The times of files are left out, and of the compression's header its time and system.
pub(super) fn write(tree: &Tree, path: &Path) -> Outcome<Layer> {
    let unwritable = |error| format!("cannot write {}: {error}", path.display());
    let file = BufWriter::new(File::create(path).map_err(unwritable)?);
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(Digesting::new(file), Compression::new(6));
    let mut archive = Builder::new(Digesting::new(gzip));
    let mut seen = BTreeMap::new();
    for (name, entry) in tree.iter() {
        append(&mut archive, &mut seen, name, entry).map_err(|error| format!("cannot pack {name}: {error}"))?;
    }
    let (gzip, diff_id, _) = archive.into_inner().map_err(unwritable)?.finish();
    let (mut file, digest, size) = gzip.finish().map_err(unwritable)?.finish();
    file.flush().map_err(unwritable)?;
    Ok(Layer {
        digest,
        diff_id,
        size,
        path: path.to_owned(),
    })
}

/// Files of this machine that have several names there, by device and inode: the first name in the archive.
type Names<'a> = BTreeMap<(u64, u64), &'a str>;

fn append<'a>(
    archive: &mut Builder<impl Write>,
    seen: &mut Names<'a>,
    name: &'a str,
    entry: &'a Entry,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.user);
    header.set_gid(entry.owner.group);
    header.set_mtime(0);
    header.set_size(0);
    match &entry.kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, format!("{name}/"), io::empty())
        }
        Kind::Text(text) => {
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, text.as_bytes())
        }
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, name, target)
        }
        Kind::File(source) => {
            let about = fs::metadata(source)?;
            if about.nlink() > 1 {
                let first = *seen.entry((about.dev(), about.ino())).or_insert(name);
                if first != name {
                    header.set_entry_type(EntryType::Link);
                    return archive.append_link(&mut header, name, first);
                }
            }
            header.set_size(about.len());
            archive.append_data(&mut header, name, BufReader::new(File::open(source)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use flate2::read::GzDecoder;

    use super::{
        super::tree::{Owner, ROOT},
        *,
    };

    const USER: Owner = Owner { user: 65532, group: 7 };

    /// A tree of one folder of this machine, and of entries that are put in in this order.
    fn tree(of: &Path, order: &[&str]) -> Tree {
        let mut tree = Tree::new();
        for name in order {
            match *name {
                "var" => tree.folder("var/own", 0o1777, USER),
                "link" => tree.link("bin/link", "program"),
                _ => tree.copy(of, "copied", &|_| false).unwrap(),
            };
        }
        // Who runs the test owns the copied files.
        let copied: Vec<String> = tree.iter().map(|(path, _)| path.to_owned()).collect();
        assert!(copied.contains(&"copied/b".to_owned()));
        tree
    }

    fn folder(dir: &Path) {
        fs::create_dir(dir).unwrap();
        fs::write(dir.join("a"), "one file").unwrap();
        fs::hard_link(dir.join("a"), dir.join("b")).unwrap();
        // Longer than the field of a tar header is.
        fs::write(dir.join("n".repeat(120)), "x").unwrap();
    }

    #[test]
    fn the_same_tree_is_the_same_layer() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("1"), dir.path().join("2"));
        folder(&first);
        folder(&second);
        let earlier = SystemTime::now() - Duration::from_secs(86_400);
        File::options()
            .write(true)
            .open(second.join("a"))
            .unwrap()
            .set_modified(earlier)
            .unwrap();
        let one = write(&tree(&first, &["var", "link", "copy"]), &dir.path().join("1.gz")).unwrap();
        let two = write(&tree(&second, &["copy", "link", "var"]), &dir.path().join("2.gz")).unwrap();
        assert_eq!(
            (&one.digest, &one.diff_id, one.size),
            (&two.digest, &two.diff_id, two.size)
        );
        let written = fs::read(&one.path).unwrap();
        assert_eq!((written.len() as u64, Digest::of(&written)), (one.size, one.digest));
    }

    #[test]
    fn a_layer_holds_what_the_tree_does() {
        let dir = tempfile::tempdir().unwrap();
        folder(&dir.path().join("1"));
        let layer = write(
            &tree(&dir.path().join("1"), &["var", "link", "copy"]),
            &dir.path().join("gz"),
        )
        .unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(File::open(&layer.path).unwrap()));
        let mut told = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            let kind = format!("{:?}", header.entry_type());
            let link = entry.link_name().unwrap().map(|link| link.display().to_string());
            assert_eq!(header.mtime().unwrap(), 0);
            let path = entry.path().unwrap().display().to_string();
            if path == "var/own/" {
                assert_eq!(header.mode().unwrap(), 0o1777);
                assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (USER.user, USER.group));
            }
            if path == "bin/" {
                assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (ROOT.user, ROOT.group));
            }
            told.push(format!(
                "{kind} {} {}",
                &path[..path.len().min(12)],
                link.unwrap_or_default()
            ));
        }
        let expected = [
            "Directory bin/ ",
            "Symlink bin/link program",
            "Directory copied/ ",
            "Regular copied/a ",
            "Link copied/b copied/a",
            "Regular copied/nnnnn ",
            "Directory var/ ",
            "Directory var/own/ ",
        ];
        assert_eq!(told, expected);
    }
}
