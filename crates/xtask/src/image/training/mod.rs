//! The image that training programs run in: Debian's Python with iflearner, and the demo's program.

mod cache;
mod requirements;
mod rootfs;

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Built, Target,
    base::{FLOW, FLOW_USER},
    layer::{self, Layer},
    oci::Start,
    platform::Platform,
    tree::{ROOT, Tree},
};
use crate::Outcome;

/// What the image's Debian has: Python 3.11.
const PYTHON_MINOR: u32 = 11;

/// The lock that `flowctl demo` installs from.
const LOCK: &str = include_str!("../../../../flowctl/assets/demo/requirements.txt");
/// The demo's program.
const PROGRAM: &str = include_str!("../../../../flowctl/assets/demo/party_digits.py");

/// What iflearner imports and hardly uses; the same stand-ins that come with the launcher.
const STANDINS: [(&str, &str); 3] = [
    (
        "visualdl/__init__.py",
        include_str!("../../../../agent/assets/standins/visualdl/__init__.py"),
    ),
    (
        "matplotlib/__init__.py",
        include_str!("../../../../agent/assets/standins/matplotlib/__init__.py"),
    ),
    (
        "matplotlib/pyplot.py",
        include_str!("../../../../agent/assets/standins/matplotlib/pyplot.py"),
    ),
];

/// To be raised when this code makes other layers of the same inputs.
const RECIPE: u32 = 1;

/// Where the demo's program is: the workdir that its template names.
const PROGRAM_FOLDER: &str = "app/digits";

/// The environment of what runs.
const ENV: [&str; 4] = [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "LC_ALL=C.UTF-8",
    "PYTHONUNBUFFERED=1",
    "PYTHONDONTWRITEBYTECODE=1",
];

/// Builds the image: Debian and iflearner from the user's cache, made there if they are not, and the program.
pub(super) fn build(target: &Target<'_>) -> Outcome<Built> {
    let lock = requirements::for_python(LOCK, PYTHON_MINOR)?;
    let standins = STANDINS.map(|(name, text)| format!("{name}\n{text}")).concat();
    let recipe = [
        &RECIPE.to_string(),
        target.platform.architecture,
        rootfs::SUITE,
        rootfs::PACKAGES,
        &lock,
        &standins,
    ]
    .join("\0");
    let mut layers = cache::layers(&recipe, |folder| make_layers(&lock, target.platform, folder))?;
    let mut program = Tree::new();
    program.text(&format!("{PROGRAM_FOLDER}/party_digits.py"), PROGRAM);
    layers.push(layer::write(&program, &target.parts.path().join("program.tar.gz"))?);
    let start = Start {
        user: FLOW_USER,
        env: &ENV,
        entrypoint: &[],
        cmd: &["python"],
        working_dir: "/app",
    };
    let summary = "Python with iflearner, for training in Iflearner Flow";
    target.write("training", summary, &layers, start)
}

/// Makes the layers that take minutes to make, in `folder`: Debian, and iflearner with what it imports.
fn make_layers(lock: &str, platform: Platform, folder: &Path) -> Outcome<[Layer; 2]> {
    let root = folder.join("root");
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, lock)?;
    rootfs::bootstrap(&root)?;
    rootfs::install(&root, &requirements, platform)?;
    for (name, text) in STANDINS {
        let path = root.join(rootfs::site_packages()).join(name);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, text)?;
    }
    rootfs::compile(&root)?;
    Ok([
        layer::write(&debian(&root)?, &folder.join("0"))?,
        layer::write(&packages(&root)?, &folder.join("1"))?,
    ])
}

/// Debian without what a container does not need, and without what is this machine's.
fn debian(root: &Path) -> Outcome<Tree> {
    let site_packages = rootfs::site_packages();
    let mut tree = Tree::new();
    tree.copy(root, "", &|path| path == site_packages || is_left_out(path))?;
    tree.text(
        "etc/apt/sources.list",
        format!(
            "deb {mirror} {suite} main\ndeb {mirror} {suite}-updates main\ndeb {mirror}-security {suite}-security main\n",
            mirror = rootfs::MIRROR,
            suite = rootfs::SUITE
        ),
    );
    let (user, group) = (FLOW.user, FLOW.group);
    let grown = |name: &str, line: String| -> Outcome<String> {
        let path: PathBuf = root.join(name);
        let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(text + &line)
    };
    // At home in the one folder that can be written to wherever it runs.
    let line = format!("flow:x:{user}:{group}:Iflearner Flow:/tmp:/usr/sbin/nologin\n");
    tree.text("etc/passwd", grown("etc/passwd", line)?);
    tree.text("etc/group", grown("etc/group", format!("flow:x:{group}:\n"))?);
    tree.link("usr/bin/python", "python3");
    for folder in ["dev", "proc", "sys", "run"] {
        tree.folder(folder, 0o755, ROOT);
    }
    Ok(tree)
}

/// iflearner and what it imports, without their tests and commands.
fn packages(root: &Path) -> Outcome<Tree> {
    let folder = rootfs::site_packages();
    let mut tree = Tree::new();
    let leave_out = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        ["tests", "SelfTest"].contains(&name) || path.strip_prefix(&folder) == Some("/bin")
    };
    tree.copy(&root.join(&folder), &folder, &leave_out)?.owned_by(ROOT);
    Ok(tree)
}

/// Documentation (but not licences), translations, caches, logs, and what a container gets from its runtime.
fn is_left_out(path: &str) -> bool {
    const FOLDERS: [&str; 15] = [
        "debootstrap",
        "dev/",
        "proc/",
        "sys/",
        "run/",
        "tmp/",
        "usr/share/info/",
        "usr/share/lintian/",
        "usr/share/locale/",
        "usr/share/man/",
        "var/cache/apt/",
        "var/cache/debconf/",
        "var/cache/ldconfig/",
        "var/lib/apt/lists/",
        "var/log/",
    ];
    const FILES: [&str; 7] = [
        "etc/.pwd.lock",
        "etc/group-",
        "etc/hostname",
        "etc/machine-id",
        "etc/passwd-",
        "etc/resolv.conf",
        "etc/shadow-",
    ];
    let is_documentation = path
        .strip_prefix("usr/share/doc/")
        .is_some_and(|inside| inside.contains('/') && !inside.ends_with("/copyright"));
    is_documentation || FILES.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_stay_and_documentation_goes() {
        let left_out = [
            "usr/share/doc/bash/README",
            "usr/share/man/man1",
            "etc/resolv.conf",
            "dev/null",
            "var/lib/apt/lists/x",
            "debootstrap",
        ];
        assert_eq!(left_out.map(is_left_out), [true; 6]);
        let stays = [
            "usr/share/doc/bash/copyright",
            "usr/share/doc/bash",
            "etc/passwd",
            "var/log",
            "usr/bin/man",
        ];
        assert_eq!(stays.map(is_left_out), [false; 5]);
    }
}
