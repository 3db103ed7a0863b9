//! `cargo xtask`: developer tasks.

mod cargo;
mod check;
mod cli;
mod deny;
mod deps;
mod generate;
mod steps;
mod test;
mod tools;
mod workspace;

/// What a task answers: nothing, or why it failed in words for a developer.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> std::process::ExitCode {
    cli::main()
}
