//! The table of the deadlines. What becomes of a run whose time is over is not written down but tried: each deadline expires in the
//! planner, to the millisecond, without a retry and with one.

use flow_domain::{
    AssignmentState::{Lost, Prepared, Starting},
    Deadlines, Reason, RunSpec, RunState, Span,
    policy::Deadline,
    profile::{Profile, builtin, builtin_names},
};

use crate::common::{mk_iflearner, mk_parties, mk_party, world::World};

const MEMBERS: [&str; 3] = ["server@center", "party@a", "party@b"];

pub(crate) fn table() -> String {
    let mut table = String::from(
        "| Deadline | Default | What time counts | Expires in | Reason | Then, with no retry left | With one |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for deadline in Deadlines::ALL {
        let (last, again) = (Expiry::of(deadline, 0), Expiry::of(deadline, 1));
        assert_eq!((last.during, last.reason), (again.during, again.reason));
        table += &format!(
            "| `{}` | {} | {} | `{}` | `{}` | {} | {} |\n",
            deadline.name,
            default(deadline),
            deadline.counts(),
            last.during,
            last.reason,
            last.then(),
            again.then(),
        );
    }
    table
}

/// `5m`, with what built-in profiles say instead.
fn default(deadline: &Deadline) -> String {
    let own = |profile: &Profile| {
        let span = serde_json::to_value(&profile.deadlines).unwrap()[deadline.name].clone();
        span.as_str().map(str::to_owned)
    };
    let profiles = builtin_names().filter_map(|name| Some((name, own(builtin(name)?)?)));
    let others: Vec<String> = profiles
        .filter(|(_, span)| *span != deadline.default.to_string())
        .map(|(name, span)| format!("{name}: {span}"))
        .collect();
    match others.is_empty() {
        true => deadline.default.to_string(),
        false => format!("{} ({})", deadline.default, others.join(", ")),
    }
}

struct Expiry {
    during: RunState,
    reason: Reason,
    /// Whether members are given up for it.
    loses: bool,
    ends: RunState,
    was_decided: bool,
}

impl Expiry {
    fn of(deadline: &Deadline, retries: u32) -> Self {
        let mut spec = mk_iflearner(retries);
        spec.policies.deadlines = Deadlines::default();
        let mut limit = deadline.default;
        if deadline.name == "stop" {
            limit = Span(limit.0 + spec.profile.grace.0);
        }
        let mut world = on_the_clock(deadline.name, spec);
        let (during, outcome, told) = (world.state(), world.gang.run.outcome, world.events.len());
        world.pass(Span(limit.0 - 1));
        assert_eq!(
            world.events.len(),
            told,
            "{}: nothing happens before its time",
            deadline.name
        );
        world.pass(Span(1));
        let happened = &world.events[told..];
        assert!(!happened.is_empty(), "{}: its time is over", deadline.name);
        let lost = happened.iter().find(|event| event.state == Lost.to_string());
        let run = &world.gang.run;
        let cause = run.cause().map_or(run.reason, |cause| cause.reason);
        let (reason, loses) = (lost.map_or(cause, |event| event.reason), lost.is_some());
        while world.state() == RunState::Completing && world.honest_round() {}
        Self {
            during,
            reason,
            loses,
            ends: world.state(),
            was_decided: outcome.is_some_and(|outcome| outcome.state() == world.state()),
        }
    }

    fn then(&self) -> String {
        let lost = if self.loses { "the member is `Lost`, and " } else { "" };
        match self.ends {
            _ if self.was_decided => format!("{lost}the run ends as was decided"),
            RunState::Queued => format!("{lost}the next attempt is `Queued`"),
            end => format!("{lost}the run is `{end}`"),
        }
    }
}

/// A world in which the time of that deadline, and of no shorter one, begins to count now.
fn on_the_clock(name: &str, mut spec: RunSpec) -> World {
    let starting = |spec| {
        let mut world = World::of(spec);
        for member in MEMBERS {
            world.says(member, Prepared);
        }
        world
    };
    match name {
        "approve" => {
            spec.policies.approval = true;
            World::of(spec)
        }
        "queue" => {
            let mut parties = mk_parties(&spec, flow_domain::party::Liveness::Online);
            parties.0.remove(&mk_party("b"));
            World::with(spec, parties)
        }
        "prepare" => World::of(spec),
        "pull" => {
            let mut world = starting(spec);
            world.tells("server@center", Starting, |report| {
                report.reason = Reason::ContainerCreating;
            });
            world
        }
        "start" => starting(spec),
        "register" => {
            let mut world = starting(spec);
            for member in MEMBERS {
                world.ready(member);
            }
            world
        }
        "run" => {
            spec.policies.deadlines.stall = Some(Span::MAX);
            World::training(spec)
        }
        "stall" => World::training(spec),
        "stop" => {
            let mut world = World::training(spec);
            world.cancel();
            world
        }
        "offline" => {
            let mut world = World::training(spec);
            world.leave(&mk_party("b"));
            world
        }
        other => panic!("the deadline {other} is new: say here how it begins to count"),
    }
}
