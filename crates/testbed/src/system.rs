//! A whole system: a server and its parties as real processes, with certificates of a CA of their own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use flow_daemon::tls::TlsFiles;
use flow_domain::{RunId, party::Liveness};
use flow_pki::{Ca, Request, Role};
use nix::{
    sys::signal::{self as unix, Signal},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Api, Daemon, Job, assets, eventually, jobs_under, within};

/// How long certificates of tests are valid.
const VALID: Duration = Duration::from_secs(24 * 3600);

/// What a system is to be like.
#[derive(Debug)]
pub struct Builder {
    parties: usize,
    python: PathBuf,
    server: Box<dyn FnMutConfig<flow_server::config::Config>>,
    federate: Box<dyn FnMutConfig<flow_federate::config::Config>>,
}

/// A change of a configuration.
trait FnMutConfig<T>: FnMut(&mut T) {}
impl<T, F: FnMut(&mut T)> FnMutConfig<T> for F {}

impl<T> std::fmt::Debug for dyn FnMutConfig<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a change of the configuration")
    }
}

/// A party: its agent and where its files are.
#[derive(Debug)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its agent's process.
    pub agent: Daemon,
}

impl Party {
    /// Changes its agent's configuration, which is read when it is started again.
    pub fn configure(&self, change: impl FnOnce(&mut flow_federate::config::Config)) {
        let path = self.dir.join("agent.toml");
        let mut config = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut config);
        write(&path, &config);
    }

    /// Starts its agent again, after it was ended.
    pub fn restart(&mut self) {
        self.agent = start_agent(&self.dir);
    }
}

/// A running system.
#[derive(Debug)]
pub struct System {
    /// The server's process.
    pub server: Daemon,
    /// The parties, `party-a` first.
    pub parties: Vec<Party>,
    /// A client of its REST API.
    pub api: Api,
    /// Where REST is served.
    pub rest: SocketAddr,
    /// Where `/api/v1` is served, if it is.
    pub legacy: Option<SocketAddr>,
    /// Where agents attach.
    pub link: SocketAddr,
    /// Where the server's health page is beside REST, if it has one.
    pub health: Option<SocketAddr>,
    /// The certificate authority of this system.
    pub ca: Ca,
    dir: TempDir,
}

impl System {
    /// A system whose jobs run with `python`; two parties unless said otherwise.
    #[must_use]
    pub fn with(python: &Path) -> Builder {
        Builder {
            parties: 2,
            python: python.to_owned(),
            server: Box::new(|_| {}),
            federate: Box::new(|_| {}),
        }
    }

    /// The folder that holds everything of it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// All processes of its jobs, and their supervisors.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        jobs_under(self.dir())
    }

    /// The process of a role at a party (`center` for the aggregation role), once it is there.
    pub async fn job(&self, id: RunId, party: &str, role: &str) -> Job {
        within(
            Duration::from_secs(30),
            &format!("the process of {role} at {party}"),
            async || {
                let assignments = self.api.assignments(id).await;
                let newest = assignments
                    .iter()
                    .rfind(|a| a.party.as_str() == party && a.role == role)?;
                self.jobs()
                    .into_iter()
                    .find(|job| job.assignment == newest.id.to_string())
            },
        )
        .await
    }

    /// Starts the server again, after it was ended.
    pub async fn restart_server(&mut self) {
        let skip = self.server.log().len();
        self.launch_server();
        self.server.says("flow-server is up", skip).await;
    }

    /// The same, without waiting for it to be up.
    pub fn launch_server(&mut self) {
        self.server = start_server(self.dir.path());
    }

    /// Waits until all parties are attached.
    pub async fn all_attached(&self) {
        let expected = self.parties.len() + 1;
        eventually(expected, "attached agents", async || {
            let parties = self.api.parties().await;
            parties
                .iter()
                .filter(|party| party.liveness == Liveness::Online)
                .count()
        })
        .await;
    }

    /// Fails unless, within some seconds, no process of any job is left.
    pub async fn nothing_left(&self) {
        eventually(Vec::<Job>::new(), "processes of jobs", async || self.jobs()).await;
    }

    /// Makes a template and a task over all parties out of a template's JSON and more fields of the task, and starts it.
    pub async fn submit(&self, template: Value, more: Value) -> RunId {
        let made = self.api.template(&template).await;
        let participants: Vec<Value> = self
            .parties
            .iter()
            .map(|party| json!({"party": party.name, "dataset": "numbers"}))
            .collect();
        let mut task = json!({"name": made.spec.name, "template": made.id, "participants": participants});
        for (key, value) in more.as_object().into_iter().flatten() {
            task[key] = value.clone();
        }
        let task = self.api.task(&task).await;
        self.api.start(&task.id.to_string()).await.id
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // The supervisors outlive our daemons by design: a test must end them itself, and only those of its own folder.
        for party in &self.parties {
            party.agent.end();
        }
        self.server.end();
        for job in jobs_under(self.dir.path()) {
            kill(job.pid);
        }
        if std::thread::panicking() {
            let agents = self.parties.iter().map(|party| format!("{}/agent.log", party.name));
            for name in std::iter::once("server.log".to_owned()).chain(agents) {
                let log = fs::read_to_string(self.dir.path().join(&name)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines.len().saturating_sub(60);
                eprintln!("--- the end of {name}\n{}", lines[last..].join("\n"));
            }
        }
        // For who wants to read all of the logs.
        if std::env::var_os("FLOW_TEST_KEEP").is_some() {
            self.dir.disable_cleanup(true);
            eprintln!("--- kept: {}", self.dir.path().display());
        }
    }
}

impl Builder {
    /// With that many parties.
    #[must_use]
    pub fn parties(mut self, count: usize) -> Self {
        self.parties = count;
        self
    }

    /// With the server configured otherwise.
    #[must_use]
    pub fn server(mut self, change: impl FnMut(&mut flow_server::config::Config) + 'static) -> Self {
        self.server = Box::new(change);
        self
    }

    /// With every agent configured otherwise.
    #[must_use]
    pub fn federate(mut self, change: impl FnMut(&mut flow_federate::config::Config) + 'static) -> Self {
        self.federate = Box::new(change);
        self
    }

    /// Starts it, and waits until all parties are attached.
    pub async fn start(mut self) -> System {
        let dir = tempfile::Builder::new().prefix("flow-test-").tempdir().unwrap();
        let root = dir.path().to_owned();
        let ca = Ca::create("test", VALID).unwrap();
        let mut config = flow_server::config::Config {
            data_dir: root.join("server"),
            ..flow_server::config::Config::default()
        };
        config.rest.listen = "127.0.0.1:0".parse().unwrap();
        config.link.listen = "127.0.0.1:0".parse().unwrap();
        config.link.heartbeat = Duration::from_secs(1);
        config.link.tls = Some(issue(&ca, &root.join("server-tls"), None));
        config.log.format = flow_daemon::telemetry::LogFormat::Json;
        settings(&mut config.center.agent, &self.python, &root);
        (self.server)(&mut config);
        write(&root.join("server.toml"), &config);
        let mut server = start_server(&root);
        let up = server.says("flow-server is up", 0).await;
        let address = |field: &str| up[field].as_str().unwrap().parse::<SocketAddr>().unwrap();
        let (rest, link) = (address("rest"), address("link"));
        let more = |field: &str| up[field].as_str().map(|address| address.parse::<SocketAddr>().unwrap());
        let (health, legacy) = (more("health"), more("legacy"));
        // A server that is started again is found where it was.
        (config.rest.listen, config.link.listen) = (rest, link);
        write(&root.join("server.toml"), &config);

        let names = (b'a'..=b'z')
            .take(self.parties)
            .map(|letter| format!("party-{}", char::from(letter)));
        let mut parties = Vec::new();
        for name in names {
            let folder = root.join(&name);
            fs::create_dir_all(folder.join("data")).unwrap();
            let mut config = flow_federate::config::Config {
                party: name.clone(),
                data_dir: folder.join("agent"),
                tls: issue(&ca, &folder.join("tls"), Some(&name)),
                ..flow_federate::config::Config::default()
            };
            config.server.address = link.to_string();
            config.health.listen = "127.0.0.1:0".parse().unwrap();
            config.rest.listen = "127.0.0.1:0".parse().unwrap();
            config.log.format = flow_daemon::telemetry::LogFormat::Json;
            settings(&mut config.agent, &self.python, &root);
            config
                .agent
                .datasets
                .insert("numbers".into(), flow_agent::config::Dataset::Path(folder.join("data")));
            (self.federate)(&mut config);
            write(&folder.join("agent.toml"), &config);
            let agent = start_agent(&folder);
            parties.push(Party {
                name,
                dir: folder,
                agent,
            });
        }
        let system = System {
            api: Api::new(&format!("http://{rest}")),
            server,
            parties,
            rest,
            legacy,
            link,
            health,
            ca,
            dir,
        };
        system.all_attached().await;
        system
    }
}

fn settings(agent: &mut flow_agent::AgentConfig, python: &Path, root: &Path) {
    let process = &mut agent.process;
    process.programs.insert("python".into(), python.to_owned());
    process.workdirs.insert("/app/iflearner".into(), assets("iflearner"));
    process.workdirs.insert("/app/flower".into(), assets("flower"));
    // One registry for all tests: their systems run beside each other on one machine.
    process.port_registry = root.parent().map(|parent| parent.join("flow-test-ports"));
}

pub(crate) fn write<T: serde::Serialize>(path: &Path, config: &T) {
    fs::write(path, toml::to_string(config).unwrap()).unwrap();
}

pub(crate) fn issue(ca: &Ca, dir: &Path, party: Option<&str>) -> TlsFiles {
    let role = match party {
        Some(name) => Role::Party {
            name: name.parse().unwrap(),
        },
        None => Role::Server {
            dns_names: vec!["localhost".into()],
            ips: vec!["127.0.0.1".parse().unwrap()],
        },
    };
    let issued = ca.issue(&Request { role, validity: VALID }).unwrap();
    issued.save(dir, "own", false).unwrap();
    issued.save_ca(dir, false).unwrap();
    TlsFiles {
        cert: dir.join("own.crt"),
        key: dir.join("own.key"),
        ca: dir.join("ca.crt"),
    }
}

fn start_server(root: &Path) -> Daemon {
    let config = root.join("server.toml");
    Daemon::start(
        "flow-server",
        &["--config", config.to_str().unwrap(), "serve"],
        &root.join("server.log"),
    )
}

fn start_agent(folder: &Path) -> Daemon {
    let config = folder.join("agent.toml");
    Daemon::start(
        "flow-federate",
        &["--config", config.to_str().unwrap(), "run"],
        &folder.join("agent.log"),
    )
}

/// Sends a signal to a process that the test has started, itself or through ours; one that is gone is no error.
pub fn signal(pid: i32, signal: Signal) {
    let _ = unix::kill(Pid::from_raw(pid), signal);
}

/// Kills a process with SIGKILL.
pub fn kill(pid: i32) {
    signal(pid, Signal::SIGKILL);
}

/// The template of a real iflearner party that fails as told; see `assets/iflearner/party_faulty.py`.
#[must_use]
pub fn faulty(name: &str, epochs: u32, more: &[&str]) -> Value {
    let mut command = vec!["python", "party_faulty.py"];
    command.extend(more);
    json!({
        "name": name,
        "framework": "iflearner",
        "workdir": "/app/iflearner",
        "command": command,
        "hyperparameters": {"epochs": epochs},
    })
}
