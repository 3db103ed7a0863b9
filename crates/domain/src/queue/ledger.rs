//! What is taken while the queue is gone through, run by run.

use std::collections::BTreeMap;

use super::{Demand, Needs, Supply, Taken};
use crate::ids::PartyId;

/// What is taken at parties and at sites.
#[derive(Debug, Clone)]
pub(super) struct Ledger<'a> {
    supply: &'a Supply,
    parties: Taken,
    sites: BTreeMap<&'a str, Demand>,
}

/// What keeps a run from beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lack {
    /// Parties whose agents are not there.
    pub(super) absent: Vec<String>,
    /// What there is too little of.
    pub(super) short: Vec<String>,
}

impl Lack {
    fn is_none(&self) -> bool {
        self.absent.is_empty() && self.short.is_empty()
    }
}

impl<'a> Ledger<'a> {
    pub(super) fn new(supply: &'a Supply, taken: &Taken) -> Self {
        let mut ledger = Self {
            supply,
            parties: Taken::new(),
            sites: BTreeMap::new(),
        };
        for (party, demand) in taken {
            ledger.take(party, *demand);
        }
        ledger
    }

    /// Takes it, be there enough or not.
    pub(super) fn take(&mut self, party: &PartyId, demand: Demand) {
        let taken = self.parties.entry(party.clone()).or_default();
        *taken = taken.plus(demand);
        if let Some(site) = self.site(party) {
            let taken = self.sites.entry(site).or_default();
            *taken = taken.plus(demand);
        }
    }

    /// The demands by party that answer the needs; or what there is too little of. Nothing is taken.
    pub(super) fn fit(&self, needs: &Needs) -> Result<Taken, Lack> {
        let mut trial = self.clone();
        let mut demands = Taken::new();
        let mut lack = Lack::default();
        let mut at_sites: BTreeMap<&str, Demand> = BTreeMap::new();
        for (party, demand) in &needs.fixed {
            if trial.lacks(party, demand, &mut lack) {
                continue;
            }
            trial.take(party, *demand);
            demands.insert(party.clone(), *demand);
            if let Some(site) = self.site(party) {
                let all = at_sites.entry(site).or_default();
                *all = all.plus(*demand);
            }
        }
        // Of a site the parties of one run take together: what is said is what all of them need.
        for (site, demand) in &at_sites {
            self.site_lacks(site, demand, &mut lack);
        }
        let mut left = Lack::default();
        let mut chosen = 0;
        if let Some(choice) = &needs.choice {
            for party in &choice.candidates {
                if chosen == choice.at_most {
                    break;
                }
                let site_lacks = trial
                    .site(party)
                    .is_some_and(|site| trial.site_lacks(site, &choice.each, &mut left));
                if !site_lacks && !trial.lacks(party, &choice.each, &mut left) {
                    trial.take(party, choice.each);
                    let demand = demands.entry(party.clone()).or_default();
                    *demand = demand.plus(choice.each);
                    chosen += 1;
                }
            }
            if chosen < choice.at_least {
                lack.absent.append(&mut left.absent);
                lack.short.append(&mut left.short);
                if lack.is_none() {
                    let found = choice.candidates.len();
                    lack.absent
                        .push(format!("{found} parties match, {} are needed", choice.at_least));
                }
            }
        }
        if lack.is_none() { Ok(demands) } else { Err(lack) }
    }

    /// Whether the party is away, or has too little; which is noted.
    fn lacks(&self, party: &PartyId, demand: &Demand, lack: &mut Lack) -> bool {
        let Some(place) = self.supply.parties.get(party) else {
            lack.absent.push(format!("{party}: its agent has never attached"));
            return true;
        };
        if let Some(absence) = place.presence.absence() {
            lack.absent.push(format!("{party}: {absence}"));
            return true;
        }
        let taken = self.parties.get(party).copied().unwrap_or_default();
        let shortage = place.capacity.shortage(&taken, demand);
        lack.short
            .extend(shortage.iter().map(|shortage| format!("{party}: {shortage}")));
        shortage.is_some()
    }

    /// Whether the site has too little, which is noted.
    fn site_lacks(&self, site: &str, demand: &Demand, lack: &mut Lack) -> bool {
        let taken = self.sites.get(site).copied().unwrap_or_default();
        let capacity = self.supply.sites.get(site);
        let shortage = capacity.and_then(|capacity| capacity.shortage(&taken, demand));
        lack.short
            .extend(shortage.iter().map(|shortage| format!("site {site}: {shortage}")));
        shortage.is_some()
    }

    fn site(&self, party: &PartyId) -> Option<&'a str> {
        self.supply.parties.get(party)?.site.as_deref()
    }
}
