//! Stopping in an orderly way, in a bounded time.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The exit status of a daemon that was told twice to stop, as of a program that SIGINT ended.
const IMPATIENT: i32 = 130;

/// The daemon's way to stop: a token that says so, and a count of what is still under way.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled when the daemon shall stop.
    pub token: CancellationToken,
    /// Tasks that are waited for: `shutdown.tracker.spawn(…)`.
    pub tracker: TaskTracker,
}

/// Some tasks did not end in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{remaining} tasks were still running {after:?} after the shutdown began")]
pub struct DrainError {
    /// How many.
    pub remaining: usize,
    /// How long they were waited for.
    pub after: Duration,
}

impl Shutdown {
    /// One that only the program itself triggers, as in tests.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGTERM and SIGINT trigger. A second signal ends the process at once with status 130.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a signal handler.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(listen(terminate, interrupt, shutdown.token.clone()));
        Ok(shutdown)
    }

    /// Tells everything to stop, and waits up to `timeout` for the tracked tasks.
    ///
    /// # Errors
    /// When some are still running then.
    pub async fn drain(&self, timeout: Duration) -> Result<(), DrainError> {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(timeout, self.tracker.wait())
            .await
            .map_err(|_| DrainError {
                remaining: self.tracker.len(),
                after: timeout,
            })
    }
}

async fn listen(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::info!(signal = name, "shutting down; a second signal ends it at once");
    token.cancel();
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::warn!(signal = name, "told again to stop: ending at once");
    std::process::exit(IMPATIENT);
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
