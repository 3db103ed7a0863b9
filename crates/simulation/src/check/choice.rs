//! Who takes part in a run.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{PartyId, RunSpec, gang::Gang, labels::Labels};

use super::{Rule, commit::Found};

/// What a run was started with stays, but for its parties, which are settled once, as its task says.
pub(super) fn is_as_asked(found: &mut Found, labels: &BTreeMap<PartyId, Labels>, before: &Gang, after: &Gang) {
    let (asked, is) = (&before.run.spec, &after.run.spec);
    found.unless(
        !(after.run.is_taking() && is.is_open()),
        Rule::Choice,
        "it began before it was settled who takes part",
    );
    if asked == is {
        return;
    }
    let settled = RunSpec {
        participants: is.participants.clone(),
        min_parties: None,
        select: None,
        ..asked.clone()
    };
    found.unless(
        asked.is_open() && settled == *is,
        Rule::Choice,
        "it changed in more than who takes part, or after that was settled",
    );
    let parties = |spec: &RunSpec| -> BTreeSet<PartyId> {
        let parties = spec.participants.iter();
        parties.map(|participant| participant.party.clone()).collect()
    };
    let (named, there) = (parties(asked), parties(is));
    let is_right = match (&asked.select, asked.min_parties) {
        (Some(select), _) => {
            let chosen: Vec<&PartyId> = there.difference(&named).collect();
            let has_all = |party: &&PartyId| {
                let own = labels.get(party);
                let has = |(key, value)| own.is_some_and(|own| own.get(key) == Some(value));
                select.labels.iter().all(has)
            };
            let most = select.max.map_or(usize::MAX, |max| max as usize);
            named.is_subset(&there)
                && (select.min as usize..=most).contains(&chosen.len())
                && chosen.iter().all(has_all)
        }
        (None, Some(min)) => there.is_subset(&named) && there.len() >= min as usize,
        (None, None) => named == there,
    };
    found.unless(
        is_right && there.len() == is.participants.len(),
        Rule::Choice,
        "others take part than were asked for, too few or too many",
    );
}
