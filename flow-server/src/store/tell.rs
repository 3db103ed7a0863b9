//! Who has to be told of a change.

use std::collections::{BTreeMap, BTreeSet};

use flow_domain::{PartyId, gang::Gang};

/// The parties whose desired set differs between two states of a gang.
pub(crate) fn parties_to_tell(before: &Gang, after: &Gang) -> BTreeSet<PartyId> {
    let wanted = |gang: &Gang| -> BTreeMap<_, _> {
        gang.assignments
            .iter()
            .filter(|a| !a.state.is_terminal())
            .map(|a| (a.id, (a.generation, a.party.clone())))
            .collect()
    };
    let (before, after) = (wanted(before), wanted(after));
    let changed = |from: &BTreeMap<_, (u64, PartyId)>, to: &BTreeMap<_, (u64, PartyId)>| -> Vec<PartyId> {
        from.iter()
            .filter(|(id, value)| to.get(*id) != Some(*value))
            .map(|(_, (_, party))| party.clone())
            .collect()
    };
    changed(&before, &after)
        .into_iter()
        .chain(changed(&after, &before))
        .collect()
}
