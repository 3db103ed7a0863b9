//! The center's agent: the same agent as at parties, attached within the process.

use std::{io, sync::Arc};

use flow_agent::{Agent, AgentError, launcher, link};
use flow_daemon::{ambient::Ambient, shutdown::Shutdown};
use flow_domain::PartyId;
use flow_launcher::LaunchError;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tonic::transport::Endpoint;

use crate::config::Config;

/// Why the center's agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CenterError {
    /// Its launcher cannot.
    #[error("cannot use the center's launcher")]
    Launcher(#[from] LaunchError),
    /// It cannot itself.
    #[error("cannot start the center's agent")]
    Agent(#[from] AgentError),
}

/// Starts the center's agent; `open` makes connections to the link.
pub(crate) async fn start(
    config: &Config,
    ambient: Ambient,
    shutdown: &Shutdown,
    open: impl Fn() -> io::Result<DuplexStream> + Send + Sync + 'static,
) -> Result<(), CenterError> {
    let data = config.data_dir.join("center");
    let (party, settings) = (PartyId::center(), &config.center);
    let launcher = launcher(&party, &data, &settings.agent, settings.supervisor.as_deref()).await?;
    let end = shutdown.token.clone();
    let agent = Agent::new(
        party,
        config.center.agent.clone(),
        &data,
        launcher,
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
    shutdown
        .tracker
        .spawn(link::run(agent, dial, Arc::new(|_| {}), end.clone()));
    shutdown.tracker.spawn(async move {
        end.cancelled().await;
        drained.drained().await;
    });
    Ok(())
}
