//! One of our programs as a real process, with its log in a file.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::{Child, Command};

use crate::{programs::program, within};

/// A running program.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; its log goes to `log`, after what is there.
    pub fn start(name: &str, args: &[&str], log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(program(name))
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends it SIGKILL, if it has not ended already.
    pub(crate) fn end(&self) {
        if let Some(pid) = self.child.id() {
            crate::kill(i32::try_from(pid).unwrap());
        }
    }

    /// Ends it with SIGKILL and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it with SIGTERM; answers its exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        crate::signal(self.pid(), nix::sys::signal::Signal::SIGTERM);
        self.ended().await
    }

    /// Waits for its end; answers its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        ended.expect("the program did not end within 30 s").unwrap().code()
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a JSON log line with that message, after the first `skip` bytes; answers it.
    pub async fn says(&mut self, message: &str, skip: usize) -> serde_json::Value {
        within(Duration::from_secs(30), message, async || {
            if let Some(status) = self.exited() {
                panic!(
                    "the program ended with {status} before it said '{message}':\n{}",
                    self.log()
                );
            }
            let log = self.log();
            log.get(skip..)?
                .lines()
                .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
                .find(|line| line["message"] == message)
        })
        .await
    }
}
