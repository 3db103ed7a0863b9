//! Where the workspace lies, what is in it, and what it is built of.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Outcome, cargo};

/// Its root.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}

/// Every file that is or could be committed, relative to the root.
pub(crate) fn files() -> Outcome<Vec<PathBuf>> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = cargo::output(cargo::command("git").args(args))?;
    let paths = listed.split_terminator('\0').map(PathBuf::from);
    // One that was removed and not committed yet is still listed.
    Ok(paths.filter(|path| root().join(path).is_file()).collect())
}

/// What `cargo metadata` says, as far as it is used here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package, also of dependencies.
    pub(crate) packages: Vec<Package>,
    /// The ids of the workspace's own packages.
    pub(crate) workspace_members: Vec<String>,
    /// Which package uses which; absent without dependencies.
    pub(crate) resolve: Option<Resolve>,
    /// Where cargo builds to.
    pub(crate) target_directory: PathBuf,
}

/// A package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Cargo's id of it.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its Cargo.toml.
    pub(crate) manifest_path: PathBuf,
}

/// The resolved graph of packages.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// One node a package.
    pub(crate) nodes: Vec<Node>,
}

/// A package in the graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// The package's id.
    pub(crate) id: String,
    /// What it uses.
    pub(crate) deps: Vec<Dependency>,
}

/// An edge of the graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The id of the package that is used.
    pub(crate) pkg: String,
    /// For what it is used.
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

/// One use.
#[derive(Debug, Deserialize)]
pub(crate) struct DependencyKind {
    /// `dev`, `build`, or nothing for a normal one.
    pub(crate) kind: Option<String>,
}

/// The workspace and all its dependencies; fails if Cargo.lock is not current.
pub(crate) fn metadata() -> Outcome<Metadata> {
    let mut command = cargo::cargo(["metadata", "--format-version", "1", "--locked", "--quiet"]);
    Ok(serde_json::from_str(&cargo::output(&mut command)?)?)
}

/// Where cargo builds to.
pub(crate) fn target_directory() -> Outcome<PathBuf> {
    let mut command = cargo::cargo(["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Metadata = serde_json::from_str(&cargo::output(&mut command)?)?;
    Ok(metadata.target_directory)
}

/// A program of the workspace where [`cargo::build`] puts it.
pub(crate) fn built(program: &str) -> Outcome<PathBuf> {
    Ok(target_directory()?.join("debug").join(program))
}
