//! What users ask for: templates, tasks, runs of them, and ends of runs.

use std::collections::BTreeSet;

use flow_domain::{TaskSpec, TemplateSpec};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{
    LAST,
    parties::{Member, SETTLED},
};
use crate::time::Moment;

/// What users ask for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The templates.
    pub(crate) templates: Vec<TemplateSpec>,
    /// The tasks; their jobs are good where the name begins so.
    pub(crate) tasks: Vec<TaskSpec>,
    /// Runs of the tasks.
    pub(crate) starts: Vec<Start>,
    calm: bool,
}

/// A run that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// When.
    pub(crate) at: Moment,
    /// Of which task.
    pub(crate) task: String,
    /// After how many milliseconds a user wants it to end.
    pub(crate) cancel_after: Option<u64>,
}

impl Asked {
    /// The tasks whose runs have no reason to fail.
    #[must_use]
    pub(crate) fn good(&self) -> BTreeSet<String> {
        let tasks = self.tasks.iter().map(|task| task.name.to_string());
        tasks.filter(|name| self.calm || name == LAST).collect()
    }
}

/// Deadlines that a simulated minute has room for; those that wait for nothing but others may wait for longer.
fn deadlines(good: bool) -> Value {
    json!({
        "queue": if good { "2m" } else { "25s" }, "prepare": "5s", "pull": "5s", "start": "6s", "register": "5s",
        "run": "14s", "stall": "4s", "stop": "3s", "offline": "4s",
    })
}

fn templates() -> Vec<TemplateSpec> {
    let iflearner = json!({ "name": "iflearner", "framework": "iflearner", "image": "sim/job", "command": ["train"] });
    let flower = json!({
        "name": "flower", "framework": "flower", "image": "sim/job",
        "command": ["train", "{server.grpc}"], "commands": { "server": ["serve", "{parties.count}"] },
    });
    [iflearner, flower]
        .into_iter()
        .map(|spec| {
            serde_json::from_value(spec).unwrap_or_else(|error| unreachable!("a template of the plan: {error}"))
        })
        .collect()
}

pub(super) fn draw(dice: &mut StdRng, members: &[Member], calm: bool) -> Asked {
    let number = dice.random_range(1..=3);
    let mut tasks: Vec<TaskSpec> = (0..number)
        .map(|n| task(dice, members, &format!("task-{n}"), calm))
        .collect();
    let names: Vec<String> = tasks.iter().map(|task| task.name.to_string()).collect();
    let mut starts: Vec<Start> = (0..dice.random_range(1..=5))
        .filter_map(|_| {
            Some(Start {
                at: Moment::default().plus(SETTLED + dice.random_range(0..if calm { 1 } else { 5_000 })),
                task: names.choose(dice)?.clone(),
                cancel_after: (!calm && dice.random_bool(0.15)).then(|| dice.random_range(0..9_000)),
            })
        })
        .collect();
    starts.sort_by_key(|start| start.at);
    tasks.push(task(dice, members, LAST, true));
    Asked {
        templates: templates(),
        tasks,
        starts,
        calm,
    }
}

fn task(dice: &mut StdRng, members: &[Member], name: &str, good: bool) -> TaskSpec {
    let others = members.get(1..).unwrap_or_default();
    let number = dice.random_range(1..=others.len());
    let chosen: Vec<&Member> = others.choose_multiple(dice, number).collect();
    let participants: Vec<Value> = chosen
        .iter()
        .map(|member| json!({ "party": member.id.to_string() }))
        .collect();
    let template = if dice.random_bool(0.7) { "iflearner" } else { "flower" };
    let mut spec = json!({
        "name": name, "template": template, "participants": participants,
        "policies": {
            "max_retries": if good { 0 } else { dice.random_range(0..3) },
            "deadlines": deadlines(good),
            "priority": dice.random_range(-1..2),
            "on_offline": if dice.random_bool(0.8) { "restart" } else { "fail" },
        },
    });
    if dice.random_bool(0.2)
        && let Some(host) = members.choose(dice)
    {
        spec["aggregator"] = json!(host.id.to_string());
    }
    serde_json::from_value(spec).unwrap_or_else(|error| unreachable!("a task of the plan: {error}"))
}
