//! Ctrl-C and `kill`: the first is heard and acted upon, the second ends the program at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::Failure;

/// The exit status of a program that SIGINT ended.
const IMPATIENT: i32 = 130;

/// Hears signals from its making on.
pub(crate) struct Signals(watch::Receiver<bool>);

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let refused = |error| Failure::internal("the system refuses to pass signals on").because(error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        let (heard, receiver) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if heard.send_replace(true) {
                    std::process::exit(IMPATIENT);
                }
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the first signal, if it has not come yet.
    pub(crate) async fn first(&mut self) {
        if self.0.wait_for(|heard| *heard).await.is_err() {
            // Nobody listens any more: none will ever come.
            std::future::pending::<()>().await;
        }
    }
}
