//! Finds a Python that iflearner's requirements support.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::Failure;

/// What is tried, in this order; the requirements have wheels for these.
const CANDIDATES: [&str; 7] = [
    "python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python",
];
const SUPPORTED: std::ops::RangeInclusive<u32> = 9..=13;
/// A Python that needs longer to say its version is stuck.
const PATIENCE: Duration = Duration::from_secs(20);
const ASK: &str = "import sys, platform; print(sys.version_info[0], sys.version_info[1], \
                   platform.python_implementation(), platform.python_version(), platform.machine(), sys.base_prefix)";

/// A Python on this machine.
#[derive(Debug, Clone)]
pub(super) struct Interpreter {
    /// The command.
    pub program: String,
    /// `lib/python3.11`: where its packages are, below a prefix.
    pub library: String,
    /// What tells it from other ones.
    pub identity: String,
}

/// The first supported Python on the PATH.
pub(super) async fn interpreter() -> Result<Interpreter, Failure> {
    let mut seen = Vec::new();
    for program in CANDIDATES {
        let Some(identity) = identity(Path::new(program)).await else {
            continue;
        };
        match supported(program, &identity) {
            Some(interpreter) => return Ok(interpreter),
            None => seen.push(format!(
                "{program} is {}",
                identity.split(' ').nth(3).unwrap_or("unknown")
            )),
        }
    }
    let hint = "install Python 3.9 to 3.13, such as with: apt install python3 python3-venv python3-pip";
    if seen.is_empty() {
        return Err(
            Failure::invalid("no Python found: the demo trains with the real iflearner, which needs one").hint(hint),
        );
    }
    Err(
        Failure::invalid("no supported Python found: iflearner needs CPython 3.9 to 3.13")
            .details(seen)
            .hint(hint),
    )
}

/// What a Python says of itself; `None` if there is none of that name or it does not start.
pub(super) async fn identity(program: &Path) -> Option<String> {
    let asked = Command::new(program)
        .args(["-I", "-c", ASK])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn supported(program: &str, identity: &str) -> Option<Interpreter> {
    let mut words = identity.split(' ');
    let (major, minor) = (words.next()?, words.next()?.parse::<u32>().ok()?);
    let is_cpython = words.next() == Some("CPython");
    (major == "3" && SUPPORTED.contains(&minor) && is_cpython).then(|| Interpreter {
        program: program.to_owned(),
        library: format!("lib/python3.{minor}"),
        identity: identity.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_wheels_is_taken() {
        assert_eq!(
            supported("python3", "3 11 CPython 3.11.7 x86_64 /usr").unwrap().library,
            "lib/python3.11"
        );
        for other in [
            "3 8 CPython 3.8.1 x86_64 /usr",
            "3 14 CPython 3.14.0 x86_64 /usr",
            "3 11 PyPy 3.11 x86_64 /",
            "2 7 x",
            "",
        ] {
            assert!(supported("python3", other).is_none(), "{other}");
        }
    }
}
