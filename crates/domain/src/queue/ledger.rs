//! What is taken while the queue is gone through, run by run.

use std::collections::BTreeMap;

use super::{Admission, Candidates, Choice, Demand, Needs, Supply, Taken, schedule::MOST_SAID};
use crate::ids::PartyId;

/// What the run takes of a party that is chosen: a slot of each party, and no second one where it has one.
fn each(choice: &Choice, needs: &Needs, party: &PartyId) -> Demand {
    match needs.fixed.contains_key(party) {
        true => Demand { runs: 0, ..choice.each },
        false => choice.each,
    }
}

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
    /// What keeps others from being chosen; it is no matter where there are enough.
    pub(super) unfit: Vec<String>,
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

    /// What answers the needs; or what there is too little of. Nothing is taken.
    pub(super) fn fit(&self, needs: &Needs) -> Result<Admission, Lack> {
        let mut demands = Taken::new();
        let mut lack = Lack::default();
        let mut at_sites: BTreeMap<&str, Demand> = BTreeMap::new();
        for (party, demand) in &needs.fixed {
            // What a party has too little of is its own: none of the others is counted here.
            if self.lacks(party, demand, &mut lack) {
                continue;
            }
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
        let mut chosen = Vec::new();
        if let Some(choice) = &needs.choice {
            // Only for those with a choice: of thousands that wait, each copy would be as long as all parties.
            let mut trial = self.clone();
            for (party, demand) in &demands {
                trial.take(party, *demand);
            }
            chosen = trial.choose(choice, needs, &mut demands, &mut lack);
        }
        let takes = demands;
        if lack.is_none() {
            Ok(Admission { takes, chosen })
        } else {
            Err(lack)
        }
    }

    /// Takes as many of those to choose from as may be; notes what is missing where they are too few.
    fn choose(&mut self, choice: &Choice, needs: &Needs, demands: &mut Taken, lack: &mut Lack) -> Vec<PartyId> {
        let (candidates, unfit) = self.candidates(choice);
        let mut left = Lack::default();
        let mut chosen = Vec::new();
        for party in &candidates {
            if chosen.len() == choice.at_most {
                break;
            }
            let each = each(choice, needs, party);
            let site = self.site(party);
            let site_lacks = site.is_some_and(|site| self.site_lacks(site, &each, &mut left));
            if !site_lacks && !self.lacks(party, &each, &mut left) {
                self.take(party, each);
                let demand = demands.entry(party.clone()).or_default();
                *demand = demand.plus(each);
                chosen.push(party.clone());
            }
        }
        if chosen.len() < choice.at_least {
            let (least, there) = (choice.at_least, candidates.len() - left.absent.len());
            if there < least {
                let few = format!("{there} of at least {least} parties to choose from are there");
                lack.absent.push(few);
                lack.absent.append(&mut left.absent);
            } else {
                let few = format!("{} of at least {least} parties have room", chosen.len());
                lack.short.push(few);
            }
            lack.short.append(&mut left.short);
            // Whoever is away is of no matter where the others would do.
            lack.unfit.append(&mut left.absent);
            lack.unfit.extend(unfit);
        }
        chosen
    }

    /// Who may be chosen, the most wanted first, and what others lack for that.
    fn candidates(&self, choice: &Choice) -> (Vec<PartyId>, Vec<String>) {
        let criteria = match &choice.candidates {
            Candidates::Named(parties) => return (parties.clone(), Vec::new()),
            Candidates::Matching(criteria) => criteria,
        };
        let mut unfit = Vec::new();
        let mut fit = Vec::new();
        for (party, place) in &self.supply.parties {
            if criteria.but.contains(party) {
                continue;
            }
            match place.offer.lacks(criteria) {
                None => fit.push(party.clone()),
                // No more are said anyway.
                Some(_) if unfit.len() >= MOST_SAID => {}
                Some(lacks) => unfit.push(format!("{party} {lacks}")),
            }
        }
        fit.sort_by_key(|party| self.parties.get(party).map_or(0, |taken| taken.runs));
        (fit, unfit)
    }

    /// What is kept for a run that has to wait: where it may choose, at those who are there and whom it wants most.
    pub(super) fn wish(&self, needs: &Needs) -> Taken {
        let mut wish = needs.fixed.clone();
        if let Some(choice) = &needs.choice {
            let (candidates, _) = self.candidates(choice);
            let is_there = |party: &&PartyId| {
                let place = self.supply.parties.get(*party);
                place.is_some_and(|place| place.presence.absence().is_none())
            };
            for party in candidates.iter().filter(is_there).take(choice.at_least) {
                let demand = wish.entry(party.clone()).or_default();
                *demand = demand.plus(each(choice, needs, party));
            }
        }
        wish
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
