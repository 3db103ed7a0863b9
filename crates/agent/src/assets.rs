//! Framework launchers that come with the agent: written to its data folder for local processes, given along with pods.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// A framework's launcher: its files, the program first.
struct Asset {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const ASSETS: [Asset; 1] = [Asset {
    name: "iflearner",
    files: &[
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
    ],
}];

/// The launchers of all frameworks, by the names that profiles use.
#[derive(Debug, Default)]
pub(crate) struct Launchers {
    programs: BTreeMap<&'static str, PathBuf>,
}

impl Launchers {
    /// Writes the launchers under `root`.
    ///
    /// Files that are right already are left alone, as running jobs may be reading them.
    pub(crate) fn install(root: &Path) -> io::Result<Self> {
        let mut programs = BTreeMap::new();
        for asset in &ASSETS {
            let folder = root.join(asset.name);
            for (name, text) in asset.files {
                write(&folder.join(name), text)?;
            }
            programs.insert(asset.name, folder.join(asset.files[0].0));
        }
        Ok(Self { programs })
    }

    /// Where the program of a launcher is on this machine.
    pub(crate) fn program(&self, name: &str) -> Option<&Path> {
        self.programs.get(name).map(PathBuf::as_path)
    }

    /// The program of a launcher, as a path among its texts.
    pub(crate) fn entry(&self, name: &str) -> Option<&'static str> {
        Some(asset(name)?.files[0].0)
    }

    /// All files of a launcher by their relative path.
    pub(crate) fn texts(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let files = asset(name)?.files.iter();
        Some(
            files
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }
}

fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_launcher_is_written_anew() {
        let root = tempfile::tempdir().unwrap();
        let install = || Launchers::install(root.path()).unwrap();
        let program = install().program("iflearner").unwrap().to_owned();
        fs::write(&program, "tampered").unwrap();
        let launchers = install();
        let texts = launchers.texts("iflearner").unwrap();
        assert_eq!(
            fs::read_to_string(&program).unwrap(),
            texts[launchers.entry("iflearner").unwrap()]
        );
    }
}
