//! Why a command did not do what was asked, and how that is said.

use std::{error::Error, io, io::Write as _, process::ExitCode};

use flow_domain::ErrorCode;

use crate::{exit::Exit, output::clean};

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Who reads the output has gone away: no error, only the end (`flowctl … | head`).
    #[error("the output was closed")]
    ClosedPipe,
    /// An error to be told.
    #[error(transparent)]
    Told(#[from] Box<Told>),
}

/// An error with all there is to say about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Told {
    /// What kind; it decides the exit code.
    pub code: ErrorCode,
    /// What happened, in lower case.
    pub message: String,
    /// Each rule that was broken, a line each.
    pub details: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// When the other side wants to be asked again.
    pub retry_after: Option<std::time::Duration>,
    /// What lies behind it.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// An error of that kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Told(Box::new(Told {
            code,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            retry_after: None,
            source: None,
        }))
    }

    /// A fault of flowctl or its surroundings.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// Input or usage that is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// The kind, where it is an error at all.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::ClosedPipe => None,
            Self::Told(told) => Some(told.code),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.with(|told| told.hint = Some(hint.into()))
    }

    /// Adds what lies behind it.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.with(|told| told.source = Some(source.into()))
    }

    /// Adds lines that say more.
    #[must_use]
    pub fn details(self, details: impl IntoIterator<Item = String>) -> Self {
        self.with(|told| told.details.extend(details))
    }

    /// Changes what is told; nothing where there is nothing to tell.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Told)) -> Self {
        if let Self::Told(told) = &mut self {
            change(told);
        }
        self
    }
}

impl From<io::Error> for Failure {
    /// For output only: what is read or written elsewhere says which file it was.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::internal("cannot write the output").because(error)
        }
    }
}

impl Told {
    /// The error as people read it: one line, its details, and the hint.
    pub fn render(&self) -> String {
        let mut text = format!("error: {}", clean(&self.message));
        let mut cause = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&clean(&error.to_string()));
            cause = error.source();
        }
        for detail in &self.details {
            text.push_str("\n  ");
            text.push_str(&clean(detail));
        }
        if let Some(hint) = &self.hint {
            text.push_str("\nhint: ");
            text.push_str(&clean(hint));
        }
        text
    }
}

/// Says on stderr why a command ended, and answers its exit code.
pub fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::ClosedPipe => Exit::OK.into(),
        Failure::Told(told) => {
            // If stderr is closed too, the exit code is all that is left to say it.
            let _ = writeln!(io::stderr(), "{}", told.render());
            Exit::from(told.code).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_known_is_said_in_order() {
        let failure = Failure::invalid("the file is wrong")
            .because(io::Error::other("line 3"))
            .details(["command[2]: no".to_owned()])
            .hint("mend it");
        let Failure::Told(told) = failure else { panic!("told") };
        assert_eq!(
            told.render(),
            "error: the file is wrong: line 3\n  command[2]: no\nhint: mend it"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(matches!(failure, Failure::ClosedPipe));
    }
}
