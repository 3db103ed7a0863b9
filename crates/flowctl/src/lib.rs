//! The command line of Iflearner Flow: a client of `/api/v2`, the tools for certificates, and the whole platform in one
//! process (`up`, `demo`).
//!
//! [`cli`] says what may be asked; each module in [`commands`] answers one of it, through [`client`] and [`output`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test ends there"))]

pub mod cli;
pub mod client;
pub mod commands;
mod demo;
pub mod exit;
pub mod failure;
mod log;
pub mod manifest;
pub mod output;
pub mod python;
pub mod settings;
mod signals;
mod stack;

use std::process::ExitCode;

use clap::Parser as _;

pub use self::{exit::Exit, failure::Failure};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if let cli::Command::Supervise { dir } = &cli.command {
        // It must come before the runtime, as it detaches from this process.
        return flow_launcher::process::supervise(dir);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::report(&Failure::internal("cannot start the runtime").because(error)),
    };
    let outcome = runtime.block_on(commands::run(cli));
    // What still runs in the background has been told to end; a thread that reads stdin cannot be.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => failure::report(&failure),
    }
}
