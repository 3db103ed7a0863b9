//! Which agent of this machine has handed out which port.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    ops::RangeInclusive,
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, bind, socket},
    unistd::getuid,
};

use super::{
    dir::AssignmentDir,
    files::{self, FileLock},
};
use crate::LaunchError;

/// The critical section takes milliseconds; whoever is in it this long hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder shared by all agents of one machine and user: one file per port handed out, which
/// names the folder of the assignment that has it.
///
/// A claim counts only while that folder's `prepared.json` lists the port and the assignment is not
/// released, so nothing has to be tidied up after a crash. A temporary folder that is swept while
/// jobs run loses claims; a port that is listened on is still not handed out twice.
#[derive(Clone, Debug)]
pub(crate) struct PortRegistry {
    folder: PathBuf,
    range: RangeInclusive<u16>,
}

/// Proof that the registry's lock is held.
pub(crate) struct Registry<'a> {
    ports: &'a PortRegistry,
    _lock: FileLock,
}

impl PortRegistry {
    pub(crate) fn open(folder: PathBuf, range: RangeInclusive<u16>) -> Result<Self, LaunchError> {
        files::private_folder(&folder)?;
        let found = fs::symlink_metadata(&folder).map_err(LaunchError::io("look at", &folder))?;
        // Somebody else could have made it first, in a folder that all may write to.
        if !found.is_dir() || found.uid() != getuid().as_raw() {
            let what = format!("port registry {} is not a folder of ours", folder.display());
            return Err(LaunchError::InvalidConfig { what });
        }
        let registry = Self { folder, range };
        registry.sweep()?;
        Ok(registry)
    }

    /// Removes what an agent that was killed while it wrote a claim has left half-written. Claims are written under the lock, so
    /// whoever holds it finds nothing that is still being written.
    fn sweep(&self) -> Result<(), LaunchError> {
        let Some(_lock) = FileLock::try_take(&self.folder.join("lock"))? else {
            return Ok(());
        };
        for entry in fs::read_dir(&self.folder).map_err(LaunchError::io("list", &self.folder))? {
            let path = entry.map_err(LaunchError::io("list", &self.folder))?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(&path).map_err(LaunchError::io("remove", path))?;
            }
        }
        Ok(())
    }

    /// Enters the critical section of all agents. Blocks the thread.
    pub(crate) fn lock(&self) -> Result<Registry<'_>, LaunchError> {
        let path = self.folder.join("lock");
        let lock = FileLock::take_within(&path, PATIENCE)?;
        let lock = lock.ok_or(LaunchError::RegistryBusy { path })?;
        Ok(Registry {
            ports: self,
            _lock: lock,
        })
    }

    fn claim(&self, port: u16) -> PathBuf {
        self.folder.join(port.to_string())
    }
}

impl Registry<'_> {
    /// Claims a free port for each name on behalf of `owner`. The claims count from the moment
    /// on that `prepared.json` of `owner` lists them, to be written under this same lock.
    pub(crate) fn reserve(
        &self,
        owner: &AssignmentDir,
        names: &[String],
    ) -> Result<BTreeMap<String, u16>, LaunchError> {
        let (first, last) = (*self.ports.range.start(), *self.ports.range.end());
        let mut free = search_order(owner.path(), first, last);
        let mut reserved = BTreeMap::new();
        for name in names {
            let port = loop {
                let wanted = names.len();
                let port = free.next().ok_or(LaunchError::PortsExhausted { wanted, first, last })?;
                if !self.is_claimed(port)? && is_free(port)? {
                    break port;
                }
            };
            files::write_atomic(&self.ports.claim(port), owner.path().as_os_str().as_bytes())?;
            reserved.insert(name.clone(), port);
        }
        Ok(reserved)
    }

    /// Removes the claims of `owner` on `ports`. Those of others are left alone.
    pub(crate) fn give_back(
        &self,
        owner: &AssignmentDir,
        ports: impl IntoIterator<Item = u16>,
    ) -> Result<(), LaunchError> {
        for port in ports {
            let claim = self.ports.claim(port);
            if files::read(&claim)?.is_some_and(|by| by == owner.path().as_os_str().as_bytes()) {
                fs::remove_file(&claim).map_err(LaunchError::io("remove", claim))?;
            }
        }
        Ok(())
    }

    fn is_claimed(&self, port: u16) -> Result<bool, LaunchError> {
        let Some(owner) = files::read(&self.ports.claim(port))? else {
            return Ok(false);
        };
        let owner = AssignmentDir::new(Path::new(std::ffi::OsStr::from_bytes(&owner)).into());
        if owner.path().as_os_str().is_empty() || owner.is_released() {
            return Ok(false);
        }
        // What cannot be read may be in use.
        let listed = |prepared: crate::Prepared| prepared.ports.values().any(|&p| p == port);
        Ok(owner.prepared().map_or(true, |prepared| prepared.is_some_and(listed)))
    }
}

/// All ports of the range once, from a place on that differs between assignments: a port just given
/// back is not the next to be handed out, and agents without a common registry rarely collide.
fn search_order(owner: &Path, first: u16, last: u16) -> impl Iterator<Item = u16> {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    let count = u64::from(last - first) + 1;
    // Cannot exceed the range, so the cast loses nothing.
    let start = first + (hasher.finish() % count) as u16;
    (start..=last).chain(first..start)
}

/// Whether nobody at all has the port, on any address. Std's listener is of no use for this: it
/// sets SO_REUSEADDR.
fn is_free(port: u16) -> Result<bool, LaunchError> {
    let v4 = SockaddrIn::new(0, 0, 0, 0, port);
    let v6 = SockaddrIn6::from(std::net::SocketAddrV6::new(std::net::Ipv6Addr::UNSPECIFIED, port, 0, 0));
    Ok(can_bind(AddressFamily::Inet, &v4)? && can_bind(AddressFamily::Inet6, &v6)?)
}

fn can_bind(family: AddressFamily, address: &dyn SockaddrLike) -> Result<bool, LaunchError> {
    let refused = |errno| LaunchError::io("probe a port with", "socket(2)")(io::Error::from(errno));
    let socket = match socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) {
        Ok(socket) => socket,
        // No IPv6 here, so nobody can be listening there.
        Err(Errno::EAFNOSUPPORT) => return Ok(true),
        Err(errno) => return Err(refused(errno)),
    };
    match bind(socket.as_raw_fd(), address) {
        Ok(()) | Err(Errno::EADDRNOTAVAIL) => Ok(true),
        Err(Errno::EADDRINUSE | Errno::EACCES) => Ok(false),
        Err(errno) => Err(refused(errno)),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::TcpListener, thread};

    use super::*;
    use crate::Prepared;

    /// Claims ports as prepare() does.
    fn prepare(registry: &PortRegistry, dir: &AssignmentDir, names: &[&str]) -> Result<Vec<u16>, LaunchError> {
        dir.create()?;
        let registry = registry.lock()?;
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let ports = registry.reserve(dir, &names)?;
        let found = ports.values().copied().collect();
        dir.write_prepared(&Prepared {
            host: "h".into(),
            ports,
            listen: BTreeMap::new(),
            tls: false,
            dir: dir.work(),
        })?;
        Ok(found)
    }

    fn assignment(root: &Path, name: &str) -> AssignmentDir {
        AssignmentDir::new(root.join(name))
    }

    #[test]
    fn parallel_agents_never_share_a_port() {
        let temp = tempfile::tempdir().unwrap();
        let agents: Vec<_> = (0..4)
            .map(|agent| {
                let root = temp.path().join(format!("agent-{agent}"));
                let folder = temp.path().join("registry");
                thread::spawn(move || {
                    let registry = PortRegistry::open(folder, 21000..=21999).unwrap();
                    (0..10)
                        .flat_map(|n| {
                            let dir = assignment(&root, &format!("job-{n}"));
                            prepare(&registry, &dir, &["a", "b"]).unwrap()
                        })
                        .collect::<Vec<u16>>()
                })
            })
            .collect();
        let all: Vec<u16> = agents.into_iter().flat_map(|agent| agent.join().unwrap()).collect();
        assert_eq!(all.len(), 80);
        assert_eq!(
            all.iter().collect::<BTreeSet<_>>().len(),
            80,
            "a port was handed out twice"
        );
    }

    #[test]
    fn skips_foreign_listeners_and_tells_exhaustion() {
        let temp = tempfile::tempdir().unwrap();
        let registry = |range| PortRegistry::open(temp.path().join("registry"), range).unwrap();
        // Find three neighbours of which the middle one can be listened on by a stranger.
        let (foreign, base) = (22000..23000)
            .find_map(|port| {
                (is_free(port - 1).unwrap() && is_free(port + 1).unwrap())
                    .then(|| TcpListener::bind(("127.0.0.1", port)).ok())
                    .flatten()
                    .map(|listener| (listener, port - 1))
            })
            .unwrap();
        let range = base..=base + 2;
        let first = assignment(temp.path(), "first");
        let got = prepare(&registry(range.clone()), &first, &["a", "b"]).unwrap();
        assert_eq!(
            got.iter().copied().collect::<BTreeSet<_>>(),
            BTreeSet::from([base, base + 2])
        );

        let second = assignment(temp.path(), "second");
        let error = prepare(&registry(range.clone()), &second, &["a"]).unwrap_err();
        assert_eq!(error.kind(), crate::LaunchErrorKind::PortsExhausted);

        // Released, removed and never completed claims are all free again.
        first.write_released().unwrap();
        drop(foreign);
        assert_eq!(
            prepare(&registry(range.clone()), &second, &["a", "b", "c"])
                .unwrap()
                .len(),
            3
        );
        fs::remove_dir_all(second.path()).unwrap();
        let third = assignment(temp.path(), "third");
        let names = ["a", "b", "c"].map(str::to_owned);
        registry(range.clone()).lock().unwrap().reserve(&third, &names).unwrap();
        let fourth = assignment(temp.path(), "fourth");
        assert_eq!(prepare(&registry(range), &fourth, &["a", "b", "c"]).unwrap().len(), 3);
    }

    #[test]
    fn gives_back_only_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let registry = PortRegistry::open(temp.path().join("registry"), 23000..=23999).unwrap();
        let (mine, other) = (assignment(temp.path(), "mine"), assignment(temp.path(), "other"));
        let port = prepare(&registry, &mine, &["a"]).unwrap()[0];
        let lock = registry.lock().unwrap();
        lock.give_back(&other, [port]).unwrap();
        assert!(lock.is_claimed(port).unwrap());
        lock.give_back(&mine, [port]).unwrap();
        assert!(!registry.claim(port).exists());
    }

    #[test]
    fn every_port_is_tried_once() {
        let order: Vec<u16> = search_order(Path::new("/some/where"), 20000, 20099).collect();
        assert_eq!(order.len(), 100);
        assert_eq!(order.into_iter().collect::<BTreeSet<_>>(), (20000..=20099).collect());
    }
}
