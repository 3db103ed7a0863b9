//! Logs, to standard error.

use std::io::{self, IsTerminal};

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfig {
    /// How log lines look.
    pub format: LogFormat,
    /// A level, or directives such as `info,flow_server=debug`. What `RUST_LOG` says is added, and
    /// wins.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: "info".to_owned(),
        }
    }
}

/// The filter is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the log filter {filter:?} is not valid: write a level, or target=level directives")]
pub struct FilterError {
    filter: String,
    source: ParseError,
}

/// Keeps the logging as it was set up; hold it until the end of `main`.
#[must_use = "the logging is kept as long as this is held"]
#[derive(Debug)]
pub struct TelemetryGuard {
    installed: bool,
}

impl TelemetryGuard {
    /// Whether this call set the logging up. Not so when something else, such as another test of
    /// the same process, was first.
    pub fn installed(&self) -> bool {
        self.installed
    }
}

/// Sends the process's logs, panics included, to standard error.
///
/// # Errors
/// When the configured filter or `RUST_LOG` is not valid.
pub fn init(config: &LogConfig) -> Result<TelemetryGuard, FilterError> {
    let filter = filter(&config.filter, std::env::var("RUST_LOG").ok().as_deref())?;
    let installed = Registry::default()
        .with(layer(config.format).with_filter(filter))
        .try_init()
        .is_ok();
    if installed {
        log_panics();
    }
    Ok(TelemetryGuard { installed })
}

fn layer(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let terminal = io::stderr().is_terminal();
    let json = match format {
        LogFormat::Text => false,
        LogFormat::Json => true,
        LogFormat::Auto => !terminal,
    };
    let layer = fmt::layer().with_writer(io::stderr);
    if json {
        layer.json().flatten_event(true).boxed()
    } else {
        layer.with_ansi(terminal).boxed()
    }
}

/// Later directives win over earlier ones of the same target.
fn filter(configured: &str, environment: Option<&str>) -> Result<EnvFilter, FilterError> {
    let text = match environment.map(str::trim) {
        Some(more) if !more.is_empty() => format!("{configured},{more}"),
        _ => configured.to_owned(),
    };
    EnvFilter::builder()
        .parse(&text)
        .map_err(|source| FilterError { filter: text, source })
}

/// A panic in a task must not be the one thing that the log is silent about.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let location = panic.location().map(ToString::to_string);
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(message, location, %backtrace, "panicked");
    }));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_environment_adds_to_the_configured_filter_and_wins() {
        let both = filter("info,flow_server=debug", Some("warn")).unwrap();
        let text = both.to_string();
        assert!(text.contains("flow_server=debug") && text.contains("warn"), "{text}");
        assert!(!text.contains("info"), "{text}");
        assert_eq!(filter("info", Some(" ")).unwrap().to_string(), "info");
    }

    #[test]
    fn a_bad_filter_is_an_error_that_shows_it() {
        let error = filter("flow=loud", None).unwrap_err();
        assert!(error.to_string().contains("flow=loud"));
    }

    #[test]
    fn a_second_initialisation_changes_nothing() {
        let config = LogConfig::default();
        let (_first, second) = (init(&config).unwrap(), init(&config).unwrap());
        assert!(!second.installed());
    }
}
