//! The settings that a stack gives its daemons: what an administrator would write for one machine.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use flow_agent::{AgentConfig, config::Dataset};
use flow_domain::PartyId;

use super::{
    DATASET, Plan, WORKDIR,
    certificates::{Certificates, SERVER},
};

/// The server's.
pub(super) fn server(plan: &Plan, certificates: &Certificates) -> flow_server::config::Config {
    let mut config = flow_server::config::Config {
        data_dir: plan.places.server(),
        ..Default::default()
    };
    config.rest.listen = plan.rest;
    config.legacy.listen = plan.legacy;
    // Only the agents of this process are told where it is.
    config.link.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.link.tls = Some(certificates.files("server"));
    config.center.agent = agent(plan);
    config
}

/// A party's.
pub(super) fn federate(
    plan: &Plan,
    certificates: &Certificates,
    party: &PartyId,
    link: SocketAddr,
) -> flow_federate::config::Config {
    let mut agent = agent(plan);
    agent.datasets = BTreeMap::from([(DATASET.to_owned(), Dataset::Path(plan.places.data(party)))]);
    let mut config = flow_federate::config::Config {
        party: party.to_string(),
        data_dir: plan.places.agent(party),
        tls: certificates.files(party.as_str()),
        agent,
        ..Default::default()
    };
    config.server.address = link.to_string();
    config.server.name = Some(SERVER.to_owned());
    config.health.enabled = false;
    // All parties are in this process, and their own pages would be at one port.
    config.rest.enabled = false;
    config
}

fn agent(plan: &Plan) -> AgentConfig {
    let mut agent = AgentConfig::default();
    agent.process.programs = BTreeMap::from([("python".to_owned(), plan.python.clone())]);
    agent.process.workdirs = BTreeMap::from([(WORKDIR.to_owned(), plan.places.app())]);
    agent
}
