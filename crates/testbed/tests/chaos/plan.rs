//! What is done when: worked out from the seed before anything is done.

use std::{ops::Range, time::Duration};

use flow_testbed::Way;
use rand::{Rng, rngs::StdRng};

use crate::seed::Seed;

/// Something that is killed, stopped and paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Server,
    /// The agent of the party with that index.
    Agent(usize),
    Database,
}

/// A way through the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// From users to the server.
    Rest,
    /// From the server to the database.
    Database,
    /// From the agent of the party with that index to the server.
    Agent(usize),
}

/// What is done to one of the jobs that run then, or to its supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// SIGSTOP, and SIGCONT after so many milliseconds: nobody is to mind.
    FreezeJob(u64),
    FreezeSupervisor(u64),
    KillJob,
    KillSupervisor,
}

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// SIGKILL.
    Kill(Who),
    /// SIGKILL as soon as it has told a supervisor to start a job.
    Ambush(Who),
    /// An end in good order.
    Stop(Who),
    /// What was ended is started again; an ambush that saw nobody is over.
    Start(Who),
    /// SIGSTOP.
    Pause(Who),
    /// SIGCONT.
    Resume(Who),
    Set(Line, Way),
    Cut(Line),
    /// The number chooses one of those that are there.
    Hit(Hit, u64),
}

/// What is done, and when after the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) act: Act,
}

/// What the chaos may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) agents: usize,
    /// Until then, in milliseconds. All faults are over at the end.
    pub(crate) until: u64,
    /// Whether jobs and supervisors are killed, and not the control plane only.
    pub(crate) jobs: bool,
}

/// Everything, in the order of time.
pub(crate) fn plan(seed: &Seed, scope: Scope) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lane = |purpose, calm, fault: &dyn Fn(&mut StdRng) -> Fault| {
        steps.extend(faults(&mut seed.choices(purpose), scope.until, calm, fault));
    };
    lane(1, 4_000..9_000, &|choices| daemon(choices, Who::Server));
    lane(2, 6_000..14_000, &|choices| daemon(choices, Who::Database));
    lane(3, 4_000..9_000, &|choices| line(choices, Line::Database));
    lane(4, 1_000..5_000, &|choices| line(choices, Line::Rest));
    lane(5, 2_000..5_000, &freeze);
    if scope.jobs {
        lane(6, 1_500..4_000, &|choices| hit(choices, Hit::KillJob));
        lane(7, 3_000..8_000, &|choices| hit(choices, Hit::KillSupervisor));
    }
    for agent in 0..scope.agents {
        let purpose = 10 + 2 * agent as u64;
        lane(purpose, 3_000..8_000, &|choices| daemon(choices, Who::Agent(agent)));
        lane(purpose + 1, 3_000..9_000, &|choices| line(choices, Line::Agent(agent)));
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// Something that begins, and what ends it after so many milliseconds.
struct Fault {
    begin: Act,
    end: Option<(u64, Act)>,
}

/// One fault after the other, with calm between.
fn faults(choices: &mut StdRng, until: u64, calm: Range<u64>, fault: &dyn Fn(&mut StdRng) -> Fault) -> Vec<Step> {
    let mut steps = Vec::new();
    // Not everything begins at the same time.
    let mut now = choices.random_range(0..calm.end);
    let step = |at, act| Step {
        at: Duration::from_millis(at),
        act,
    };
    while now < until {
        let Fault { begin, end } = fault(choices);
        steps.push(step(now, begin));
        if let Some((lasts, end)) = end {
            now = (now + lasts).min(until);
            steps.push(step(now, end));
        }
        now += choices.random_range(calm.clone());
    }
    steps
}

fn daemon(choices: &mut StdRng, who: Who) -> Fault {
    // Mostly short, as a restart is; now and then long enough that everybody notices.
    let longest = if who == Who::Database { 12_000 } else { 5_000 };
    let away = match choices.random_range(0..4) {
        0 => choices.random_range(2_500..longest),
        _ => choices.random_range(50..1_500),
    };
    let (begin, end) = match choices.random_range(0..6) {
        0 | 1 => (Act::Kill(who), Act::Start(who)),
        2 if who != Who::Database => (Act::Ambush(who), Act::Start(who)),
        3 => (Act::Stop(who), Act::Start(who)),
        4 | 5 => (Act::Pause(who), Act::Resume(who)),
        _ => (Act::Kill(who), Act::Start(who)),
    };
    // Somebody has to walk into an ambush.
    let away = if begin == Act::Ambush(who) { away + 2_500 } else { away };
    Fault {
        begin,
        end: Some((away, end)),
    }
}

fn line(choices: &mut StdRng, line: Line) -> Fault {
    let lasts = choices.random_range(200..4_000);
    let way = match choices.random_range(0..6) {
        0 => {
            return Fault {
                begin: Act::Cut(line),
                end: None,
            };
        }
        1 => Way::Refused,
        2 => Way::Slow(Duration::from_millis(choices.random_range(20..250))),
        3 => Way::Stalled,
        _ => Way::Deaf,
    };
    Fault {
        begin: Act::Set(line, way),
        end: Some((lasts, Act::Set(line, Way::Open))),
    }
}

fn freeze(choices: &mut StdRng) -> Fault {
    let lasts = choices.random_range(100..2_000);
    let hits = [Hit::FreezeJob(lasts), Hit::FreezeSupervisor(lasts)];
    let which = hits[choices.random_range(0..hits.len())];
    hit(choices, which)
}

fn hit(choices: &mut StdRng, hit: Hit) -> Fault {
    Fault {
        begin: Act::Hit(hit, choices.random()),
        end: None,
    }
}

#[test]
fn a_seed_makes_one_plan_and_what_a_plan_breaks_it_mends() {
    let scope = Scope {
        agents: 3,
        until: 50_000,
        jobs: true,
    };
    for seed in 0..50 {
        let made = plan(&Seed::of(seed), scope);
        assert_eq!(made, plan(&Seed::of(seed), scope));
        assert_ne!(made, plan(&Seed::of(seed + 1), scope));
        assert!(made.iter().all(|step| step.at.as_millis() <= u128::from(scope.until)));
        let (mut down, mut broken) = (Vec::new(), Vec::new());
        for Step { act, .. } in made {
            match act {
                Act::Kill(who) | Act::Ambush(who) | Act::Stop(who) | Act::Pause(who) => down.push(who),
                Act::Start(who) | Act::Resume(who) => down.retain(|it| *it != who),
                Act::Set(line, Way::Open) => broken.retain(|it| *it != line),
                Act::Set(line, _) => broken.push(line),
                Act::Cut(_) | Act::Hit(..) => {}
            }
        }
        assert!(down.is_empty() && broken.is_empty(), "{seed}: {down:?} {broken:?}");
    }
}
