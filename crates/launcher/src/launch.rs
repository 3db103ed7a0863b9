use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Container, LaunchError};

const MAX_ARGUMENTS: usize = 4096;
const MAX_VARIABLES: usize = 4096;
/// Half of what Linux accepts for arguments and environment together at the usual stack limit.
const MAX_BYTES: usize = 1 << 20;
const MAX_PORTS: usize = 16;
const MAX_PORT_NAME: usize = 64;
/// What fits between the other parts of names.
const MAX_JOB_NAME: usize = 36;
/// No stop takes longer.
pub(crate) const MAX_GRACE: Duration = Duration::from_secs(24 * 3600);

/// Everything needed to start one assignment, fully resolved: no placeholders left.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
pub struct Launch {
    /// The program and its arguments. The program is an absolute path, or a name that is found in
    /// the absolute folders of `PATH` in [`env`](Self::env).
    pub argv: Vec<String>,
    /// The whole environment of the job. Only the assignment marker is added to it.
    pub env: BTreeMap<String, String>,
    /// The application folder whose entries are linked into the job's working directory.
    pub workdir: Option<PathBuf>,
    /// How long the job may take to end after SIGTERM before it is killed, unless
    /// [`Launcher::stop`](crate::Launcher::stop) says otherwise. Milliseconds on disk.
    #[serde(rename = "grace_ms", with = "millis")]
    pub grace: Duration,
    /// How much output is kept.
    pub log: LogLimits,
    /// What a container needs beside all that, where jobs run as containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

impl Launch {
    /// Checks everything that can be checked without looking at the machine.
    pub fn validate(&self) -> Result<(), LaunchError> {
        let invalid = |what: String| Err(LaunchError::InvalidLaunch { what });
        if self.argv.first().is_none_or(String::is_empty) {
            return invalid("argv is empty".into());
        }
        if self.argv.len() > MAX_ARGUMENTS || self.env.len() > MAX_VARIABLES {
            return invalid(format!(
                "more than {MAX_ARGUMENTS} arguments or {MAX_VARIABLES} variables"
            ));
        }
        let variables = self.env.iter().map(|(name, value)| name.len() + value.len());
        if self.argv.iter().map(String::len).chain(variables).sum::<usize>() > MAX_BYTES {
            return invalid(format!("arguments and environment exceed {MAX_BYTES} bytes"));
        }
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            return invalid("an argument contains a NUL byte".into());
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return invalid(format!("variable {name:?} has an impossible name or value"));
            }
        }
        if self.workdir.as_ref().is_some_and(|path| !path.is_absolute()) {
            return invalid("workdir is not an absolute path".into());
        }
        if self.grace > MAX_GRACE {
            return invalid(format!("grace is longer than {} s", MAX_GRACE.as_secs()));
        }
        self.container.as_ref().map_or(Ok(()), Container::validate)?;
        self.log.validate()
    }
}

/// Shows the names of the variables only: values may be secrets.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("argv", &self.argv)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("workdir", &self.workdir)
            .field("grace", &self.grace)
            .field("log", &self.log)
            .field("container", &self.container)
            .finish()
    }
}

/// How much of a job's output is kept: the newest `max_files` files of `max_file_bytes` each.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// The size at which a new file is begun, in bytes; at least [`Self::MIN_FILE_BYTES`].
    pub max_file_bytes: u64,
    /// The number of files kept; at least one.
    pub max_files: u32,
}

impl LogLimits {
    /// The smallest file size accepted: room for one record of the longest piece.
    pub const MIN_FILE_BYTES: u64 = 32 * 1024;

    fn validate(self) -> Result<(), LaunchError> {
        if self.max_file_bytes < Self::MIN_FILE_BYTES || !(1..=1000).contains(&self.max_files) {
            return Err(LaunchError::InvalidLaunch {
                what: format!(
                    "log limits want at least {} bytes a file and 1 to 1000 files",
                    Self::MIN_FILE_BYTES
                ),
            });
        }
        Ok(())
    }
}

impl Default for LogLimits {
    /// Five files of 10 MiB, as the kubelet has it.
    fn default() -> Self {
        Self {
            max_file_bytes: 10 << 20,
            max_files: 5,
        }
    }
}

/// What an assignment needs to have before its launch can be written down.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepare {
    /// The names of the ports it will listen on; a number is reserved for each.
    pub ports: Vec<String>,
    /// What the assignment is in its run.
    #[serde(default)]
    pub identity: Identity,
    /// The container image, where jobs run as containers.
    #[serde(default)]
    pub image: Option<String>,
}

/// What an assignment is in its run: for names and labels that people and ingress controllers see.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The party that carries it out, a DNS label.
    pub party: String,
    /// Whether it is a role that the aggregator hosts, and not one that runs at every party.
    pub aggregator: bool,
    /// The role's name.
    pub role: String,
    /// The run's id.
    pub run: String,
    /// The task's name.
    pub task: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What its objects are named by, where that is the task and not the key: a DNS label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
}

/// Whether it is a DNS label of at most so many characters.
pub(crate) fn is_label(text: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=longest).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

impl Prepare {
    /// Checks that there are at most 16 ports, with distinct, sensible names, and that objects can be named so.
    pub fn validate(&self) -> Result<(), LaunchError> {
        let distinct: BTreeSet<_> = self.ports.iter().collect();
        let sensible = |name: &String| (1..=MAX_PORT_NAME).contains(&name.len());
        if self.ports.len() > MAX_PORTS || distinct.len() != self.ports.len() || !self.ports.iter().all(sensible) {
            return Err(LaunchError::InvalidLaunch {
                what: format!("port names must be at most {MAX_PORTS}, distinct and 1 to {MAX_PORT_NAME} bytes long"),
            });
        }
        if let Some(name) = self
            .identity
            .job_name
            .as_ref()
            .filter(|name| !is_label(name, MAX_JOB_NAME))
        {
            return Err(LaunchError::InvalidLaunch {
                what: format!(
                    "no job can be named by {name:?}: use 1 to {MAX_JOB_NAME} characters out of a-z, 0-9 and '-'"
                ),
            });
        }
        Ok(())
    }
}

/// What was reserved for an assignment. It stays the same until it is released.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The name or address under which others reach the ports.
    pub host: String,
    /// The port of each name under which others reach it. What they cannot reach is not in it.
    pub ports: BTreeMap<String, u16>,
    /// The port of each name on which the job listens, where that is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listen: BTreeMap<String, u16>,
    /// Whether others speak TLS to it, for the host's name.
    #[serde(default)]
    pub tls: bool,
    /// The working directory the job will have.
    pub dir: PathBuf,
}

impl Prepared {
    /// The port of each name on which the job listens.
    pub fn listens(&self) -> &BTreeMap<String, u16> {
        if self.listen.is_empty() {
            &self.ports
        } else {
            &self.listen
        }
    }
}

/// A duration as whole milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch {
            argv: vec!["/bin/true".into()],
            env: BTreeMap::from([("TOKEN".into(), "hunter2".into())]),
            workdir: None,
            grace: Duration::from_millis(1500),
            log: LogLimits::default(),
            container: None,
        }
    }

    #[test]
    fn round_trips_with_grace_in_milliseconds() {
        let json = serde_json::to_value(launch()).unwrap();
        assert_eq!(json["grace_ms"], 1500);
        assert_eq!(serde_json::from_value::<Launch>(json).unwrap(), launch());
    }

    #[test]
    fn debug_hides_values() {
        let shown = format!("{:?}", launch());
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn rejects_what_cannot_be_started() {
        launch().validate().unwrap();
        let broken: [fn(&mut Launch); 8] = [
            |l| l.argv.clear(),
            |l| l.argv[0].clear(),
            |l| l.argv.push("a\0b".into()),
            |l| l.argv.push("x".repeat(MAX_BYTES)),
            |l| drop(l.env.insert("A=B".into(), String::new())),
            |l| l.workdir = Some("relative".into()),
            |l| l.log.max_files = 0,
            |l| l.log.max_file_bytes = 1,
        ];
        for (index, break_it) in broken.iter().enumerate() {
            let mut launch = launch();
            break_it(&mut launch);
            assert!(launch.validate().is_err(), "case {index} was accepted");
        }
    }

    #[test]
    fn port_names_are_distinct_and_few() {
        let prepare = |names: &[&str]| Prepare {
            ports: names.iter().map(|name| name.to_string()).collect(),
            ..Prepare::default()
        };
        prepare(&["grpc", "http"]).validate().unwrap();
        assert!(prepare(&["grpc", "grpc"]).validate().is_err());
        assert!(prepare(&[""]).validate().is_err());
        let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
        let many = Prepare {
            ports: many,
            ..Prepare::default()
        };
        assert!(many.validate().is_err());
    }
}
