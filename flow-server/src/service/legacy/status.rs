//! How a task's newest run stands, in the words of `/api/v1`.

use flow_api::legacy::{PartyStatus, Status};
use flow_domain::{AssignmentState, RunState, gang::Gang, party::Parties, profile::Placement, run::Outcome};

/// The status of a run; what is under way at a party that is away is not known.
pub(super) fn of(gang: &Gang, parties: &Parties) -> Status {
    let run = &gang.run;
    let known = match run.state {
        RunState::AwaitingApproval | RunState::Queued => Status::Started,
        RunState::Preparing | RunState::Starting => Status::Pending,
        RunState::Completing if run.outcome == Some(Outcome::Retry) => Status::Pending,
        RunState::Running | RunState::Completing => Status::Running,
        RunState::Succeeded => Status::Succeeded,
        RunState::Failed | RunState::TimedOut | RunState::Rejected => Status::Failed,
        RunState::Cancelled => Status::Cancelled,
    };
    let is_under_way = matches!(known, Status::Pending | Status::Running);
    let mut live = gang.assignments.iter().filter(|one| !one.state.is_terminal());
    if is_under_way && live.any(|one| parties.offline_since(&one.party).is_some()) {
        Status::Unknown
    } else {
        known
    }
}

/// How far each party is, as the aggregation server of the newest attempt says; `None` as long as there is none.
pub(super) fn parties(gang: &Gang) -> Option<Vec<PartyStatus>> {
    let run = &gang.run;
    let profile = &run.spec.profile;
    let attempt = run.attempt();
    let newest = || gang.assignments.iter().filter(|one| one.attempt == attempt);
    let aggregates = |role: &str| {
        let role = profile.roles.get(role);
        role.is_some_and(|role| role.placement == Placement::Aggregator)
    };
    let was_there = |state| {
        !matches!(
            state,
            AssignmentState::Pending | AssignmentState::Prepared | AssignmentState::Rejected
        )
    };
    newest().find(|one| aggregates(&one.role) && was_there(one.state))?;
    let registered = newest().filter(|one| profile.data_role() == Some(one.role.as_str()) && one.progress.registered);
    let status = registered.map(|one| PartyStatus {
        name: one.party.to_string(),
        ready: Some(true),
        // Whoever has ended well was not always asked once more.
        complete: Some(one.progress.complete || one.state == AssignmentState::Succeeded),
        current_epoch: Some(one.progress.round),
        total_epoch: one.progress.total,
    });
    Some(status.collect())
}
