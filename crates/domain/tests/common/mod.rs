//! Small builders and a simulated world, shared by the tests of the planner.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "a shared part of tests")]

pub mod chaos;
pub mod honest;
pub mod invariants;
pub mod profiles;
pub mod world;

use flow_domain::{
    Assignment, AssignmentState, Participant, PartyId, Policies, Profile, Progress, Reason, Resources, Run, RunSpec,
    Task, TaskSpec, Timestamp,
    assignment::Report,
    gang::Gang,
    party::{Liveness, Parties, Presence},
    profile::builtin,
    run::Attempt,
    spec::Endpoints,
};
use uuid::Uuid;

/// When every test begins.
pub const START: Timestamp = Timestamp(1_800_000_000_000_000);

pub fn mk_party(name: &str) -> PartyId {
    name.parse().unwrap()
}

/// A run of `profile` with the parties `a`, `b`, … and the aggregation at the center.
pub fn mk_spec(profile: &Profile, parties: usize) -> RunSpec {
    let participant = |letter: char| Participant {
        party: mk_party(&letter.to_string()),
        dataset: Some("digits".to_owned()),
    };
    RunSpec {
        commands: [].into(),
        image: None,
        workdir: None,
        resources: Resources::default(),
        participants: ('a'..='z').take(parties).map(participant).collect(),
        min_parties: None,
        select: None,
        aggregator: PartyId::center(),
        hyperparameters: profile.hyperparameters.clone(),
        switches: [].into(),
        policies: Policies {
            deadlines: profile.deadlines.clone(),
            ..Policies::default()
        },
        profile: profile.clone(),
        job_name: None,
    }
}

/// Two parties `a` and `b` with `server` at the center; nothing but `party` completes the run.
pub fn mk_iflearner(max_retries: u32) -> RunSpec {
    let mut spec = mk_spec(builtin("iflearner").unwrap(), 2);
    spec.policies.max_retries = max_retries;
    spec
}

/// Two clients at `a` and `b` with `server` at the center; members are restarted alone.
pub fn mk_flower(max_retries: u32) -> RunSpec {
    let mut spec = mk_spec(builtin("flower").unwrap(), 2);
    spec.policies.max_retries = max_retries;
    spec
}

/// A gang that was accepted and not planned yet.
pub fn mk_gang(spec: RunSpec) -> Gang {
    let task = Task {
        id: flow_domain::TaskId(Uuid::from_u128(1)),
        template: flow_domain::TemplateId(Uuid::from_u128(2)),
        spec: TaskSpec {
            name: "digits".parse().unwrap(),
            template: "digits".to_owned(),
            participants: spec.participants.clone(),
            min_parties: None,
            select: None,
            aggregator: None,
            hyperparameters: [].into(),
            switches: Vec::new(),
            policies: spec.policies.clone(),
            remark: String::new(),
            annotations: Default::default(),
        },
        revision: 1,
        created_at: START,
        modified_at: START,
    };
    Gang {
        run: Run::submitted(flow_domain::RunId(Uuid::from_u128(3)), &task, spec, START),
        assignments: Vec::new(),
    }
}

/// Every party that the run needs, attached or away since the start.
pub fn mk_parties(spec: &RunSpec, liveness: Liveness) -> Parties {
    let presence = Presence { liveness, since: START };
    Parties(
        spec.parties()
            .into_iter()
            .map(|party| (party.clone(), presence))
            .collect(),
    )
}

/// What an agent says that sees `assignment` in `state`, and no more.
pub fn mk_report(assignment: &Assignment, state: AssignmentState) -> Report {
    Report {
        assignment: assignment.id,
        generation: assignment.generation,
        state,
        reason: mk_reason(state),
        message: format!("seen as {state}"),
        ready: false,
        endpoints: (state >= AssignmentState::Prepared).then(|| Endpoints {
            host: format!("{}.test", assignment.party),
            ports: [("grpc".to_owned(), 9_000)].into(),
            tls: false,
        }),
        exit_code: None,
        exited_at: None,
        progress: Progress::default(),
        members: Vec::new(),
    }
}

/// What an agent says that has too little to prepare it.
pub fn mk_shortage(assignment: &Assignment) -> Report {
    Report {
        reason: Reason::CapacityExceeded,
        message: "waits for a free place: 4 of 4 are taken".to_owned(),
        ..mk_report(assignment, AssignmentState::Pending)
    }
}

/// The reason that an agent mostly gives for a state.
fn mk_reason(state: AssignmentState) -> Reason {
    match state {
        AssignmentState::Pending => Reason::WaitingForAgent,
        AssignmentState::Prepared => Reason::WaitingForTurn,
        AssignmentState::Starting | AssignmentState::Running => Reason::ProcessRunning,
        AssignmentState::Succeeded => Reason::ProcessSucceeded,
        AssignmentState::Failed => Reason::ProcessFailed,
        AssignmentState::Stopped => Reason::StoppedOnRequest,
        AssignmentState::Rejected => Reason::PolicyRefused,
        AssignmentState::Lost => Reason::AgentError,
    }
}

pub fn mk_progress(registered: bool, round: u32) -> Progress {
    Progress {
        registered,
        round,
        ..Progress::default()
    }
}

/// The last attempt there was.
pub fn last_attempt(gang: &Gang) -> &Attempt {
    gang.run.attempts.last().expect("there was an attempt")
}
