//! Domain to wire. Cannot fail.

use flow_domain::{
    AssignmentSpec, Desired, Progress,
    profile::{Arg, Placement, ProgressSource, Readiness, Role},
    queue::Capacity,
    spec::{Endpoints, Peer},
    template::Scalar,
};

use crate::generated::v1;

/// A desired assignment for the agent.
pub fn desired(id: String, generation: u64, desired: Desired, spec: AssignmentSpec) -> v1::DesiredAssignment {
    let desired = match desired {
        Desired::Prepare => v1::Desired::Prepare,
        Desired::Run => v1::Desired::Run,
        Desired::Stop => v1::Desired::Stop,
    };
    v1::DesiredAssignment {
        id,
        generation,
        desired: desired.into(),
        spec: Some(assignment_spec(spec)),
    }
}

fn assignment_spec(spec: AssignmentSpec) -> v1::AssignmentSpec {
    v1::AssignmentSpec {
        run: spec.run.to_string(),
        task: spec.task.to_string(),
        task_name: spec.task_name,
        attempt: spec.attempt,
        framework: spec.framework,
        role: spec.role,
        party: spec.party.to_string(),
        index: spec.index,
        parties: spec.parties,
        dataset: spec.dataset,
        image: spec.image,
        workdir: spec.workdir,
        resources: Some(v1::Resources {
            cpu_millis: spec.resources.cpu.map(|cpu| cpu.0),
            memory_bytes: spec.resources.memory.map(|memory| memory.0),
            gpu: spec.resources.gpu,
        }),
        command: spec.command,
        launch: Some(launch(spec.launch)),
        launcher: spec.launcher,
        hyperparameters: spec
            .hyperparameters
            .into_iter()
            .map(|(name, value)| (name, scalar(value)))
            .collect(),
        declared: spec.declared.into_iter().collect(),
        switches: spec.switches.into_iter().collect(),
        grace_ms: spec.grace.0,
        success_codes: spec.success_codes,
        exit_codes: spec
            .exit_codes
            .into_iter()
            .map(|(code, reason)| (code, reason.to_string()))
            .collect(),
        peers: spec.peers.into_iter().map(peer).collect(),
        job_name: spec.job_name,
    }
}

fn scalar(value: Scalar) -> v1::Scalar {
    use v1::scalar::Value;
    let value = match value {
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => Value::Int(value),
        Scalar::Float(value) => Value::Float(value),
        Scalar::Text(value) => Value::Text(value),
    };
    v1::Scalar { value: Some(value) }
}

fn launch(role: Role) -> v1::Launch {
    let placement = match role.placement {
        Placement::Aggregator => "aggregator",
        Placement::EachParty => "each-party",
    };
    v1::Launch {
        placement: placement.to_owned(),
        argv: role.argv.into_iter().map(arg).collect(),
        env: role.env.into_iter().collect(),
        ports: role.ports,
        writable: role.writable,
        start_after: role.start_after,
        registers: role.registers,
        metrics: role.metrics,
        ready: Some(readiness(&role.ready)),
        progress: role.progress.as_ref().map(progress_source),
    }
}

fn arg(arg: Arg) -> v1::Arg {
    match arg {
        Arg::Plain(text) => v1::Arg {
            when: None,
            argv: vec![text],
        },
        Arg::When { when, argv } => v1::Arg { when: Some(when), argv },
    }
}

fn readiness(ready: &Readiness) -> v1::Readiness {
    use v1::readiness::Kind;
    let kind = match ready {
        Readiness::Started => None,
        Readiness::Tcp { port } => Some(Kind::Tcp(v1::TcpReady { port: port.clone() })),
        Readiness::Http { port, path, status } => Some(Kind::Http(v1::HttpReady {
            port: port.clone(),
            path: path.clone(),
            status: u32::from(*status),
        })),
        Readiness::Log { pattern } => Some(Kind::Log(v1::LogReady {
            pattern: pattern.clone(),
        })),
    };
    v1::Readiness { kind }
}

fn progress_source(source: &ProgressSource) -> v1::ProgressSource {
    use v1::progress_source::Kind;
    let kind = match source {
        ProgressSource::StatusJson {
            port,
            path,
            round,
            total,
            complete,
        } => Kind::StatusJson(v1::StatusJson {
            port: port.clone(),
            path: path.clone(),
            round: round.clone(),
            total: total.clone(),
            complete: complete.clone(),
        }),
        ProgressSource::Log { pattern } => Kind::Log(v1::LogProgress {
            pattern: pattern.clone(),
        }),
    };
    v1::ProgressSource { kind: Some(kind) }
}

fn peer(peer: Peer) -> v1::Peer {
    v1::Peer {
        role: peer.role,
        party: peer.party.to_string(),
        index: peer.index,
        endpoints: Some(endpoints(&peer.endpoints)),
        aggregator: peer.placement == Placement::Aggregator,
    }
}

/// Where a member listens.
pub fn endpoints(endpoints: &Endpoints) -> v1::Endpoints {
    v1::Endpoints {
        host: endpoints.host.clone(),
        ports: endpoints
            .ports
            .iter()
            .map(|(name, port)| (name.clone(), u32::from(*port)))
            .collect(),
        tls: endpoints.tls,
    }
}

/// How far a member has come.
pub fn progress(progress: &Progress) -> v1::Progress {
    v1::Progress {
        registered: progress.registered,
        complete: progress.complete,
        round: progress.round,
        total: progress.total,
        metrics: progress.metrics.clone().into_iter().collect(),
    }
}

impl From<Capacity> for v1::Capacity {
    fn from(capacity: Capacity) -> Self {
        Self {
            runs: capacity.runs,
            cpu_millis: capacity.cpu.map(|cpu| cpu.0),
            memory_bytes: capacity.memory.map(|memory| memory.0),
            gpu: capacity.gpu,
        }
    }
}
