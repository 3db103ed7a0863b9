//! A cgroup of its own for a job, where the machine lets us have one.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

/// How long the kernel may take to clear a cgroup of what was killed in it.
const CLEARING: Duration = Duration::from_secs(2);

/// A cgroup2 folder below the one of the supervisor. It is used to find and kill processes only;
/// no controller is switched on, so the rule against processes in inner cgroups does not apply.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
    home: PathBuf,
}

impl Cgroup {
    /// Makes a cgroup and checks that this process can move into it and back.
    pub(crate) fn create(name: &str) -> io::Result<Self> {
        let home = own_cgroup()?;
        let path = home.join(name);
        fs::create_dir(&path)?;
        let cgroup = Self { path, home };
        let round_trip = move_self_to(&cgroup.path).and_then(|()| move_self_to(&cgroup.home));
        match round_trip {
            Ok(()) if cgroup.path.join("cgroup.kill").exists() => Ok(cgroup),
            Ok(()) => {
                cgroup.remove();
                Err(io::Error::other("the kernel is too old for cgroup.kill"))
            }
            Err(error) => {
                cgroup.remove();
                Err(error)
            }
        }
    }

    /// The cgroup that an earlier process made at `path`.
    pub(crate) fn existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            home: path.parent().unwrap_or(path).to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `spawn` with this process inside the cgroup, so that what it spawns is in it from its
    /// first instruction on. `spawn` is run in any case; whether we are back home comes with it.
    pub(crate) fn around<T>(&self, spawn: impl FnOnce() -> T) -> (T, io::Result<()>) {
        let entered = move_self_to(&self.path);
        let result = spawn();
        (result, entered.and_then(|()| move_self_to(&self.home)))
    }

    /// Kills all that is in it, and never ourselves.
    pub(crate) fn kill(&self) -> io::Result<()> {
        let members = fs::read_to_string(self.path.join("cgroup.procs"))?;
        let me = process::id().to_string();
        if members.lines().any(|pid| pid == me) {
            return Err(io::Error::other("the supervisor is still in the job's cgroup"));
        }
        write(&self.path.join("cgroup.kill"), "1")
    }

    /// Whether anything but zombies is in it.
    pub(crate) fn is_populated(&self) -> bool {
        fs::read_to_string(self.path.join("cgroup.events"))
            .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// Removes it once it is empty. One that never becomes so stays; it does no harm.
    pub(crate) fn remove(&self) {
        let deadline = Instant::now() + CLEARING;
        while fs::remove_dir(&self.path).is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn move_self_to(cgroup: &Path) -> io::Result<()> {
    write(&cgroup.join("cgroup.procs"), &process::id().to_string())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// The folder of the cgroup this process is in.
fn own_cgroup() -> io::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let membership = fs::read_to_string("/proc/self/cgroup")?;
    find_cgroup(&mounts, &membership).ok_or_else(|| io::Error::other("no cgroup2 hierarchy is mounted"))
}

/// `mountinfo`: `id parent major:minor root mountpoint options … - type …`; `cgroup`: `0::/path`.
fn find_cgroup(mounts: &str, membership: &str) -> Option<PathBuf> {
    let path = membership.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        // The mount may show a part of the hierarchy only; above it there is no way for us.
        let below = Path::new(path).strip_prefix(root).ok()?;
        let climbs = below.components().any(|part| part == std::path::Component::ParentDir);
        (!climbs).then(|| Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_hierarchy() {
        let unified = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        let hybrid = "29 24 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      30 24 0:26 /box /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let found = |mounts, membership| find_cgroup(mounts, membership);
        assert_eq!(found(unified, "0::/a/b\n"), Some("/sys/fs/cgroup/a/b".into()));
        assert_eq!(found(unified, "0::/\n"), Some("/sys/fs/cgroup/".into()));
        assert_eq!(
            found(hybrid, "4:cpu:/\n0::/box/x\n"),
            Some("/sys/fs/cgroup/unified/x".into())
        );
        assert_eq!(found(hybrid, "0::/other\n"), None);
        assert_eq!(found(unified, "0::/../../up\n"), None);
        assert_eq!(found("", "0::/\n"), None);
    }
}
