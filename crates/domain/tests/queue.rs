//! The queue: who begins, who waits, and for what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use common::{START, mk_party};
use flow_domain::{
    PartyId, Reason, RunId, Span, Timestamp,
    party::{Liveness, Presence},
    queue::{
        Candidates, Capacity, Choice, Criteria, Decision, Demand, Needs, Offer, Place, Supply, Taken, Verdict, Waiting,
        schedule,
    },
};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

/// Long enough that nothing is kept for anybody.
const FOREVER: Span = Span::hours(1_000_000);

fn mk_run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

fn slots(runs: u32) -> Capacity {
    Capacity {
        runs: Some(runs),
        ..Capacity::default()
    }
}

fn place(liveness: Liveness, capacity: Capacity, site: Option<&str>) -> Place {
    let since = START;
    Place {
        presence: Presence { liveness, since },
        capacity,
        site: site.map(str::to_owned),
        offer: Arc::default(),
    }
}

/// Parties that are there, each with so many slots.
fn mk_supply(parties: &[(&str, u32)]) -> Supply {
    let parties = parties
        .iter()
        .map(|(name, runs)| (mk_party(name), place(Liveness::Online, slots(*runs), None)));
    Supply {
        parties: parties.collect(),
        sites: BTreeMap::new(),
    }
}

fn slot_at(parties: &[&str]) -> Needs {
    Needs {
        fixed: parties.iter().map(|party| (mk_party(party), Demand::SLOT)).collect(),
        choice: None,
    }
}

fn mk_waiting(number: u128, parties: &[&str]) -> Waiting {
    Waiting {
        run: mk_run(number),
        priority: 0,
        since: START.after(Span::secs(u64::try_from(number).unwrap())),
        needs: slot_at(parties),
    }
}

fn admitted(verdicts: &[Verdict]) -> Vec<RunId> {
    let admitted = verdicts
        .iter()
        .filter(|verdict| matches!(verdict.decision, Decision::Admit(_)));
    admitted.map(|verdict| verdict.run).collect()
}

/// Why a run waits.
fn waits(verdicts: &[Verdict], number: u128) -> (Reason, String) {
    let verdict = verdicts.iter().find(|verdict| verdict.run == mk_run(number)).unwrap();
    match &verdict.decision {
        Decision::Wait { reason, message } => (*reason, message.clone()),
        Decision::Admit(_) => panic!("run {number} begins"),
    }
}

fn now() -> Timestamp {
    START.after(Span::mins(5))
}

#[test]
fn the_higher_priority_begins_then_who_came_first() {
    let supply = mk_supply(&[("a", 1)]);
    let mut queue = [mk_waiting(1, &["a"]), mk_waiting(2, &["a"]), mk_waiting(3, &["a"])];
    let verdicts = schedule(&queue, &Taken::new(), &supply, now(), FOREVER);
    assert_eq!(admitted(&verdicts), [mk_run(1)]);
    assert_eq!(
        waits(&verdicts, 2),
        (Reason::WaitingForCapacity, "a: 0 of 1 slots free".to_owned())
    );
    queue[2].priority = 1;
    let verdicts = schedule(&queue, &Taken::new(), &supply, now(), FOREVER);
    assert_eq!(admitted(&verdicts), [mk_run(3)]);
    let places: Vec<_> = verdicts.iter().map(|verdict| (verdict.run, verdict.place)).collect();
    assert_eq!(places, [(mk_run(3), 1), (mk_run(1), 2), (mk_run(2), 3)]);
}

#[test]
fn a_run_takes_all_it_needs_or_nothing() {
    let supply = mk_supply(&[("a", 1), ("b", 1), ("c", 1)]);
    let taken = [(mk_party("b"), Demand::SLOT)].into();
    let queue = [mk_waiting(1, &["a", "b"]), mk_waiting(2, &["a", "c"])];
    let verdicts = schedule(&queue, &taken, &supply, now(), FOREVER);
    // The first leaves what it could have of `a` to the second.
    assert_eq!(admitted(&verdicts), [mk_run(2)]);
    assert_eq!(waits(&verdicts, 1).1, "b: 0 of 1 slots free");
}

#[test]
fn it_is_said_what_there_is_too_little_of() {
    let mut supply = mk_supply(&[("a", 4)]);
    let capacity = Capacity {
        runs: None,
        cpu: Some("4".parse().unwrap()),
        memory: Some("8Gi".parse().unwrap()),
        gpu: Some(1),
    };
    supply.parties.get_mut(&mk_party("a")).unwrap().capacity = capacity;
    let demand = |cpu, memory, gpu| Demand {
        runs: 1,
        cpu,
        memory,
        gpu,
    };
    let taken = [(mk_party("a"), demand(3500, 6 << 30, 1))].into();
    let says = |wanted: Demand| {
        let mut waiting = mk_waiting(1, &[]);
        waiting.needs.fixed = [(mk_party("a"), wanted)].into();
        waits(&schedule(&[waiting], &taken, &supply, now(), FOREVER), 1).1
    };
    assert_eq!(says(demand(1000, 0, 0)), "a: 500m of 4 cpu free, 1 needed");
    assert_eq!(says(demand(500, 4 << 30, 0)), "a: 2Gi of 8Gi memory free, 4Gi needed");
    assert_eq!(says(demand(0, 0, 1)), "a: 0 of 1 gpu free, 1 needed");
}

#[test]
fn parties_of_a_site_share_it() {
    let mut supply = mk_supply(&[]);
    for name in ["a", "b", "c"] {
        let place = place(Liveness::Online, Capacity::default(), Some("dc"));
        supply.parties.insert(mk_party(name), place);
    }
    supply.sites.insert("dc".to_owned(), slots(2));
    let queue = [mk_waiting(1, &["a", "b", "c"]), mk_waiting(2, &["a", "b"])];
    let verdicts = schedule(&queue, &Taken::new(), &supply, now(), FOREVER);
    assert_eq!(admitted(&verdicts), [mk_run(2)]);
    assert_eq!(waits(&verdicts, 1).1, "site dc: 2 of 2 slots free, 3 needed");
}

#[test]
fn whoever_is_away_is_named_and_nothing_is_kept_for_it() {
    let mut supply = mk_supply(&[("a", 1), ("b", 1)]);
    supply.parties.get_mut(&mk_party("b")).unwrap().presence.liveness = Liveness::Offline;
    let queue = [mk_waiting(1, &["a", "b", "z"]), mk_waiting(2, &["a"])];
    let verdicts = schedule(&queue, &Taken::new(), &supply, now(), Span::secs(0));
    assert_eq!(admitted(&verdicts), [mk_run(2)]);
    let (reason, message) = waits(&verdicts, 1);
    assert_eq!(reason, Reason::WaitingForParty);
    let absent = format!("b: offline since {START}; z: its agent has never attached");
    assert!(message.starts_with(&absent), "{message}");
}

#[test]
fn room_is_kept_for_who_has_waited_for_long() {
    let supply = mk_supply(&[("a", 1), ("b", 1)]);
    let taken = [(mk_party("b"), Demand::SLOT)].into();
    let queue = [mk_waiting(1, &["a", "b"]), mk_waiting(2, &["a"])];
    let verdicts = schedule(&queue, &taken, &supply, now(), Span::mins(10));
    assert_eq!(admitted(&verdicts), [mk_run(2)]);
    let verdicts = schedule(&queue, &taken, &supply, now(), Span::mins(1));
    assert_eq!(admitted(&verdicts), []);
    assert_eq!(waits(&verdicts, 1).0, Reason::WaitingForCapacity);
    let (reason, message) = waits(&verdicts, 2);
    assert_eq!(reason, Reason::WaitingForOthers);
    assert!(message.ends_with(&format!("such as {}", mk_run(1))), "{message}");
}

#[test]
fn of_several_parties_the_free_ones_are_chosen() {
    let supply = mk_supply(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)]);
    let taken = [(mk_party("b"), Demand::SLOT)].into();
    let mut waiting = mk_waiting(1, &["d"]);
    let mut choose = |at_least, at_most| {
        waiting.needs.choice = Some(Choice {
            candidates: Candidates::Named(["a", "b", "c"].map(mk_party).to_vec()),
            at_least,
            at_most,
            each: Demand::SLOT,
        });
        schedule(&[waiting.clone()], &taken, &supply, now(), FOREVER)
    };
    let parties = |verdicts: &[Verdict]| match &verdicts[0].decision {
        Decision::Admit(how) => how
            .takes
            .keys()
            .map(|party| party.as_str().to_owned())
            .collect::<Vec<_>>(),
        Decision::Wait { message, .. } => vec![message.clone()],
    };
    assert_eq!(parties(&choose(1, 1)), ["a", "d"]);
    assert_eq!(parties(&choose(2, 3)), ["a", "c", "d"]);
    assert_eq!(
        parties(&choose(3, 3)),
        ["2 of at least 3 parties have room; b: 0 of 1 slots free"]
    );
    assert_eq!(
        parties(&choose(4, 4)),
        ["3 of at least 4 parties to choose from are there; b: 0 of 1 slots free"]
    );
}

#[test]
fn too_few_matching_parties_is_said() {
    let supply = mk_supply(&[("a", 1)]);
    let mut waiting = mk_waiting(1, &[]);
    waiting.needs.choice = Some(Choice {
        candidates: Candidates::Named(vec![mk_party("a")]),
        at_least: 2,
        at_most: 3,
        each: Demand::SLOT,
    });
    let verdicts = schedule(&[waiting], &Taken::new(), &supply, now(), FOREVER);
    assert_eq!(
        waits(&verdicts, 1),
        (
            Reason::WaitingForParty,
            "1 of at least 2 parties to choose from are there".to_owned()
        )
    );
}

fn any_demand() -> impl Strategy<Value = Demand> {
    (1u64..3, 0u64..3, 0u64..3, 0u64..2).prop_map(|(runs, cpu, memory, gpu)| Demand {
        runs,
        cpu: cpu * 1000,
        memory: memory << 30,
        gpu,
    })
}

fn any_capacity() -> impl Strategy<Value = Capacity> {
    (
        proptest::option::of(0u32..4),
        proptest::option::of(1u64..5),
        proptest::option::of(1u64..5),
        proptest::option::of(0u32..3),
    )
        .prop_map(|(runs, cpu, memory, gpu)| Capacity {
            runs,
            cpu: cpu.map(|cpu| flow_domain::resources::Cpu(cpu * 1000)),
            memory: memory.map(|memory| flow_domain::resources::Memory(memory << 30)),
            gpu,
        })
}

fn any_party() -> impl Strategy<Value = PartyId> {
    (0..5u8).prop_map(|letter| mk_party(&char::from(b'a' + letter).to_string()))
}

fn any_supply() -> impl Strategy<Value = Supply> {
    let place = (
        any_capacity(),
        prop::bool::weighted(0.8),
        proptest::option::of(0..2u8),
        any_offer(),
    );
    (vec(place, 4..5), vec(any_capacity(), 1..2)).prop_map(|(places, sites)| Supply {
        parties: places
            .into_iter()
            .zip(b'a'..)
            .map(|((capacity, online, site, offer), letter)| {
                let liveness = if online { Liveness::Online } else { Liveness::Offline };
                let site = site.map(|site| format!("site-{site}"));
                let name = mk_party(&char::from(letter).to_string());
                (name, place_of(liveness, capacity, site, offer))
            })
            .collect(),
        sites: sites
            .into_iter()
            .enumerate()
            .map(|(number, capacity)| (format!("site-{number}"), capacity))
            .collect(),
    })
}

fn place_of(liveness: Liveness, capacity: Capacity, site: Option<String>, offer: Offer) -> Place {
    Place {
        site,
        offer: Arc::new(offer),
        ..place(liveness, capacity, None)
    }
}

/// Of two labels and two data sets, so that some match.
fn any_offer() -> impl Strategy<Value = Offer> {
    let labels = prop::collection::btree_map("[ab]", "[xy]", 0..2);
    let datasets = prop::collection::btree_set("[de]", 0..3);
    (labels, datasets).prop_map(|(labels, datasets)| Offer { labels, datasets })
}

fn any_criteria() -> impl Strategy<Value = Criteria> {
    let but = prop::collection::btree_set(any_party(), 0..2);
    (any_offer(), but).prop_map(|(offer, but)| Criteria {
        labels: offer.labels,
        dataset: offer.datasets.into_iter().next(),
        but,
    })
}

fn may_be_chosen(candidates: &Candidates, party: &PartyId, supply: &Supply) -> bool {
    match candidates {
        Candidates::Named(parties) => parties.contains(party),
        Candidates::Matching(criteria) => {
            supply.parties[party].offer.lacks(criteria).is_none() && !criteria.but.contains(party)
        }
    }
}

fn any_needs() -> impl Strategy<Value = Needs> {
    let fixed = prop::collection::btree_map(any_party(), any_demand(), 0..3);
    let named = prop::collection::btree_set(any_party(), 0..5);
    let named = named.prop_map(|parties| Candidates::Named(parties.into_iter().collect()));
    let candidates = prop_oneof![named, any_criteria().prop_map(Candidates::Matching)];
    let choice = (candidates, 0usize..4, 0usize..3, any_demand());
    let choice = choice.prop_map(|(candidates, at_least, more, each)| Choice {
        candidates,
        at_least,
        at_most: at_least + more,
        each,
    });
    (fixed, proptest::option::weighted(0.3, choice)).prop_map(|(fixed, choice)| Needs { fixed, choice })
}

fn any_queue() -> impl Strategy<Value = Vec<Waiting>> {
    vec((any_needs(), -1i32..2, 0u64..600), 0..12).prop_map(|runs| {
        let waiting = |(number, (needs, priority, since))| Waiting {
            run: mk_run(number),
            priority,
            since: START.after(Span::secs(since)),
            needs,
        };
        (1u128..).zip(runs).map(waiting).collect()
    })
}

fn taken_with(taken: &Taken, verdicts: &[Verdict]) -> Taken {
    let mut all = taken.clone();
    for verdict in verdicts {
        if let Decision::Admit(how) = &verdict.decision {
            for (party, demand) in &how.takes {
                let taken = all.entry(party.clone()).or_default();
                *taken = taken.plus(*demand);
            }
        }
    }
    all
}

/// Whether nobody has more taken from it than it has.
fn is_within(supply: &Supply, taken: &Taken) -> bool {
    let none = Demand::default();
    let mut sites: BTreeMap<&str, Demand> = BTreeMap::new();
    for (party, demand) in taken {
        let Some(place) = supply.parties.get(party) else {
            continue;
        };
        if place.capacity.shortage(&none, demand).is_some() {
            return false;
        }
        if let Some(site) = &place.site {
            let all = sites.entry(site).or_default();
            *all = all.plus(*demand);
        }
    }
    sites.iter().all(|(site, demand)| {
        let capacity = supply.sites.get(*site);
        capacity.is_none_or(|capacity| capacity.shortage(&none, demand).is_none())
    })
}

proptest! {
    /// Whatever waits: no place gives more than it has, and nobody takes less than it needs.
    #[test]
    fn capacity_is_never_exceeded(queue in any_queue(), supply in any_supply(), patience in 0u64..900) {
        let verdicts = schedule(&queue, &Taken::new(), &supply, now(), Span::secs(patience));
        prop_assert!(is_within(&supply, &taken_with(&Taken::new(), &verdicts)));
        for verdict in &verdicts {
            let Decision::Admit(how) = &verdict.decision else { continue };
            let demands = &how.takes;
            let waiting = queue.iter().find(|waiting| waiting.run == verdict.run).unwrap();
            let mut rest = demands.clone();
            for (party, demand) in &waiting.needs.fixed {
                let had = rest[party];
                let left = Demand {
                    runs: had.runs - demand.runs, cpu: had.cpu - demand.cpu, memory: had.memory - demand.memory, gpu: had.gpu - demand.gpu,
                };
                rest.insert(party.clone(), left);
            }
            let nobody = Choice { candidates: Candidates::Named(vec![]), at_least: 0, at_most: 0, each: Demand::SLOT };
            let choice = waiting.needs.choice.clone().unwrap_or(nobody);
            prop_assert!((choice.at_least..=choice.at_most).contains(&how.chosen.len()));
            for party in &how.chosen {
                prop_assert!(may_be_chosen(&choice.candidates, party, &supply), "{party}");
                let has_a_slot = waiting.needs.fixed.contains_key(party);
                let each = if has_a_slot { Demand { runs: 0, ..choice.each } } else { choice.each };
                prop_assert_eq!(rest.remove(party), Some(each), "once, and no more than it needs");
            }
            prop_assert!(rest.values().all(|left| *left == Demand::default()));
            prop_assert!(demands.keys().all(|party| supply.parties[party].presence.liveness == Liveness::Online));
        }
    }

    /// Each run gets one verdict, whatever the order it is handed over in.
    #[test]
    fn every_run_gets_one_verdict(queue in any_queue(), supply in any_supply(), patience in 0u64..900) {
        let decide = |queue: &[Waiting]| schedule(queue, &Taken::new(), &supply, now(), Span::secs(patience));
        let verdicts = decide(&queue);
        let runs: BTreeSet<RunId> = verdicts.iter().map(|verdict| verdict.run).collect();
        prop_assert_eq!(runs.len(), queue.len());
        prop_assert!(verdicts.iter().zip(1..).all(|(verdict, place)| verdict.place == place));
        let backwards: Vec<Waiting> = queue.iter().rev().cloned().collect();
        prop_assert_eq!(decide(&backwards), verdicts);
    }

    /// Who waits could not begin, unless room is kept for another: nothing lies idle.
    #[test]
    fn nothing_lies_idle(queue in any_queue(), supply in any_supply()) {
        let verdicts = schedule(&queue, &Taken::new(), &supply, now(), FOREVER);
        let taken = taken_with(&Taken::new(), &verdicts);
        let begun = admitted(&verdicts);
        let rest: Vec<Waiting> = queue.into_iter().filter(|waiting| !begun.contains(&waiting.run)).collect();
        prop_assert_eq!(admitted(&schedule(&rest, &taken, &supply, now(), FOREVER)), vec![]);
    }

    /// Of two that need the same, the later never goes first.
    #[test]
    fn nobody_overtakes_who_needs_the_same(queue in any_queue(), supply in any_supply(), patience in 0u64..900) {
        let verdicts = schedule(&queue, &Taken::new(), &supply, now(), Span::secs(patience));
        let needs = |run: RunId| &queue.iter().find(|waiting| waiting.run == run).unwrap().needs;
        for (index, later) in verdicts.iter().enumerate().filter(|(_, v)| matches!(v.decision, Decision::Admit(_))) {
            for earlier in &verdicts[..index] {
                let same = needs(earlier.run) == needs(later.run);
                prop_assert!(!same || matches!(earlier.decision, Decision::Admit(_)));
            }
        }
    }

    /// However many small runs come, one that needs everybody begins: after its patience, and the longest run that was under way.
    #[test]
    fn nobody_starves(arrivals in vec((any_party(), 1u64..60), 60..120), patience in 1u64..300) {
        const LONGEST: u64 = 60;
        let supply = mk_supply(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]);
        let big = Waiting { since: START, ..mk_waiting(0, &["a", "b", "c", "d", "e"]) };
        let mut queue = vec![big];
        let mut under_way: Vec<(u64, Taken)> = vec![([(mk_party("a"), Demand::SLOT)].into())].into_iter().map(|taken| (LONGEST, taken)).collect();
        let mut begun_at = None;
        // A small run comes every ten seconds; after the last of them they come again.
        for second in 0..patience + 2 * LONGEST {
            if second % 10 == 0 {
                let (party, _) = &arrivals[usize::try_from(second / 10).unwrap() % arrivals.len()];
                let number = u128::from(second) + 1;
                queue.push(Waiting { since: START.after(Span::secs(second)), ..mk_waiting(number, &[party.as_str()]) });
            }
            under_way.retain(|(until, _)| *until > second);
            let mut taken = Taken::new();
            for (party, demand) in under_way.iter().flat_map(|(_, taken)| taken) {
                let all = taken.entry(party.clone()).or_default();
                *all = all.plus(*demand);
            }
            for verdict in schedule(&queue, &taken, &supply, START.after(Span::secs(second)), Span::secs(patience)) {
                if let Decision::Admit(how) = verdict.decision {
                    queue.retain(|waiting| waiting.run != verdict.run);
                    if verdict.run == mk_run(0) {
                        begun_at.get_or_insert(second);
                    }
                    let (_, takes) = arrivals[usize::try_from(second).unwrap() % arrivals.len()];
                    under_way.push((second + takes, how.takes));
                }
            }
        }
        prop_assert!(begun_at.is_some_and(|second| second <= patience + LONGEST), "{begun_at:?}");
    }
}
