//! Builds the Python environments that tests train with, so that no test waits for that or counts it in its time.

use std::process::ExitCode;

use flowctl::{Failure, failure, python, settings};

#[tokio::main]
async fn main() -> ExitCode {
    match prepare().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

async fn prepare() -> Result<(), Failure> {
    let cache = settings::user_dir("XDG_CACHE_HOME", ".cache")
        .ok_or_else(|| Failure::invalid("no place for Python environments").hint("set HOME or XDG_CACHE_HOME"))?;
    for recipe in [&python::IFLEARNER, &flow_testbed::FLOWER, &flow_testbed::LEGACY_CLIENT] {
        python::environment(&cache, recipe, &python::plainly).await?;
    }
    Ok(())
}
