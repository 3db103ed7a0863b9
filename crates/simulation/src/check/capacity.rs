//! What is taken of parties and sites, as runs say and as machines have it.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{PartyId, RunId, gang::Gang, queue::Demand};

use super::judge::Expectations;
use crate::machine::LiveJob;

type Gangs = BTreeMap<RunId, Gang>;

/// Where more is taken by runs than is offered.
pub(super) fn exceeded(expected: &Expectations, gangs: &Gangs) -> Vec<String> {
    let mut parties: BTreeMap<PartyId, Demand> = BTreeMap::new();
    for gang in gangs.values().filter(|gang| gang.run.is_taking()) {
        for (party, demand) in gang.run.spec.demands() {
            let taken = parties.entry(party).or_default();
            *taken = taken.plus(demand);
        }
    }
    let mut sites: BTreeMap<&str, Demand> = BTreeMap::new();
    let mut broken = Vec::new();
    for (party, demand) in &parties {
        if let Some(site) = expected.sites.get(party) {
            let taken = sites.entry(site).or_default();
            *taken = taken.plus(*demand);
        }
        let offered = expected.parties.get(party).copied().unwrap_or_default();
        let shortage = offered.shortage(&Demand::default(), demand);
        broken.extend(shortage.map(|shortage| format!("party {party}: {shortage}")));
    }
    for (site, demand) in sites {
        let offered = expected.at_sites.get(site).copied().unwrap_or_default();
        let shortage = offered.shortage(&Demand::default(), &demand);
        broken.extend(shortage.map(|shortage| format!("site {site}: {shortage}")));
    }
    broken
}

/// Whether more is at work on a party's machine than it offers: these jobs.
pub(super) fn exceeded_by_jobs(
    expected: &Expectations,
    gangs: &Gangs,
    party: &str,
    jobs: &[&LiveJob],
) -> Option<String> {
    let (_, offered) = expected.parties.iter().find(|(id, _)| id.as_str() == party)?;
    let runs: BTreeSet<&str> = jobs.iter().map(|job| job.identity.run.as_str()).collect();
    let mut taken = Demand {
        runs: runs.len() as u64,
        ..Demand::default()
    };
    for job in jobs {
        let gang = job.identity.run.parse().ok().and_then(|run: RunId| gangs.get(&run));
        let resources = gang.map(|gang| gang.run.spec.resources_of(&job.identity.role));
        taken = taken.plus(Demand::of(&resources.unwrap_or_default()));
    }
    let shortage = offered.shortage(&Demand::default(), &taken)?;
    Some(format!(
        "jobs of {} runs are at work at {party}: {shortage}",
        runs.len()
    ))
}
