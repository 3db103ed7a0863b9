//! Measures a whole server: the release build of `flow-server` as a process, with a swarm of agents over mutual TLS, on a real
//! database; each figure beside a limit that is measured in the same run. `cargo xtask bench dispatch` and `… rest` build and run it.
//!
//! Nothing fails by being slow. What fails is what cannot be measured: a server that does not come up, a run that goes wrong.

mod api;
mod authority;
mod copies;
mod database;
mod descriptors;
mod durable;
mod figures;
mod measure;
mod options;
mod process;
mod rest;
mod server;
mod sql;
mod stage;
mod swarm;
mod work;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    database::Databases,
    options::{Asked, Suite},
};

/// What everything here answers: the figure, or why there is none, in words for a developer.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    flow_daemon::tls::install_crypto();
    match run(&Asked::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "flow-bench: {}", flow_daemon::error::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Ends as soon as somebody asks for it: nothing that was started may stay.
async fn interrupted() -> Outcome {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Err("terminated".into()),
        pressed = tokio::signal::ctrl_c() => Err(pressed.map_or_else(Into::into, |()| "interrupted".into())),
    }
}

fn run(Asked { suite, options }: &Asked) -> Outcome {
    descriptors::as_many_as_allowed()?;
    // Starting and ending a database blocks, so both happen outside the runtime.
    let databases = Databases::start(options)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = runtime.block_on(async {
        tokio::select! {
            measured = async {
                match suite {
                    Suite::Dispatch(dispatch) => measure::all(dispatch, options, &databases).await,
                    Suite::Rest => rest::measure(options, &databases).await,
                }
            } => measured,
            interrupted = interrupted() => interrupted,
        }
    });
    drop(runtime);
    measured.and(databases.stop())
}
