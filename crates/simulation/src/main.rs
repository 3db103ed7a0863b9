//! Simulates seeds: many for their verdicts, or one with all that happens in it.

use std::{
    io::Write,
    num::NonZero,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use clap::Parser;
use flow_simulation::{Verdict, simulate};

/// Simulates the platform.
#[derive(Debug, Parser)]
struct Cli {
    /// How many seeds.
    #[arg(long, default_value_t = 200, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// How many at a time; one for each processor if absent.
    #[arg(long, conflicts_with = "seed")]
    jobs: Option<NonZero<usize>>,
    /// This one, with its log (as `RUST_LOG` says, `info` if it says nothing) and everything that happens.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.seed {
        Some(seed) => replay(seed),
        None => {
            let jobs = cli.jobs.or_else(|| thread::available_parallelism().ok());
            many(cli.from, cli.seeds, jobs.map_or(1, NonZero::get))
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulation: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One seed, with all that happens in it; false if a promise was broken.
fn replay(seed: u64) -> std::io::Result<bool> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,turmoil=off".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .without_time()
        .with_writer(std::io::stderr)
        .init();
    let verdict = simulate(seed, true)?;
    let mut out = std::io::stdout().lock();
    for line in &verdict.history {
        writeln!(out, "{line}")?;
    }
    tell(&mut out, &verdict)?;
    writeln!(
        out,
        "seed {seed}: {} of {} runs succeeded in {}; digest {:016x} of {} entries",
        verdict.succeeded, verdict.runs, verdict.lasted, verdict.digest, verdict.entries
    )?;
    Ok(verdict.violations.is_empty())
}

/// What many seeds came to.
#[derive(Debug, Default)]
struct Sum {
    failed: u64,
    runs: usize,
    succeeded: usize,
    seconds: i64,
}

/// Many seeds, for their verdicts; false if in one of them a promise was broken.
fn many(from: u64, seeds: u64, jobs: usize) -> std::io::Result<bool> {
    let begun = Instant::now();
    let (next, end) = (AtomicU64::new(from), from.saturating_add(seeds));
    let sum = Mutex::new(Sum::default());
    let work = || -> std::io::Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let verdict = simulate(seed, false)?;
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.runs += verdict.runs;
            sum.succeeded += verdict.succeeded;
            sum.seconds += verdict.lasted.0 / 1_000_000;
            if !verdict.violations.is_empty() {
                sum.failed += 1;
                tell(&mut std::io::stdout(), &verdict)?;
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(done) => done,
            Err(_) => Err(std::io::Error::other("the simulation itself panicked")),
        })
    })?;
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    writeln!(
        std::io::stdout(),
        "{seeds} seeds from {from}: {} failed; {} runs, {} of them succeeded; {} s simulated in {:.1} s",
        sum.failed,
        sum.runs,
        sum.succeeded,
        sum.seconds,
        begun.elapsed().as_secs_f64()
    )?;
    Ok(sum.failed == 0)
}

fn tell(out: &mut impl Write, verdict: &Verdict) -> std::io::Result<()> {
    for violation in &verdict.violations {
        writeln!(out, "seed {}: {violation}", verdict.seed)?;
    }
    if !verdict.violations.is_empty() {
        writeln!(out, "replay it: cargo xtask sim --seed {}", verdict.seed)?;
    }
    Ok(())
}
