//! Agents that do what is wanted of them, one step at a time, with programs that run to success.

use flow_domain::{
    Assignment, AssignmentState, Desired, PartyId, Progress,
    assignment::Report,
    gang::Gang,
    party::Parties,
    profile::{DoneBy, Placement},
};

use super::mk_report;

/// How many rounds a program trains.
pub const ROUNDS: u32 = 3;

/// What every attached agent says next. A report that is no news may be among them.
pub fn round(gang: &Gang, parties: &Parties) -> Vec<(PartyId, Report)> {
    let mine = gang
        .current()
        .filter(|a| parties.absence(&a.party).is_none() && !a.state.is_terminal());
    mine.map(|a| (a.party.clone(), next(gang, a))).collect()
}

/// What the honest agent of one live assignment says next.
pub fn next(gang: &Gang, assignment: &Assignment) -> Report {
    use AssignmentState::{Pending, Prepared, Running, Starting, Stopped};
    match (assignment.desired, assignment.state) {
        (Desired::Stop, _) => mk_report(assignment, Stopped),
        (_, Pending) | (Desired::Prepare, Prepared) => mk_report(assignment, Prepared),
        (_, Prepared) => mk_report(assignment, Starting),
        (_, Starting) => mk_report(assignment, Running),
        _ => trains(gang, assignment),
    }
}

fn trains(gang: &Gang, assignment: &Assignment) -> Report {
    let profile = &gang.run.spec.profile;
    let completion = &profile.completion;
    // Nobody trains before all are known to the aggregation.
    let is_there = |a: &Assignment| a.ready && (a.progress.registered || !profile.roles[&a.role].registers);
    let all_there = gang.members().all(|a| is_there(a) || a.state.is_terminal());
    let round = (assignment.progress.round + u32::from(all_there)).min(ROUNDS);
    let done = round == ROUNDS;
    let exits = done && completion.by == DoneBy::Exit && completion.roles.contains(&assignment.role);
    let state = if exits {
        AssignmentState::Succeeded
    } else {
        AssignmentState::Running
    };
    let mut report = mk_report(assignment, state);
    report.ready = true;
    report.exit_code = exits.then_some(0);
    report.progress = Progress {
        registered: assignment.progress.registered || speaker(gang).is_none(),
        complete: done && completion.by == DoneBy::Status,
        round,
        ..Progress::default()
    };
    if speaker(gang) == Some(assignment.role.as_str()) {
        report.members = registrations(gang);
    }
    report
}

/// The aggregation role that tells of the others, if there is one.
fn speaker(gang: &Gang) -> Option<&str> {
    let mut roles = gang.run.spec.profile.roles.iter();
    let speaks = roles.find(|(_, role)| role.placement == Placement::Aggregator && role.progress.is_some());
    speaks.map(|(name, _)| name.as_str())
}

fn registrations(gang: &Gang) -> Vec<(PartyId, Progress)> {
    let data_role = gang.run.spec.profile.data_role();
    let up = gang
        .members()
        .filter(|a| Some(a.role.as_str()) == data_role && a.is_up());
    let progress = |a: &Assignment| Progress {
        registered: true,
        ..a.progress.clone()
    };
    up.map(|a| (a.party.clone(), progress(a))).collect()
}
