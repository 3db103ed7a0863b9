//! `flow-server` as a process, with a configuration of its own.

use std::{
    env,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use flow_daemon::tls::TlsFiles;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{Outcome, database::Database, options::Options};

/// How long it may take to come up, migrations of an empty database included.
const UP: Duration = Duration::from_secs(60);

/// How long it may take to end in good order.
const DOWN: Duration = Duration::from_secs(30);

/// How often its log is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    config: Value,
    /// Where REST is served.
    pub(crate) rest: SocketAddr,
    /// Where agents attach.
    pub(crate) link: SocketAddr,
    /// Where `/api/v1` is served, if it is.
    pub(crate) legacy: Option<SocketAddr>,
    /// When its process was started, by this process's clock and by the one on the wall.
    pub(crate) started: (Instant, SystemTime),
}

impl Server {
    /// Starts one on ports of its own, and waits until it is up. It has no agent in its own process: that one would start
    /// real jobs. It serves `/api/v1` too if that is wanted (`legacy`).
    pub(crate) async fn start(
        folder: &Path,
        database: &Database,
        tls: &TlsFiles,
        legacy: bool,
        options: &Options,
    ) -> Outcome<Self> {
        let mut config = json!({
            "data_dir": folder.join("data"),
            "database": { "url": database.url },
            "rest": { "listen": "127.0.0.1:0" },
            "link": { "listen": "127.0.0.1:0", "heartbeat": "10s", "tls": tls },
            "center": { "enabled": false },
            "log": { "format": "json", "filter": options.log },
        });
        if legacy {
            config["legacy"] = json!({ "listen": "127.0.0.1:0" });
        }
        run(folder.to_owned(), config).await
    }

    /// Starts it again where it was, after [`kill9`](Self::kill9) or [`terminate`](Self::terminate).
    pub(crate) async fn start_again(&mut self) -> Outcome {
        let mut config = self.config.clone();
        config["rest"]["listen"] = json!(self.rest);
        config["link"]["listen"] = json!(self.link);
        if let Some(legacy) = self.legacy {
            config["legacy"]["listen"] = json!(legacy);
        }
        *self = run(self.folder.clone(), config).await?;
        Ok(())
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> Outcome<u32> {
        self.child.id().ok_or_else(|| "flow-server does not run".into())
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub(crate) async fn kill9(&mut self) -> Outcome {
        Ok(self.child.kill().await?)
    }

    /// Ends it in good order.
    pub(crate) async fn terminate(&mut self) -> Outcome {
        // It is our child and was not waited for, so the number is still its own.
        kill(Pid::from_raw(i32::try_from(self.pid()?)?), Signal::SIGTERM)?;
        let ended = tokio::time::timeout(DOWN, self.child.wait()).await;
        ended.map_err(|_| format!("flow-server did not end within {DOWN:?}"))??;
        Ok(())
    }
}

async fn run(folder: PathBuf, config: Value) -> Outcome<Server> {
    let (file, log) = (folder.join("server.toml"), folder.join("server.log"));
    fs::write(&file, toml::to_string(&config)?)?;
    let out = File::options().create(true).append(true).open(&log)?;
    let skip = usize::try_from(out.metadata()?.len())?;
    let started = (Instant::now(), SystemTime::now());
    let child = Command::new(program()?)
        .arg("--config")
        .arg(&file)
        .arg("serve")
        // A developer's own settings must not get in.
        .env_clear()
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .kill_on_drop(true)
        .spawn()?;
    let mut server = Server {
        child,
        folder,
        config,
        rest: SocketAddr::from(([0, 0, 0, 0], 0)),
        link: SocketAddr::from(([0, 0, 0, 0], 0)),
        legacy: None,
        started,
    };
    while started.0.elapsed() < UP {
        if let Some(up) = said(&log, skip)? {
            let address = |field: &str| up[field].as_str().unwrap_or_default().parse::<SocketAddr>();
            (server.rest, server.link) = (address("rest")?, address("link")?);
            server.legacy = address("legacy").ok();
            return Ok(server);
        }
        if let Some(status) = server.child.try_wait()? {
            return Err(format!("flow-server ended with {status}:\n{}", fs::read_to_string(&log)?).into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(format!("flow-server is not up after {UP:?}:\n{}", fs::read_to_string(&log)?).into())
}

/// The line that says where it listens, if it is in the log by now.
fn said(log: &Path, skip: usize) -> Outcome<Option<Value>> {
    let text = fs::read(log)?;
    let new = text.get(skip..).unwrap_or_default();
    let mut lines = new.split(|byte| *byte == b'\n');
    Ok(lines.find_map(|line| {
        let line: Value = serde_json::from_slice(line).ok()?;
        (line["message"] == "flow-server is up").then_some(line)
    }))
}

/// The program of the same build: it lies beside this one.
fn program() -> Outcome<PathBuf> {
    let program = env::current_exe()?.with_file_name("flow-server");
    if !program.is_file() {
        return Err(format!(
            "{} is not there: run `cargo xtask bench dispatch` or `… rest`, which build it",
            program.display()
        )
        .into());
    }
    Ok(program)
}
