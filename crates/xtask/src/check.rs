//! Everything that CI checks beside the tests; what fails soonest comes first.

use crate::{Outcome, cargo, deny, deps, generate, steps::Steps};

/// Runs it all; stops at the first step that fails. Ends with what each took.
pub(crate) fn run() -> Outcome {
    let mut steps = Steps::new();
    let outcome = checks(&mut steps);
    eprintln!("\n{steps}");
    outcome
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
    steps.run("generated OpenAPI", || generate::openapi(true))?;
    steps.run("generated IflearnerJob", || generate::crd(true))
}
