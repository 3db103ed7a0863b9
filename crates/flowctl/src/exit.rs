//! What exit codes mean: the one place that says so.

use std::{fmt::Write as _, process::ExitCode};

use flow_domain::{ErrorCode, RunState};

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// The command did what was asked.
    pub const OK: Self = Self(0);
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

impl From<ErrorCode> for Exit {
    fn from(code: ErrorCode) -> Self {
        Self(code.exit())
    }
}

impl From<RunState> for Exit {
    /// How a run that was waited for ended.
    fn from(state: RunState) -> Self {
        Self(match state {
            RunState::Succeeded => 0,
            RunState::Cancelled => 11,
            RunState::TimedOut => 12,
            RunState::Rejected => 13,
            // Nobody waits for a run that has not ended; if so, it is no success.
            _ => 10,
        })
    }
}

/// The codes as `--help` shows them.
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    let mut line = |code: u8, meaning: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  {code:>3}  {meaning}");
    };
    line(
        0,
        "success; of 'run wait', 'run start --wait' and 'demo': the run succeeded",
    );
    line(ErrorCode::Internal.exit(), "a fault inside flowctl or the platform");
    line(ErrorCode::Invalid.exit(), "wrong usage, or input that breaks a rule");
    line(ErrorCode::Forbidden.exit(), "access denied");
    line(ErrorCode::NotFound.exit(), "no such thing");
    line(
        ErrorCode::Conflict.exit(),
        "the name is taken, or the thing was changed or is in the wrong state",
    );
    line(
        ErrorCode::Unavailable.exit(),
        "the server cannot be reached or is overloaded",
    );
    line(ErrorCode::Timeout.exit(), "it took longer than its deadline");
    for (state, meaning) in [
        (RunState::Failed, "the run that was waited for failed"),
        (RunState::Cancelled, "… was cancelled"),
        (RunState::TimedOut, "… timed out"),
        (
            RunState::Rejected,
            "… was rejected, by a party or whoever had to approve it",
        ),
    ] {
        line(Exit::from(state).0, meaning);
    }
    text
}
