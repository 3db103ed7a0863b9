//! Small builders.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use flow_domain::{
    AssignmentId, AssignmentSpec, AssignmentState, Desired, PartyId, Reason, Resources, RunId, Span, TaskId, Timestamp,
    profile,
};
use uuid::Uuid;

use crate::{board::Status, journal::Journal};

pub(super) fn mk_party(name: &str) -> PartyId {
    name.parse().unwrap()
}

pub(super) fn mk_task(number: u128) -> TaskId {
    TaskId(Uuid::from_u128(number))
}

pub(super) fn mk_run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

/// What party `a` does in a run of a task.
pub(super) fn mk_spec(run: u128, task: u128) -> Arc<AssignmentSpec> {
    Arc::new(AssignmentSpec {
        run: mk_run(run),
        task: mk_task(task),
        task_name: format!("task {task}"),
        attempt: 1,
        framework: "iflearner".to_owned(),
        role: "party".to_owned(),
        party: mk_party("a"),
        index: 0,
        parties: 2,
        dataset: Some("digits".to_owned()),
        image: None,
        workdir: None,
        resources: Resources::default(),
        command: vec!["train".to_owned(), "🎯".to_owned()],
        launch: profile::builtin("iflearner").unwrap().roles["party"].clone(),
        launcher: None,
        hyperparameters: BTreeMap::default(),
        declared: BTreeSet::new(),
        switches: BTreeSet::new(),
        grace: Span::secs(5),
        success_codes: vec![0],
        exit_codes: BTreeMap::new(),
        peers: Vec::new(),
        job_name: None,
    })
}

pub(super) fn id_of(spec: &AssignmentSpec) -> AssignmentId {
    AssignmentId::derive(spec.run, spec.attempt, &spec.role, &spec.party, 0)
}

pub(super) fn mk_status(state: AssignmentState) -> Status {
    let reason = match state {
        AssignmentState::Pending => Reason::WaitingForAgent,
        AssignmentState::Prepared => Reason::WaitingForTurn,
        AssignmentState::Starting => Reason::WaitingForReady,
        AssignmentState::Running => Reason::ProcessRunning,
        AssignmentState::Succeeded => Reason::ProcessSucceeded,
        _ => Reason::ProcessFailed,
    };
    Status {
        state,
        reason,
        message: format!("it is {state}"),
        exit_code: (state == AssignmentState::Succeeded).then_some(0),
        exited_at: state.is_terminal().then_some(Timestamp(77)),
        ..Status::pending()
    }
}

/// One assignment from its beginning to its end, up to its files; answers its id.
pub(super) fn live(journal: &Journal, run: u128, task: u128) -> AssignmentId {
    let spec = mk_spec(run, task);
    let id = id_of(&spec);
    journal.wanted(id, 1, Desired::Prepare, &spec);
    journal.seen(id, &mk_status(AssignmentState::Prepared), false);
    journal.wanted(id, 2, Desired::Run, &spec);
    journal.seen(id, &mk_status(AssignmentState::Running), false);
    journal.seen(id, &mk_status(AssignmentState::Succeeded), false);
    journal.unwanted(id);
    id
}
