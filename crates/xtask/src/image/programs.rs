//! The images of our programs: each is a static binary over one common layer.

use std::path::Path;

use super::{
    Profile, Target, base, binaries,
    layer::{self, Layer},
    oci::Start,
    tree::Tree,
};
use crate::Outcome;

/// One of our programs.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name, and its package's, and its image's.
    pub(super) name: &'static str,
    /// What it does.
    summary: &'static str,
    /// Its arguments unless told otherwise.
    pub(super) cmd: &'static [&'static str],
}

pub(super) const SERVER: Program = Program {
    name: "flow-server",
    summary: "Schedules multi-party horizontal federated learning",
    cmd: &["serve"],
};

pub(super) const FEDERATE: Program = Program {
    name: "flow-federate",
    summary: "A party's agent: carries out its part of federated-learning runs beside its data",
    cmd: &["run"],
};

pub(super) const OPERATOR: Program = Program {
    name: "flow-operator",
    summary: "Makes pods, services and routes of IflearnerJobs",
    cmd: &["serve"],
};

/// Builds the programs in one go, and an image of each.
pub(super) fn build(programs: &[&Program], profile: Profile, target: &Target<'_>) -> Outcome<Vec<super::Built>> {
    let names: Vec<&str> = programs.iter().map(|program| program.name).collect();
    let folder = binaries::build(&names, profile, target.platform)?;
    let parts = target.parts.path();
    let below = layer::write(&base::tree(parts)?, &parts.join("base.tar.gz"))?;
    let mut built = Vec::new();
    for program in programs {
        let layers = [below.clone(), binary(program.name, &folder, parts)?];
        let start = Start {
            user: base::FLOW_USER,
            env: &["PATH=/usr/local/bin"],
            entrypoint: &[&format!("/usr/local/bin/{}", program.name)],
            cmd: program.cmd,
            working_dir: base::HOME,
        };
        built.push(target.write(program.name, program.summary, &layers, start)?);
    }
    Ok(built)
}

/// The layer with nothing but the program.
fn binary(name: &str, folder: &Path, parts: &Path) -> Outcome<Layer> {
    let mut tree = Tree::new();
    tree.file(&format!("usr/local/bin/{name}"), folder.join(name), 0o755);
    layer::write(&tree, &parts.join(format!("{name}.tar.gz")))
}
