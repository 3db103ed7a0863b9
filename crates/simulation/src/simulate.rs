//! One simulation, from its seed to its verdict.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use flow_domain::RunState;

use crate::{
    check::{Judge, Rule, Violation},
    history::History,
    plan::Plan,
    time::{Moment, Skew},
    world::{LATENCY, Storm, World},
};

/// How long a step is. Messages arrive, and programs die, between two of them; timers are exact.
const STEP: Duration = Duration::from_millis(10);

/// How long after the last fault every run must have ended: three attempts with all their deadlines, and the twentieth by which
/// clocks that were set may be slow.
const QUIET: u64 = 280_000;

/// How long after all runs are over their jobs must be.
const CLEARED: u64 = 15_000;

/// How long after the last fault servers are themselves again, and how often is then looked for what is overdue.
const RECOVERED: u64 = 10_000;
const LOOK: u64 = 500;

/// What one seed came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// Everything that was broken; the simulation ends with the first step at which something was.
    pub violations: Vec<Violation>,
    /// A digest of all that happened: the same whenever the seed is simulated by the same build.
    pub digest: u64,
    /// How many things happened.
    pub entries: u64,
    /// How long it took in simulated time.
    pub lasted: Moment,
    /// How many runs there were, and how many of them succeeded.
    pub runs: usize,
    /// How many of the runs succeeded.
    pub succeeded: usize,
    /// All that happened, if it was to be kept.
    pub history: Vec<String>,
}

/// Simulates a seed; `keep` says whether all that happens is kept as text.
///
/// # Errors
/// If there is no place for the agents' files.
pub fn simulate(seed: u64, keep: bool) -> io::Result<Verdict> {
    let folder = tempfile::Builder::new().prefix("flow-simulation-").tempdir()?;
    let plan = Plan::draw(seed);
    let history = if keep { History::kept() } else { History::default() };
    let judge = Arc::new(Judge::new(plan.expectations(), history));
    let world = Arc::new(World::new(seed, plan, judge.clone(), folder.path().to_owned()));
    let mut lasted = Moment::default();
    let ran = catch_unwind(AssertUnwindSafe(|| run(&world, &mut lasted)));
    match ran {
        Ok(Ok(())) => {}
        Ok(Err(error)) => judge.broken(lasted, Rule::NoPanic, format!("a program ended: {error}")),
        Err(panic) => judge.broken(lasted, Rule::NoPanic, format!("a program panicked: {}", said(&*panic))),
    }
    let (digest, entries) = judge.digest();
    Ok(Verdict {
        seed,
        violations: judge.violations(),
        digest,
        entries,
        lasted,
        runs: judge.runs().0,
        succeeded: judge.ended_as(RunState::Succeeded),
        history: judge.text(),
    })
}

fn run(world: &Arc<World>, lasted: &mut Moment) -> turmoil::Result {
    let mut sim = turmoil::Builder::new()
        .rng_seed(world.seed)
        .enable_random_order()
        .tick_duration(STEP)
        .simulation_duration(Duration::from_secs(86_400))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(LATENCY)
        .tcp_capacity(1 << 14)
        .build();
    world.populate(&mut sim);
    let mut storm = Storm::new(world.clone());
    let (judge, calm_from) = (&world.judge, world.plan.calm_from);
    let mut over_since = None;
    let mut look_at = calm_from.plus(RECOVERED);
    loop {
        sim.step()?;
        let now = Moment::of(sim.elapsed());
        *lasted = now;
        storm.blow(&mut sim);
        if !judge.violations().is_empty() {
            return Ok(());
        }
        if now > look_at && world.plan.servers_know_the_time() {
            look_at = now.plus(LOOK);
            judge.overdue(now, Skew::default().wall(now));
        }
        let (runs, over) = judge.runs();
        if !(storm.is_over() && world.all_asked() && runs == over) {
            if now > calm_from.plus(QUIET) {
                judge.over(now, &world.ground.live(now));
                if judge.violations().is_empty() {
                    judge.broken(now, Rule::Ends, "users still wait for their answers");
                }
                return Ok(());
            }
            continue;
        }
        let since = *over_since.get_or_insert(now);
        let live = world.ground.live(now);
        if live.is_empty() || now > since.plus(CLEARED) {
            judge.over(now, &live);
            return Ok(());
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
