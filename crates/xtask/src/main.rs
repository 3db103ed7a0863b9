//! `cargo xtask`: developer tasks.

mod bench;
mod cargo;
mod check;
mod cli;
mod cluster;
mod deny;
mod deps;
mod generate;
mod image;
mod sim;
mod steps;
mod test;
mod tools;
mod workspace;

/// What a task answers: nothing, or why it failed in words for a developer.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn main() -> std::process::ExitCode {
    cli::main()
}
