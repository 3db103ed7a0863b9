//! What users ask for: templates, tasks, runs of them, and ends of runs.

use std::collections::BTreeSet;

use flow_domain::{Resources, TaskSpec, TemplateSpec};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{
    LAST,
    parties::{Member, SETTLED, TAKES, trusted},
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
    /// What those say who approve runs, if the task asks for it.
    pub(crate) opinions: Vec<Opinion>,
    /// After how many milliseconds a user wants it to end.
    pub(crate) cancel_after: Option<u64>,
}

/// What somebody says who approves runs, or rejects them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opinion {
    /// Whether it approves.
    pub(crate) granted: bool,
    /// After how many milliseconds.
    pub(crate) after: u64,
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
        "approve": if good { "2m" } else { "6s" }, "queue": if good { "2m" } else { "25s" },
        "prepare": "5s", "pull": "5s", "start": "6s", "register": "5s",
        "run": "14s", "stall": "4s", "stop": "3s", "offline": "4s",
    })
}

fn templates(counted: bool) -> Vec<TemplateSpec> {
    let resources = if counted { TAKES } else { Resources::default() };
    let iflearner = json!({
        "name": "iflearner", "framework": "iflearner", "image": "sim/job", "command": ["train"], "resources": resources,
    });
    let flower = json!({
        "name": "flower", "framework": "flower", "image": "sim/job", "resources": resources,
        "command": ["train", "{server.grpc}"], "commands": { "server": ["serve", "{parties.count}"] },
    });
    [iflearner, flower]
        .into_iter()
        .map(|spec| {
            serde_json::from_value(spec).unwrap_or_else(|error| unreachable!("a template of the plan: {error}"))
        })
        .collect()
}

pub(super) fn draw(dice: &mut StdRng, members: &[Member], counted: bool, calm: bool) -> Asked {
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
                opinions: opinions(dice, calm),
                cancel_after: (!calm && dice.random_bool(0.15)).then(|| dice.random_range(0..9_000)),
            })
        })
        .collect();
    starts.sort_by_key(|start| start.at);
    tasks.push(task(dice, members, LAST, true));
    Asked {
        templates: templates(counted),
        tasks,
        starts,
        calm,
    }
}

/// Mostly one, that it is good; sometimes several, or none.
fn opinions(dice: &mut StdRng, good: bool) -> Vec<Opinion> {
    let number = if good || dice.random_bool(0.6) {
        1
    } else {
        dice.random_range(0..3)
    };
    let opinion = |_| Opinion {
        granted: good || dice.random_bool(0.7),
        after: dice.random_range(0..2_500),
    };
    (0..number).map(opinion).collect()
}

fn task(dice: &mut StdRng, members: &[Member], name: &str, good: bool) -> TaskSpec {
    let template = if dice.random_bool(0.7) { "iflearner" } else { "flower" };
    let mut spec = json!({
        "name": name, "template": template,
        "policies": {
            "max_retries": if good { 0 } else { dice.random_range(0..3) },
            "deadlines": deadlines(good),
            "priority": dice.random_range(-1..2),
            "on_offline": if dice.random_bool(0.8) { "restart" } else { "fail" },
            "approval": dice.random_bool(0.25),
        },
    });
    take_part(dice, members.get(1..).unwrap_or_default(), &mut spec);
    if dice.random_bool(0.2)
        && let Some(host) = members.choose(dice)
    {
        spec["aggregator"] = json!(host.id.to_string());
    }
    serde_json::from_value(spec).unwrap_or_else(|error| unreachable!("a task of the plan: {error}"))
}

/// Says who takes part: those who are named, some of them, or some that are trusted besides.
fn take_part(dice: &mut StdRng, others: &[Member], spec: &mut Value) {
    let label = trusted();
    let (chosen, rest): (Vec<&Member>, Vec<&Member>) = others.iter().partition(|member| member.labels == label);
    let selects = !chosen.is_empty() && dice.random_bool(0.25);
    let (from, least) = if selects {
        (rest, 0)
    } else {
        (others.iter().collect(), 1)
    };
    let number = dice.random_range(least..=from.len());
    let named: Vec<Value> = from
        .choose_multiple(dice, number)
        .map(|member| json!({ "party": member.id.to_string() }))
        .collect();
    if selects {
        let min = dice.random_range(1..=chosen.len());
        spec["select"] = json!({ "labels": label, "min": min });
        if dice.random_bool(0.5) {
            spec["select"]["max"] = json!(dice.random_range(min..=chosen.len()));
        }
    } else if dice.random_bool(0.25) {
        spec["min_parties"] = json!(dice.random_range(1..=number));
    }
    spec["participants"] = json!(named);
}
