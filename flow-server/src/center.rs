//! The center's agent: the same agent as at parties, attached within the process.

use std::{io, sync::Arc, time::Duration};

use flow_agent::{Agent, AgentError, Journal, JournalConfig, JournalError, launcher, link};
use flow_daemon::{ambient::Ambient, shutdown::Shutdown};
use flow_domain::PartyId;
use flow_launcher::LaunchError;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::config::Config;

/// How often is looked whether this server hosts the center's agent.
const LOOK: Duration = Duration::from_millis(200);

/// Why the center's agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CenterError {
    /// Its launcher cannot.
    #[error("cannot use the center's launcher")]
    Launcher(#[from] LaunchError),
    /// Its journal cannot be used.
    #[error("cannot use the center's journal")]
    Journal(#[from] JournalError),
    /// It cannot itself.
    #[error("cannot start the center's agent")]
    Agent(#[from] AgentError),
}

/// Starts the center's agent; `open` makes connections to the link. It is attached while this server is the one that `hosts` it.
pub(crate) async fn start(
    config: &Config,
    ambient: Ambient,
    shutdown: &Shutdown,
    open: impl Fn() -> io::Result<DuplexStream> + Send + Sync + 'static,
    hosts: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<(), CenterError> {
    let data = config.data_dir.join("center");
    let (party, settings) = (PartyId::center(), &config.center);
    let launcher = launcher(&party, &data, &settings.agent, settings.supervisor.as_deref()).await?;
    let journal = Journal::open(&JournalConfig::default(), &party, &data, "flow-server", &ambient).await?;
    let end = shutdown.token.clone();
    let agent = Agent::new(
        party,
        config.center.agent.clone(),
        &data,
        launcher,
        journal,
        ambient,
        end.clone(),
    )?;
    let open = Arc::new(open);
    let dial: link::Dial = Arc::new(move || {
        let open = open.clone();
        Box::pin(async move {
            let connector = tower::service_fn(move |_| {
                let opened = open().map(TokioIo::new);
                async move { opened }
            });
            Endpoint::from_static("http://center")
                .connect_with_connector(connector)
                .await
        })
    });
    let drained = agent.clone();
    shutdown.tracker.spawn(attach_while(hosts, agent, dial, end.clone()));
    shutdown.tracker.spawn(async move {
        end.cancelled().await;
        drained.drained().await;
    });
    Ok(())
}

async fn attach_while(hosts: impl Fn() -> bool, agent: Agent, dial: link::Dial, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = until(&hosts) => {}
        }
        let attached = link::run(agent.clone(), dial.clone(), Arc::new(|_| {}), end.clone());
        tokio::select! {
            () = attached => {}
            () = until(|| !hosts()) => tracing::warn!("another server hosts the center's agent now"),
        }
    }
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(LOOK).await;
    }
}
