//! Small builders of what is stored.

use flow_domain::{
    Deadlines, PartyId, Reason, Run, RunId, TaskId, TaskSpec, Template, TemplateId, TemplateSpec, Timestamp,
    assignment::Assignment,
    gang::{Event, Gang, Planned},
    party::{Liveness, Parties, Party, Presence},
    queue::Capacity,
    resources::{Cpu, Memory},
    run::StartOptions,
    task::Task,
    validate,
};
use flow_server::store::Claim;
use serde_json::json;
use uuid::Uuid;

/// With microseconds that no coarser time has.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_123_457);

pub(crate) fn mk_party_id(name: &str) -> PartyId {
    name.parse().unwrap()
}

pub(crate) fn mk_party(name: &str) -> Party {
    Party {
        id: mk_party_id(name),
        datasets: vec!["digits".to_owned(), "größe 🎯".to_owned()],
        agent_version: "1.2.3".to_owned(),
        capacity: Capacity {
            runs: Some(2),
            cpu: Some(Cpu(1500)),
            memory: Some(Memory(3 << 30)),
            gpu: None,
        },
        site: Some("dc-1".to_owned()),
        labels: [("region".to_owned(), "eu".to_owned())].into(),
        registered_at: NOW,
        last_seen: NOW,
    }
}

pub(crate) fn mk_template(name: &str) -> Template {
    let spec = json!({ "name": name, "framework": "iflearner", "command": ["python3", "train.py"] });
    let spec: TemplateSpec = serde_json::from_value(spec).unwrap();
    Template {
        id: TemplateId(Uuid::now_v7()),
        spec,
        revision: 1,
        created_at: NOW,
        modified_at: NOW,
    }
}

pub(crate) fn mk_task(name: &str, template: &Template) -> Task {
    let participants = json!([{ "party": "a" }, { "party": "b" }]);
    let spec = json!({ "name": name, "template": template.spec.name.to_string(), "participants": participants });
    let spec: TaskSpec = serde_json::from_value(spec).unwrap();
    Task {
        id: TaskId(Uuid::now_v7()),
        template: template.id,
        spec,
        revision: 1,
        created_at: NOW,
        modified_at: NOW,
    }
}

/// A run of a task of its own, just accepted.
pub(crate) fn mk_run() -> Run {
    let template = mk_template("digits");
    mk_run_of(&mk_task("digits", &template), &template)
}

pub(crate) fn mk_run_of(task: &Task, template: &Template) -> Run {
    let spec = validate::resolve(
        &template.spec,
        &task.spec,
        &StartOptions::default(),
        &Deadlines::default(),
    )
    .unwrap();
    Run::submitted(RunId(Uuid::now_v7()), task, spec, NOW)
}

pub(crate) fn mk_event(message: &str) -> Event {
    Event {
        at: NOW,
        assignment: None,
        state: "Queued".to_owned(),
        reason: Reason::Submitted,
        message: message.to_owned(),
    }
}

pub(crate) fn mk_claim(id: &str, body: &str) -> Claim {
    Claim {
        id: id.to_owned(),
        fingerprint: body.to_owned(),
    }
}

/// What becomes of a gang that may begin, when all its parties are there.
pub(crate) fn planned(gang: &Gang) -> Planned {
    let online = Presence {
        liveness: Liveness::Online,
        since: NOW,
    };
    let parties = gang.run.spec.parties().into_iter().map(|party| (party.clone(), online));
    flow_domain::gang::admit(gang, &[], &Parties(parties.collect()), NOW)
        .unwrap()
        .unwrap()
}

/// A change that adds one event and counts on, so that a lost or doubled one is seen.
pub(crate) fn counted(gang: &Gang, message: &str) -> Planned {
    let mut gang = gang.clone();
    gang.run.member_restarts += 1;
    Planned {
        gang,
        events: vec![mk_event(message)],
    }
}

pub(crate) fn final_ones(assignments: &[Assignment]) -> usize {
    assignments
        .iter()
        .filter(|assignment| assignment.state.is_terminal())
        .count()
}
