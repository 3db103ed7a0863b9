//! The layer below each of our programs: what a static binary still reads, and where it may write.

use std::{fs, path::Path};

use super::{
    debian,
    tree::{Owner, ROOT, Tree},
};
use crate::Outcome;

/// The user of our images, who may do nothing in particular. Its number is the one that others use for this, too.
pub(super) const FLOW: Owner = Owner {
    user: 65532,
    group: 65532,
};

/// The same as user and group of an image.
pub(super) const FLOW_USER: &str = "65532:65532";

/// Its home, and the only folder beside `/tmp` that is meant for writing: a volume is mounted there.
pub(super) const HOME: &str = "/var/lib/iflearner-flow";

/// Authorities, as Mozilla has them. The bundle of this machine may have others, which are nobody else's affair.
const AUTHORITIES: &str = "/usr/share/ca-certificates/mozilla";
const ZONES: &str = "/usr/share/zoneinfo";

/// Roots of trust, time zones, the user, and places to write. `downloads` is for packages that this machine has not.
pub(super) fn tree(downloads: &Path) -> Outcome<Tree> {
    let mut tree = Tree::new();
    let zones = debian::folder(ZONES, "tzdata", downloads)?;
    // The same zones again, with leap seconds, and this machine's own.
    let leave_out = |path: &str| {
        let zone = path.strip_prefix(&ZONES[1..]).unwrap_or(path);
        ["/posix", "/right", "/localtime"].contains(&zone)
    };
    tree.copy(&zones, &ZONES[1..], &leave_out)?.owned_by(ROOT);
    let authorities = debian::folder(AUTHORITIES, "ca-certificates", downloads)?;
    tree.text("etc/ssl/certs/ca-certificates.crt", bundle(&authorities)?);
    let (user, group) = (FLOW.user, FLOW.group);
    tree.text(
        "etc/passwd",
        format!("root:x:0:0:root:/root:/sbin/nologin\nflow:x:{user}:{group}:Iflearner Flow:{HOME}:/sbin/nologin\n"),
    );
    tree.text("etc/group", format!("root:x:0:\nflow:x:{group}:\n"));
    tree.folder("tmp", 0o1777, ROOT);
    tree.folder(&HOME[1..], 0o750, FLOW);
    Ok(tree)
}

/// All certificates of a folder in one text, by their files' names.
fn bundle(folder: &Path) -> Outcome<String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for found in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(found.map_err(unreadable)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "crt"));
    paths.sort();
    let mut bundle = String::new();
    for path in &paths {
        bundle += fs::read_to_string(path).map_err(unreadable)?.trim_end();
        bundle += "\n";
    }
    if bundle.is_empty() {
        return Err(format!("{} holds no certificates", folder.display()).into());
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_bundled_in_the_order_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        assert!(
            bundle(dir.path())
                .unwrap_err()
                .to_string()
                .ends_with("holds no certificates")
        );
        fs::write(dir.path().join("b.crt"), "second").unwrap();
        fs::write(dir.path().join("a.crt"), "first\n\n").unwrap();
        fs::write(dir.path().join("README"), "no certificate").unwrap();
        assert_eq!(bundle(dir.path()).unwrap(), "first\nsecond\n");
    }
}
