//! Cargo's tools: from the PATH, or installed once into the user's cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Outcome, cargo};

/// A tool, at the oldest version that will do, which is the one that is installed.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: [u32; 3],
    features: &'static str,
}

/// Runs the tests. Without its self-update: what is installed here is pinned.
pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: [0, 9, 151],
    features: "",
};

/// Checks bans, licenses and sources.
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: [0, 20, 2],
    features: "",
};

/// The tools mostly wait for compilers and tests: it is their build that takes time, so it is done without optimisation.
const QUICK_BUILD: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
];

impl Tool {
    /// The tool's program; it is installed if it is nowhere, or too old.
    pub(crate) fn program(&self) -> Outcome<PathBuf> {
        let on_path = PathBuf::from(self.name);
        if self.is_usable(&on_path) {
            return Ok(on_path);
        }
        let root = cache()?.join("tools");
        let cached = root.join("bin").join(self.name);
        if self.is_usable(&cached) {
            return Ok(cached);
        }
        self.install(&root)?;
        if self.is_usable(&cached) {
            return Ok(cached);
        }
        Err(format!(
            "{} was installed but does not start: remove {} and try again",
            self.name,
            root.display()
        )
        .into())
    }

    /// Whether that program is the tool and new enough.
    fn is_usable(&self, program: &Path) -> bool {
        let asked = Command::new(program).arg("--version").stderr(Stdio::null()).output();
        asked.is_ok_and(|output| version(&String::from_utf8_lossy(&output.stdout)) >= Some(self.version))
    }

    /// Installs it without touching the project's build folder, which its other profile would only fill.
    fn install(&self, root: &Path) -> Outcome {
        let version = self.version.map(|part| part.to_string()).join(".");
        eprintln!("installing {} {version} into {} (once)", self.name, root.display());
        // Kept until it is done, so that an install that was interrupted goes on where it was.
        let build = root.join(format!("build-{}", self.name));
        fs::create_dir_all(&build).map_err(|error| format!("cannot write to {}: {error}", build.display()))?;
        let mut install = cargo::cargo([
            "install",
            self.name,
            "--locked",
            "--no-default-features",
            "--version",
            &version,
        ]);
        install.args(["--quiet", "--force", "--features", self.features]);
        install.arg("--root").arg(root).arg("--target-dir").arg(&build);
        install.envs(QUICK_BUILD);
        // Outside the workspace, so that none of its settings count.
        cargo::run(install.current_dir(root))?;
        Ok(fs::remove_dir_all(&build)?)
    }
}

/// The project's folder in the user's cache; `flowctl` keeps its Python environments in the same one.
pub(crate) fn cache() -> Outcome<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || {
        env::var_os("HOME")
            .filter(|home| !home.is_empty())
            .map(|home| PathBuf::from(home).join(".cache"))
    };
    let base = xdg
        .or_else(home)
        .ok_or("no place for tools: set HOME or XDG_CACHE_HOME")?;
    Ok(base.join("iflearner-flow"))
}

/// The version in `cargo-tool 1.2.3 (more)`.
fn version(said: &str) -> Option<[u32; 3]> {
    let word = said.split_whitespace().nth(1)?;
    let mut parts = word.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!(
            version("cargo-nextest 0.9.151 (abc 2026-01-01)\nrelease: 0.9.151"),
            Some([0, 9, 151])
        );
        assert_eq!(version("cargo-deny 0.20.2\n"), Some([0, 20, 2]));
        assert!(version("x 0.10.0-rc.1") > Some([0, 9, 151]));
        for none in ["", "cargo-nextest", "x 1.2", "x a.b.c"] {
            assert_eq!(version(none), None, "{none}");
            assert!(version(none) < Some([0, 0, 0]));
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_not_usable() {
        assert!(!NEXTEST.is_usable(Path::new("no-such-program-of-this-name")));
    }
}
