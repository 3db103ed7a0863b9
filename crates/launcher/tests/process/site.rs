//! One machine with a launcher on it.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use flow_launcher::{
    Exit, Key, Launch, Launcher, LogLimits, Observed, Prepare,
    process::{CgroupMode, ProcessConfig, ProcessLauncher, SupervisorCommand},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) temp: TempDir,
    pub(crate) key: Key,
    pub(crate) launcher: ProcessLauncher,
    cgroup: CgroupMode,
}

impl Site {
    /// `name` must be that of the test: the key marks its processes among those of all tests.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_cgroup(name, CgroupMode::Auto)
    }

    pub(crate) fn with_cgroup(name: &str, cgroup: CgroupMode) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let key = Key::new(format!("{name}-{}", std::process::id())).unwrap();
        let launcher = launcher(temp.path(), cgroup);
        Self {
            temp,
            key,
            launcher,
            cgroup,
        }
    }

    /// What an agent that was started anew has.
    pub(crate) fn another_launcher(&self) -> ProcessLauncher {
        launcher(self.temp.path(), self.cgroup)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temp.path().join("root").join(self.key.as_str())
    }

    pub(crate) async fn prepare(&self) {
        self.launcher.prepare(&self.key, &Prepare::default()).await.unwrap();
    }

    /// Prepares and starts a shell script.
    pub(crate) async fn start(&self, script: &str) {
        self.start_launch(&sh(script)).await;
    }

    pub(crate) async fn start_launch(&self, launch: &Launch) {
        self.prepare().await;
        self.launcher.start(&self.key, launch).await.unwrap();
    }

    pub(crate) async fn observe(&self) -> Observed {
        self.launcher.observe(&self.key).await.unwrap()
    }

    pub(crate) async fn stop(&self, grace: Duration) {
        self.launcher.stop(&self.key, grace).await.unwrap();
    }

    pub(crate) async fn exit(&self) -> Exit {
        exit(&self.launcher, &self.key).await
    }

    /// Waits until a file that the job makes in its working directory is there.
    pub(crate) async fn file(&self, name: &str) -> String {
        let path = self.dir().join("work").join(name);
        until(|| async { fs::read_to_string(&path).ok().filter(|text| !text.is_empty()) }).await
    }

    /// Asserts that no process of the job is left, not even for a moment after its end.
    pub(crate) fn assert_all_gone(&self) {
        let left = marked(&self.key);
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    pub(crate) fn started(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.dir().join("started.json")).unwrap()).unwrap()
    }
}

fn launcher(temp: &Path, cgroup: CgroupMode) -> ProcessLauncher {
    let supervisor = SupervisorCommand {
        program: env!("CARGO_BIN_EXE_flow-supervisor").into(),
        args: vec![],
    };
    let mut config = ProcessConfig::new(temp.join("root"), supervisor);
    config.port_registry = temp.join("registry");
    config.cgroup = cgroup;
    ProcessLauncher::new(config).unwrap()
}

/// A launch of `sh -c script`.
pub(crate) fn sh(script: &str) -> Launch {
    Launch {
        argv: ["sh", "-c", script].map(str::to_owned).into(),
        env: BTreeMap::from([("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]),
        workdir: None,
        grace: Duration::from_secs(20),
        log: LogLimits::default(),
        container: None,
    }
}

pub(crate) async fn exit(launcher: &ProcessLauncher, key: &Key) -> Exit {
    until(|| async {
        match launcher.observe(key).await.unwrap() {
            Observed::Exited(exit) => Some(exit),
            Observed::Lost { message } => panic!("lost: {message}"),
            _ => None,
        }
    })
    .await
}

/// Polls `condition` until it holds something; panics if it never does.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(condition: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The living processes that carry the marker of `key`, with their command lines.
pub(crate) fn marked(key: &Key) -> Vec<(i32, String)> {
    let marker = format!("FLOW_ASSIGNMENT={key}");
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        // Empty for zombies.
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ
            .split(|&byte| byte == 0)
            .any(|variable| variable == marker.as_bytes())
    })
    .map(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        (pid, String::from_utf8_lossy(&command).replace('\0', " "))
    })
    .collect()
}

/// Whether the process exists and is no zombie.
pub(crate) fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

/// `kill -9`.
pub(crate) fn kill_9(pid: i64) {
    let pid = nix::unistd::Pid::from_raw(pid.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}
