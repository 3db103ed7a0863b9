//! `cargo xtask`: developer tasks.

mod generate;

fn main() -> std::process::ExitCode {
    match generate::run(false) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}
