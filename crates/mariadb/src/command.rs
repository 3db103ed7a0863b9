//! Commands that are run to their end, within the caller's patience.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::MariaDbError;

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Of what a program wrote, this much is shown, in bytes.
const SHOWN: usize = 3000;

/// Of what a program wrote, this much is read, in bytes.
const READ: u64 = 1 << 20;

/// Runs it to its end; answers its standard output.
///
/// Output goes through files, so that a child that outlives the command cannot hold it up.
pub(crate) fn run(command: &mut Command, limit: Duration, cancelled: &AtomicBool) -> Result<String, MariaDbError> {
    let temporary = || tempfile::tempfile().map_err(MariaDbError::file("create", std::env::temp_dir()));
    let (mut out, mut err) = (temporary()?, temporary()?);
    let clone = |file: &File| file.try_clone().map_err(MariaDbError::file("use", "a temporary file"));
    command.stdin(Stdio::null()).stdout(clone(&out)?).stderr(clone(&err)?);
    let program = program(command);
    let mut child = command.spawn().map_err(|source| MariaDbError::Start {
        program: program.clone(),
        source,
    })?;
    let ended = within(limit, &format!("{program} ends"), cancelled, || {
        child.try_wait().map_err(MariaDbError::file("wait for", &program))
    });
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            // It may have ended just now, which is as good.
            let _ = child.kill();
            let _ = child.wait();
            let said = format!("{}{}", content(&mut out), content(&mut err));
            return Err(with_last(error, tail(&said)));
        }
    };
    if status.success() {
        return Ok(content(&mut out));
    }
    let said = format!("{}{}", content(&mut out), content(&mut err));
    Err(MariaDbError::Command {
        program,
        status,
        output: tail(&said).to_owned(),
    })
}

/// Asks until there is an answer; `Err` of `ask` ends it at once, `Ok(None)` is asked again.
pub(crate) fn within<T>(
    limit: Duration,
    what: &str,
    cancelled: &AtomicBool,
    mut ask: impl FnMut() -> Result<Option<T>, MariaDbError>,
) -> Result<T, MariaDbError> {
    let deadline = Instant::now() + limit;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(MariaDbError::Cancelled);
        }
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            let (what, last) = (what.to_owned(), String::new());
            return Err(MariaDbError::Late { what, limit, last });
        }
        thread::sleep(LOOK);
    }
}

/// Adds what was seen last to an error about lateness.
pub(crate) fn with_last(error: MariaDbError, seen: &str) -> MariaDbError {
    match error {
        MariaDbError::Late { what, limit, .. } => MariaDbError::Late {
            what,
            limit,
            last: seen.to_owned(),
        },
        other => other,
    }
}

/// The end of a long text, from the beginning of a character.
pub(crate) fn tail(text: &str) -> &str {
    let text = text.trim();
    let mut start = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The end of a file, for a message; what cannot be read is missing from it.
pub(crate) fn tail_of(path: &Path) -> String {
    let read = std::fs::read(path).unwrap_or_default();
    tail(&String::from_utf8_lossy(&read)).to_owned()
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read back is missing from a message only.
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.take(READ).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn output_comes_back_and_a_failure_shows_what_was_written() {
        let go_on = AtomicBool::new(false);
        assert_eq!(run(Command::new("echo").arg("so"), LIMIT, &go_on).unwrap(), "so\n");
        let mut fails = Command::new("sh");
        let error = run(fails.args(["-c", "echo why >&2; exit 3"]), LIMIT, &go_on).unwrap_err();
        assert_eq!(error.to_string(), "sh failed (exit status: 3): why");
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_and_quoted() {
        let mut sleeps = Command::new("sh");
        sleeps.args(["-c", "echo begun; exec sleep 600"]);
        let error = run(&mut sleeps, Duration::from_millis(300), &AtomicBool::new(false)).unwrap_err();
        assert!(error.to_string().ends_with("last seen:\nbegun"), "{error}");
    }

    #[test]
    fn a_cancelled_wait_asks_no_more() {
        let outcome = within(LIMIT, "x", &AtomicBool::new(true), || -> Result<Option<()>, _> {
            panic!("asked after it was cancelled")
        });
        assert!(matches!(outcome, Err(MariaDbError::Cancelled)));
    }
}
