//! `flow-supervisor <folder>`: nothing but the supervisor, for tests and for programs that do not
//! want to be their own.

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(dir), None) => flow_launcher::process::supervise(&PathBuf::from(dir)),
        _ => {
            eprintln!("usage: flow-supervisor <absolute path of an assignment's folder>");
            ExitCode::from(2)
        }
    }
}
