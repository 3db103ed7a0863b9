//! Commands that are run to their end, within the caller's patience.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{ClusterError, wait::Cancel};

/// Of what a failed command wrote, this much is shown.
const SHOWN: usize = 4000;

/// What a command writes is a version, a path or some YAML.
const LARGEST_OUTPUT: u64 = 64 << 20;

/// Runs it to its end; answers its standard output.
///
/// Output goes through files, so that a child that outlives the command cannot hold it up.
pub(crate) fn run(command: &mut Command, limit: Duration, cancel: &Cancel) -> Result<String, ClusterError> {
    let temporary = || tempfile::tempfile().map_err(ClusterError::file("create", std::env::temp_dir()));
    let (mut out, mut err) = (temporary()?, temporary()?);
    let clone = |file: &File| file.try_clone().map_err(ClusterError::file("use", "a temporary file"));
    command.stdin(Stdio::null()).stdout(clone(&out)?).stderr(clone(&err)?);
    let mut child = command.spawn().map_err(|source| {
        let program = program(command);
        ClusterError::Start { program, source }
    })?;
    let ended = cancel.within(limit, &format!("`{}` ends", shown(command)), || {
        child
            .try_wait()
            .map_err(ClusterError::file("wait for", program(command)))
    });
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            // It may have ended just now, which is as good.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    };
    if status.success() {
        return Ok(content(&mut out));
    }
    let said = format!("{}{}", content(&mut out), content(&mut err));
    let (command, output) = (shown(command), tail(said.trim(), SHOWN).to_owned());
    Err(ClusterError::Command {
        command,
        status,
        output,
    })
}

/// Whether it could be started and succeeded.
pub(crate) fn succeeds(command: &mut Command, limit: Duration) -> bool {
    run(command, limit, &Cancel::default()).is_ok()
}

/// A program of that name on the PATH, or where Debian has those for root.
pub(crate) fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into));
    folders
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

/// Whether that is a file that may be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The last `most` bytes of `text`, from the beginning of a character.
pub(crate) fn tail(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read back is missing from a message only.
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.take(LARGEST_OUTPUT).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn shown(command: &Command) -> String {
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    let words: Vec<_> = std::iter::once(program(command).into()).chain(args).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn output_comes_back_and_a_failure_shows_what_was_written() {
        let mut echo = Command::new("echo");
        assert_eq!(run(echo.arg("so"), LIMIT, &Cancel::default()).unwrap(), "so\n");
        let mut fails = Command::new("sh");
        let error = run(fails.args(["-c", "echo why >&2; exit 3"]), LIMIT, &Cancel::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c echo why >&2; exit 3` failed (exit status: 3): why"
        );
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let mut sleeps = Command::new("sleep");
        let error = run(sleeps.arg("600"), Duration::from_millis(10), &Cancel::default()).unwrap_err();
        assert!(matches!(error, ClusterError::Late { .. }), "{error}");
    }

    #[test]
    fn a_tail_begins_with_a_whole_character() {
        assert_eq!(tail("aäö", 3), "ö");
        assert_eq!(tail("ab", 9), "ab");
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-of-this-name"), None);
    }
}
