//! `cargo xtask image`: our programs, and a Python to train in, as images for containers.
//!
//! No container engine is needed: each image is written as an archive that `ctr images import`, `docker load` and
//! `podman load` take. The same inputs make the same image.

mod base;
mod binaries;
mod debian;
mod digest;
mod layer;
mod oci;
mod platform;
mod programs;
mod training;
mod tree;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use tempfile::TempDir;

use self::{
    digest::Digest,
    layer::Layer,
    oci::{Image, Start},
    platform::Platform,
    programs::{FEDERATE, OPERATOR, Program, SERVER},
};
use crate::{Outcome, workspace};

/// Where the images belong; a registry goes before it when they are pushed.
const REPOSITORY: &str = "iflearner-flow";

/// Which images are built, and how.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// What to build.
    #[arg(value_enum, default_value = "all")]
    what: Vec<What>,
    /// How our programs are built: `dev` sooner, `release` smaller and faster.
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
    /// The images' tag.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    tag: String,
    /// The folder that the archives go to [default: target/images].
    #[arg(long)]
    out: Option<PathBuf>,
}

/// An image, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// flow-server
    Server,
    /// flow-federate
    Federate,
    /// flow-operator
    Operator,
    /// Python with iflearner, and the demo's program
    Training,
    /// Every one
    All,
}

/// Cargo's profile for our programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Built sooner.
    Dev,
    /// Smaller and faster.
    Release,
}

/// A written image.
#[derive(Debug)]
pub(crate) struct Built {
    /// `repository:tag`.
    pub(crate) name: String,
    /// The archive.
    pub(crate) path: PathBuf,
    /// The digest of its manifest.
    digest: Digest,
}

/// What is common to the images that are built in one go.
#[derive(Debug)]
struct Target<'a> {
    platform: Platform,
    tag: &'a str,
    /// Where archives go.
    out: &'a Path,
    /// For layers and downloads, until the end.
    parts: TempDir,
}

/// Builds the images; prints name, digest, archive and size of each.
pub(crate) fn run(args: &ImageArgs) -> Outcome {
    let out = match &args.out {
        Some(out) => std::path::absolute(out)?,
        None => workspace::target_directory()?.join("images"),
    };
    for Built { name, path, digest } in build(&args.what, args.profile, &args.tag, &out)? {
        let size = fs::metadata(&path)?.len();
        writeln!(io::stdout(), "{name} {digest} {} {size} bytes", path.display())?;
    }
    Ok(())
}

/// Builds images into a folder, as `<name>-<tag>.tar`.
pub(crate) fn build(what: &[What], profile: Profile, tag: &str, out: &Path) -> Outcome<Vec<Built>> {
    if !is_tag(tag) {
        return Err(format!("'{tag}' is no tag: letters, digits, '_', '.' and '-', at most 128").into());
    }
    fs::create_dir_all(out).map_err(|error| format!("cannot write to {}: {error}", out.display()))?;
    let target = Target {
        platform: Platform::this()?,
        tag,
        out,
        parts: tempfile::Builder::new().prefix(".parts-").tempdir_in(out)?,
    };
    let is_wanted = |image| what.contains(&image) || what.contains(&What::All);
    let all = [
        (What::Server, &SERVER),
        (What::Federate, &FEDERATE),
        (What::Operator, &OPERATOR),
    ];
    let wanted: Vec<&Program> = all
        .into_iter()
        .filter_map(|(image, program)| is_wanted(image).then_some(program))
        .collect();
    let mut built = Vec::new();
    if !wanted.is_empty() {
        built.extend(programs::build(&wanted, profile, &target)?);
    }
    if is_wanted(What::Training) {
        built.push(training::build(&target)?);
    }
    Ok(built)
}

/// What registries take as a tag.
fn is_tag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() <= 128 && text.bytes().all(allowed) && !text.starts_with(['.', '-']) && !text.is_empty()
}

impl Target<'_> {
    /// Writes an image of ours.
    fn write(&self, name: &str, summary: &str, layers: &[Layer], start: Start<'_>) -> Outcome<Built> {
        let full_name = format!("{REPOSITORY}/{name}:{}", self.tag);
        let image = Image {
            name: &full_name,
            architecture: self.platform.architecture,
            layers,
            start,
            labels: BTreeMap::from([
                ("org.opencontainers.image.description", summary),
                ("org.opencontainers.image.licenses", "Apache-2.0"),
                ("org.opencontainers.image.title", name),
                ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
            ]),
        };
        let path = self.out.join(format!("{name}-{}.tar", self.tag));
        let digest = oci::write(&image, &path)?;
        Ok(Built {
            name: full_name,
            path,
            digest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        fs::read_to_string(workspace::root().join(path)).unwrap()
    }

    #[test]
    fn the_dockerfiles_make_the_same_images() {
        let alike = |program: &Program| {
            let text = text(&format!("deploy/docker/{}.Dockerfile", program.name));
            let cmd = format!("CMD {}\n", serde_json::json!(program.cmd));
            assert!(text.ends_with(&cmd), "{}", program.name);
            text.replace(&cmd, "").replace(program.name, "PROGRAM")
        };
        let common = alike(&SERVER);
        assert_eq!((&alike(&FEDERATE), &alike(&OPERATOR)), (&common, &common));
        for said in [
            format!("USER {}\n", base::FLOW_USER),
            format!("WORKDIR {}\n", base::HOME),
            "ENTRYPOINT [\"/usr/local/bin/PROGRAM\"]".to_owned(),
            format!("--tag {REPOSITORY}/PROGRAM:{} ", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(common.contains(&said), "{said}");
        }
    }

    #[test]
    fn what_is_deployed_is_what_is_built() {
        let version = env!("CARGO_PKG_VERSION");
        for (program, path) in [
            (&SERVER, "flow-server/stateful-set.yaml"),
            (&FEDERATE, "flow-federate/deployment.yaml"),
            (&OPERATOR, "operator/deployment.yaml"),
        ] {
            let image = format!("image: {REPOSITORY}/{}:{version}\n", program.name);
            assert!(text(&format!("deploy/kustomize/{path}")).contains(&image), "{path}");
            let renamed = format!("{{name: {REPOSITORY}/{}, newTag: {version}}}", program.name);
            assert!(text("deploy/kustomize/overlays/all-in-one/kustomization.yaml").contains(&renamed));
        }
        assert!(text("deploy/install.sh").contains(&format!(" tag={version} ")));
    }

    #[test]
    fn tags_are_what_registries_take() {
        for tag in ["0.1.0", "latest", "_a-B.9", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", ".a", "-a", "a/b", "a:b", "ü", &"a".repeat(129)] {
            assert!(!is_tag(text), "{text}");
        }
    }
}
