//! Framework launchers that come with the agent, written to its data folder so that jobs can read them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

const IFLEARNER: [(&str, &str); 4] = [
    ("iflearner_launch.py", include_str!("../assets/iflearner_launch.py")),
    (
        "standins/visualdl/__init__.py",
        include_str!("../assets/standins/visualdl/__init__.py"),
    ),
    (
        "standins/matplotlib/__init__.py",
        include_str!("../assets/standins/matplotlib/__init__.py"),
    ),
    (
        "standins/matplotlib/pyplot.py",
        include_str!("../assets/standins/matplotlib/pyplot.py"),
    ),
];

/// Writes the launchers under `root`; answers the program of each by the name that profiles use.
///
/// Files that are right already are left alone, as running jobs may be reading them.
pub(crate) fn install(root: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let folder = root.join("iflearner");
    for (name, text) in IFLEARNER {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let fresh = path.with_extension("new");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, &path)?;
    }
    Ok(BTreeMap::from([("iflearner".to_owned(), folder.join(IFLEARNER[0].0))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_launcher_is_written_anew() {
        let root = tempfile::tempdir().unwrap();
        let program = install(root.path()).unwrap()["iflearner"].clone();
        fs::write(&program, "tampered").unwrap();
        install(root.path()).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), IFLEARNER[0].1);
    }
}
