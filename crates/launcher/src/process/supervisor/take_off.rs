use std::fs::OpenOptions;

use nix::unistd::dup2_stdout;

/// More than this of an error message helps nobody.
const MAX_MESSAGE: usize = 1000;

/// What a supervisor answers to the agent that sent for it: one line on standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::process) enum TakeOff {
    /// The job was started now (or could not be executed, which is written down as its end).
    Started,
    /// It was started before.
    AlreadyStarted,
    /// It was stopped before it was started.
    Stopped,
    /// Its ports were given back.
    Released,
    /// Nothing was started; to try again is safe.
    Failed(String),
}

impl TakeOff {
    /// Answers the agent and hangs up.
    pub(super) fn announce(&self) {
        super::tell_agent(&self.line());
        if let Ok(null) = OpenOptions::new().write(true).open("/dev/null") {
            let _ = dup2_stdout(null);
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Started => "started\n".into(),
            Self::AlreadyStarted => "already-started\n".into(),
            Self::Stopped => "stopped\n".into(),
            Self::Released => "released\n".into(),
            Self::Failed(message) => {
                let flat = message.replace(['\n', '\r'], " ");
                format!("failed {}\n", flat.chars().take(MAX_MESSAGE).collect::<String>())
            }
        }
    }

    /// Reads an answer. `None` for what no supervisor of ours says.
    pub(in crate::process) fn parse(answer: &str) -> Option<Self> {
        match answer.lines().last()? {
            "started" => Some(Self::Started),
            "already-started" => Some(Self::AlreadyStarted),
            "stopped" => Some(Self::Stopped),
            "released" => Some(Self::Released),
            line => line
                .strip_prefix("failed ")
                .map(|message| Self::Failed(message.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let failed = TakeOff::Failed("no such file: x".into());
        for answer in [
            TakeOff::Started,
            TakeOff::AlreadyStarted,
            TakeOff::Stopped,
            TakeOff::Released,
            failed,
        ] {
            assert_eq!(TakeOff::parse(&answer.line()), Some(answer));
        }
        assert_eq!(TakeOff::parse("Usage: ls [FILE]\n"), None);
        assert_eq!(TakeOff::parse(""), None);
    }
}
