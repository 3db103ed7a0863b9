//! `flowctl party …`

use flow_api::PartyView;
use flow_domain::{labels::Labels, queue::Capacity};

use super::Session;
use crate::{Exit, Failure, cli, output::fields};

/// Does what was asked about parties.
pub(super) async fn run(session: &Session, command: &cli::Party) -> Result<Exit, Failure> {
    match command {
        cli::Party::List(list) => {
            let page = session.client.list::<PartyView>(&["parties"], &[], list.limit).await?;
            session.output.list(&page)?;
        }
        cli::Party::Get(which) => session.output.many(&fetch(session, &which.names).await?)?,
        cli::Party::Describe(which) => {
            let parties = fetch(session, &which.names).await?;
            if session.output.format.is_whole() {
                session.output.many(&parties)?;
                return Ok(Exit::OK);
            }
            for (index, party) in parties.iter().enumerate() {
                if index > 0 {
                    session.output.line("")?;
                }
                session.output.line(describe(party))?;
            }
        }
    }
    Ok(Exit::OK)
}

async fn fetch(session: &Session, names: &[String]) -> Result<Vec<PartyView>, Failure> {
    let mut parties = Vec::with_capacity(names.len());
    for name in names {
        parties.push(session.client.get(&["parties", name], &[]).await?);
    }
    Ok(parties)
}

fn describe(party: &PartyView) -> String {
    let liveness = format!("{:?} since {}", party.liveness, party.since);
    fields(&[
        ("Name", party.id.to_string()),
        ("Liveness", liveness),
        ("Datasets", party.datasets.join(", ")),
        ("Labels", labels(&party.labels)),
        ("Capacity", capacity(&party.capacity)),
        ("Site", party.site.clone().unwrap_or_default()),
        ("Agent", party.agent_version.clone()),
        ("Registered", party.registered_at.to_string()),
    ])
}

/// `region=eu, tier=gold`.
fn labels(labels: &Labels) -> String {
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
    labels.collect::<Vec<_>>().join(", ")
}

/// `2 runs, 16 cpu, 64Gi memory`; empty without any limit.
fn capacity(capacity: &Capacity) -> String {
    let amounts = [
        capacity.runs.map(|runs| format!("{runs} runs")),
        capacity.cpu.map(|cpu| format!("{cpu} cpu")),
        capacity.memory.map(|memory| format!("{memory} memory")),
        capacity.gpu.map(|gpu| format!("{gpu} gpu")),
    ];
    amounts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
