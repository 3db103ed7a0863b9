//! Everything that CI runs; what fails soonest comes first.

use std::process::ExitCode;

use crate::{Outcome, cargo, cli::TestArgs, deny, deps, generate, steps::Steps, test};

/// Runs it all; stops at the first step that fails.
pub(crate) fn run() -> Outcome<ExitCode> {
    let mut steps = Steps::new();
    checks(&mut steps).inspect_err(|_| eprintln!("\n{steps}"))?;
    test::run(&TestArgs::default(), &mut steps)
}

fn checks(steps: &mut Steps) -> Outcome {
    steps.run("format", || cargo::run(&mut cargo::cargo(["fmt", "--all", "--check"])))?;
    steps.run("architecture", deps::run)?;
    steps.run("generated protocol", || generate::protocol(true))?;
    steps.run("clippy", || {
        let args = [
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        cargo::run(&mut cargo::cargo(args))
    })?;
    steps.run("bans, licenses, sources", deny::run)?;
    steps.run("build", cargo::build)?;
    steps.run("generated OpenAPI", || generate::openapi(true))
}
