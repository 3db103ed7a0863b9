//! Wire to domain. Everything that comes from the other side is checked here, and nowhere else.

use std::{fmt::Display, str::FromStr};

use flow_domain::{
    AssignmentId, AssignmentSpec, AssignmentState, Desired, PartyId, Progress, Reason, Span, Timestamp,
    assignment::Report,
    profile::{Arg, Placement, ProgressSource, Readiness, Role},
    progress::MAX_METRICS,
    queue::Capacity,
    resources::{Cpu, Memory, Resources},
    spec::{Endpoints, Peer},
    template::Scalar,
};

use crate::{MAX_TEXT, generated::v1};

/// A message of the other side that means nothing.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A field that must be there is not.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field has no meaning here.
    #[error("field {field}: {problem}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

type Result<T, E = WireError> = std::result::Result<T, E>;

fn parsed<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| WireError::Wrong {
        field,
        problem: error.to_string(),
    })
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let mut end = MAX_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// A desired assignment: its id, generation, what is wanted and its spec.
///
/// # Errors
/// If a field is missing or means nothing to this version.
pub fn desired_assignment(wire: v1::DesiredAssignment) -> Result<(AssignmentId, u64, Desired, AssignmentSpec)> {
    let desired = match wire.desired() {
        v1::Desired::Prepare => Desired::Prepare,
        v1::Desired::Run => Desired::Run,
        v1::Desired::Stop => Desired::Stop,
        v1::Desired::Unspecified => return Err(WireError::Missing("desired")),
    };
    let id = parsed("id", &wire.id)?;
    let spec = assignment_spec(wire.spec.ok_or(WireError::Missing("spec"))?)?;
    Ok((id, wire.generation, desired, spec))
}

fn assignment_spec(wire: v1::AssignmentSpec) -> Result<AssignmentSpec> {
    let mut exit_codes = std::collections::BTreeMap::new();
    for (code, reason) in wire.exit_codes {
        exit_codes.insert(code, parsed("exit_codes", &reason)?);
    }
    let mut hyperparameters = std::collections::BTreeMap::new();
    for (name, value) in wire.hyperparameters {
        hyperparameters.insert(name, scalar(value)?);
    }
    Ok(AssignmentSpec {
        run: parsed("run", &wire.run)?,
        task: parsed("task", &wire.task)?,
        task_name: wire.task_name,
        attempt: wire.attempt,
        framework: wire.framework,
        role: wire.role,
        party: parsed("party", &wire.party)?,
        index: wire.index,
        parties: wire.parties,
        dataset: wire.dataset,
        image: wire.image,
        workdir: wire.workdir,
        resources: wire.resources.map(resources).unwrap_or_default(),
        command: wire.command,
        launch: launch(wire.launch.ok_or(WireError::Missing("launch"))?)?,
        launcher: wire.launcher,
        hyperparameters,
        declared: wire.declared.into_iter().collect(),
        switches: wire.switches.into_iter().collect(),
        grace: Span(wire.grace_ms.min(Span::MAX.0)),
        success_codes: wire.success_codes,
        exit_codes,
        peers: wire.peers.into_iter().map(peer).collect::<Result<_>>()?,
        job_name: wire.job_name,
    })
}

fn resources(wire: v1::Resources) -> Resources {
    Resources {
        cpu: wire.cpu_millis.map(Cpu),
        memory: wire.memory_bytes.map(Memory),
        gpu: wire.gpu,
    }
}

fn scalar(wire: v1::Scalar) -> Result<Scalar> {
    use v1::scalar::Value;
    Ok(match wire.value.ok_or(WireError::Missing("hyperparameters.value"))? {
        Value::Bool(value) => Scalar::Bool(value),
        Value::Int(value) => Scalar::Int(value),
        Value::Float(value) => Scalar::Float(value),
        Value::Text(value) => Scalar::Text(value),
    })
}

fn launch(wire: v1::Launch) -> Result<Role> {
    let placement = match wire.placement.as_str() {
        "aggregator" => Placement::Aggregator,
        "each-party" => Placement::EachParty,
        other => {
            return Err(WireError::Wrong {
                field: "launch.placement",
                problem: format!("'{other}' is no placement"),
            });
        }
    };
    Ok(Role {
        placement,
        argv: wire.argv.into_iter().map(arg).collect::<Result<_>>()?,
        env: wire.env.into_iter().collect(),
        ports: wire.ports,
        writable: wire.writable,
        start_after: wire.start_after,
        ready: readiness(wire.ready)?,
        registers: wire.registers,
        progress: wire.progress.map(progress_source).transpose()?,
        metrics: wire.metrics,
    })
}

fn arg(wire: v1::Arg) -> Result<Arg> {
    match (wire.when, wire.argv) {
        (Some(when), argv) => Ok(Arg::When { when, argv }),
        (None, argv) => match <[String; 1]>::try_from(argv) {
            Ok([text]) => Ok(Arg::Plain(text)),
            Err(argv) => Err(WireError::Wrong {
                field: "launch.argv",
                problem: format!("an element without a switch holds {} texts, not one", argv.len()),
            }),
        },
    }
}

fn readiness(wire: Option<v1::Readiness>) -> Result<Readiness> {
    use v1::readiness::Kind;
    Ok(match wire.and_then(|ready| ready.kind) {
        None => Readiness::Started,
        Some(Kind::Tcp(tcp)) => Readiness::Tcp { port: tcp.port },
        Some(Kind::Http(http)) => Readiness::Http {
            port: http.port,
            path: http.path,
            status: u16::try_from(http.status).map_err(|_| WireError::Wrong {
                field: "launch.ready.status",
                problem: format!("{} is no HTTP status", http.status),
            })?,
        },
        Some(Kind::Log(log)) => Readiness::Log { pattern: log.pattern },
    })
}

fn progress_source(wire: v1::ProgressSource) -> Result<ProgressSource> {
    use v1::progress_source::Kind;
    Ok(match wire.kind.ok_or(WireError::Missing("launch.progress.kind"))? {
        Kind::StatusJson(status) => ProgressSource::StatusJson {
            port: status.port,
            path: status.path,
            round: status.round,
            total: status.total,
            complete: status.complete,
        },
        Kind::Log(log) => ProgressSource::Log { pattern: log.pattern },
    })
}

fn peer(wire: v1::Peer) -> Result<Peer> {
    Ok(Peer {
        role: wire.role,
        party: parsed("peers.party", &wire.party)?,
        index: wire.index,
        placement: if wire.aggregator {
            Placement::Aggregator
        } else {
            Placement::EachParty
        },
        endpoints: endpoints(wire.endpoints.ok_or(WireError::Missing("peers.endpoints"))?)?,
    })
}

fn endpoints(wire: v1::Endpoints) -> Result<Endpoints> {
    let mut ports = std::collections::BTreeMap::new();
    for (name, port) in wire.ports {
        let port = u16::try_from(port).map_err(|_| WireError::Wrong {
            field: "endpoints.ports",
            problem: format!("{port} is no port"),
        })?;
        ports.insert(name, port);
    }
    // Others put the host into their command lines: only what can be a host name or address passes.
    let host_like = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    if wire.host.is_empty() || wire.host.len() > 253 || !wire.host.chars().all(host_like) {
        return Err(WireError::Wrong {
            field: "endpoints.host",
            problem: format!("'{}' is no host", cut(wire.host)),
        });
    }
    Ok(Endpoints {
        host: wire.host,
        ports,
        tls: wire.tls,
    })
}

fn progress(wire: v1::Progress) -> Progress {
    Progress {
        registered: wire.registered,
        complete: wire.complete,
        round: wire.round,
        total: wire.total,
        metrics: wire
            .metrics
            .into_iter()
            .filter(|(name, value)| name.len() <= 64 && value.is_finite())
            .take(MAX_METRICS)
            .collect(),
    }
}

/// An agent's report. Texts are cut to [`MAX_TEXT`].
///
/// # Errors
/// If a field is missing or means nothing to this version.
pub fn report(wire: v1::Report) -> Result<Report> {
    let state = AssignmentState::ALL
        .into_iter()
        .find(|state| state.to_string() == wire.state)
        // Lost is the server's own word: an agent that speaks is not lost.
        .filter(|state| *state != AssignmentState::Lost)
        .ok_or_else(|| WireError::Wrong {
            field: "state",
            problem: format!("'{}' is no state", cut(wire.state.clone())),
        })?;
    let mut members = Vec::new();
    for (party, member) in wire.members {
        let party: PartyId = parsed("members", &party)?;
        members.push((party, progress(member)));
    }
    Ok(Report {
        assignment: parsed("assignment", &wire.assignment)?,
        generation: wire.generation,
        state,
        reason: parsed::<Reason>("reason", &wire.reason)?,
        message: cut(wire.message),
        ready: wire.ready,
        endpoints: wire.endpoints.map(endpoints).transpose()?,
        exit_code: wire.exit_code,
        exited_at: wire.exited_at_micros.map(Timestamp),
        progress: progress(wire.progress.unwrap_or_default()),
        members,
    })
}

impl From<v1::Capacity> for Capacity {
    fn from(wire: v1::Capacity) -> Self {
        Self {
            runs: wire.runs,
            cpu: wire.cpu_millis.map(Cpu),
            memory: wire.memory_bytes.map(Memory),
            gpu: wire.gpu,
        }
    }
}
