use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::LaunchError;

/// The file that `program` means: itself if absolute, else the first of that name in the absolute
/// folders of `PATH` in `env`. Our own `PATH` does not matter.
pub(crate) fn find(program: &str, env: &BTreeMap<String, String>) -> Result<PathBuf, LaunchError> {
    let missing = |hint: String| {
        Err(LaunchError::ProgramNotFound {
            program: program.to_owned(),
            hint,
        })
    };
    if program.contains('/') {
        let path = Path::new(program);
        return match path.is_absolute() {
            true if is_executable(path) => Ok(path.to_owned()),
            true => missing("no executable file is there".into()),
            false => missing("use an absolute path or a name on PATH".into()),
        };
    }
    let Some(search) = env.get("PATH") else {
        return missing("use an absolute path or set PATH in the launch's environment".into());
    };
    search
        .split(':')
        .map(Path::new)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
        .map_or_else(|| missing(format!("it is in none of the folders of PATH={search}")), Ok)
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_only_where_the_launch_says() {
        let temp = tempfile::tempdir().unwrap();
        let tool = temp.path().join("tool");
        std::fs::write(&tool, "").unwrap();
        let path = format!("relative::{}", temp.path().display());
        let env = BTreeMap::from([("PATH".to_owned(), path)]);
        assert!(find("tool", &env).is_err(), "not executable");
        std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(find("tool", &env).unwrap(), tool);
        assert_eq!(find(tool.to_str().unwrap(), &BTreeMap::new()).unwrap(), tool);
        for bad in ["sh", "./tool", "/", "/no/such/tool"] {
            assert!(find(bad, &env).is_err(), "{bad} was found");
        }
        assert!(find("tool", &BTreeMap::new()).is_err(), "no PATH");
    }
}
