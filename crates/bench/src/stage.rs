//! What one measurement needs: a database, a server on it, and certificates for agents.

use std::path::PathBuf;

use crate::{
    Outcome,
    api::Api,
    authority::Authority,
    database::{Database, Databases},
    options::{Kind, Options},
    server::Server,
    swarm::{Jobs, Swarm},
    work,
};

/// A server that nobody has used yet.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Its database.
    pub(crate) database: Database,
    /// Its process.
    pub(crate) server: Server,
    /// A client of its REST API.
    pub(crate) api: Api,
    authority: Authority,
}

impl Stage {
    /// Sets one up on an empty database, with the templates of [`work`].
    pub(crate) async fn new(databases: &Databases, kind: Kind, name: &str, options: &Options) -> Outcome<Self> {
        Self::set_up(databases, kind, name, false, options).await
    }

    /// The same, with `/api/v1` beside.
    pub(crate) async fn of_both_apis(
        databases: &Databases,
        kind: Kind,
        name: &str,
        options: &Options,
    ) -> Outcome<Self> {
        Self::set_up(databases, kind, name, true, options).await
    }

    async fn set_up(databases: &Databases, kind: Kind, name: &str, legacy: bool, options: &Options) -> Outcome<Self> {
        let folder: PathBuf = databases.folder(&format!("{name}-{}", kind.name()))?;
        let certificates = folder.join("tls");
        std::fs::create_dir(&certificates)?;
        let authority = Authority::new(certificates)?;
        // The administrator's client of a database server blocks for a moment, and nothing else runs yet.
        let database = databases.fresh(kind, &folder)?;
        let server = Server::start(&folder, &database, &authority.server()?, legacy, options).await?;
        let api = Api::new(server.rest)?;
        work::templates(&api).await?;
        Ok(Self {
            database,
            server,
            api,
            authority,
        })
    }

    /// Attaches agents of these parties, each of which takes part in at most `runs` runs at a time, and waits until all are.
    pub(crate) async fn swarm(&self, parties: &[String], jobs: Jobs, runs: Option<u32>) -> Outcome<Swarm> {
        crate::descriptors::need(parties.len())?;
        let swarm = Swarm::new(self.server.link, jobs, runs)?;
        for party in parties {
            swarm.join(party, &self.authority)?;
        }
        swarm.attached(parties.len()).await?;
        Ok(swarm)
    }
}

/// Names of that many parties.
pub(crate) fn parties(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("party-{number:05}")).collect()
}
