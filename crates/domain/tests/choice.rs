//! Runs that take part with some of several parties: fewer than named, or chosen by what they offer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, sync::Arc};

use common::{START, mk_iflearner, mk_parties, mk_party, mk_spec, world::World};
use flow_domain::{
    PartyId, Reason, RunSpec, RunState, Span,
    party::{Liveness, Presence},
    profile::builtin,
    queue::{Capacity, Decision, Demand, Offer, Place, Supply, Taken, Verdict, Waiting, schedule},
    task::Select,
};
use uuid::Uuid;

fn offer(labels: &[(&str, &str)], datasets: &[&str]) -> Arc<Offer> {
    let label = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Arc::new(Offer {
        labels: labels.iter().map(label).collect(),
        datasets: datasets.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// The center, and parties that are there with one slot each.
fn mk_supply(parties: &[(&str, Arc<Offer>)]) -> Supply {
    let place = |offer: &Arc<Offer>, runs| Place {
        presence: Presence {
            liveness: Liveness::Online,
            since: START,
        },
        capacity: Capacity {
            runs,
            ..Capacity::default()
        },
        site: None,
        offer: offer.clone(),
    };
    let center = (PartyId::center(), place(&offer(&[], &[]), None));
    let parties = parties
        .iter()
        .map(|(name, offer)| (mk_party(name), place(offer, Some(1))));
    Supply {
        parties: parties.chain([center]).collect(),
        sites: BTreeMap::new(),
    }
}

fn selecting(min: u32, max: Option<u32>) -> RunSpec {
    let mut spec = mk_spec(builtin("iflearner").unwrap(), 0);
    spec.select = Some(Select {
        labels: [("region".to_owned(), "eu".to_owned())].into(),
        dataset: Some("digits".to_owned()),
        min,
        max,
    });
    spec
}

fn decide(spec: &RunSpec, taken: &[&str], supply: &Supply) -> Decision {
    let waiting = Waiting {
        run: flow_domain::RunId(Uuid::from_u128(1)),
        priority: 0,
        since: START,
        needs: spec.needs(),
    };
    let taken: Taken = taken.iter().map(|party| (mk_party(party), Demand::SLOT)).collect();
    let verdicts = schedule(&[waiting], &taken, supply, START, Span::hours(1));
    let [Verdict { decision, .. }] = verdicts.try_into().unwrap();
    decision
}

fn chosen(decision: &Decision) -> Vec<&str> {
    match decision {
        Decision::Admit(how) => how.chosen.iter().map(PartyId::as_str).collect(),
        Decision::Wait { message, .. } => panic!("it waits: {message}"),
    }
}

fn waits(decision: Decision) -> (Reason, String) {
    match decision {
        Decision::Wait { reason, message } => (reason, message),
        Decision::Admit(how) => panic!("it begins with {:?}", how.chosen),
    }
}

fn europe() -> Supply {
    let eu = offer(&[("region", "eu")], &["digits"]);
    mk_supply(&[
        ("a", eu.clone()),
        ("b", offer(&[("region", "us")], &["digits"])),
        ("c", offer(&[("region", "eu")], &["letters"])),
        ("d", eu.clone()),
        ("e", offer(&[], &["digits"])),
        ("f", eu),
    ])
}

#[test]
fn parties_are_chosen_by_their_labels_and_data_set() {
    let supply = europe();
    assert_eq!(chosen(&decide(&selecting(1, None), &[], &supply)), ["a", "d", "f"]);
    assert_eq!(chosen(&decide(&selecting(1, Some(2)), &[], &supply)), ["a", "d"]);
    assert_eq!(chosen(&decide(&selecting(1, None), &["d"], &supply)), ["a", "f"]);
}

#[test]
fn those_with_the_fewest_runs_come_first() {
    let mut supply = europe();
    for place in supply.parties.values_mut() {
        place.capacity.runs = Some(5);
    }
    assert_eq!(chosen(&decide(&selecting(1, Some(2)), &["a"], &supply)), ["d", "f"]);
}

#[test]
fn who_waits_is_told_who_lacks_what() {
    let supply = europe();
    let (reason, message) = waits(decide(&selecting(3, None), &["d"], &supply));
    assert_eq!(reason, Reason::WaitingForCapacity);
    let lacking = [
        "b has label region=us, not region=eu",
        "c has no data set 'digits'",
        "center has no label region=eu",
        "e has no label region=eu",
    ];
    assert_eq!(
        message,
        format!(
            "2 of at least 3 parties have room; d: 0 of 1 slots free; {}",
            lacking.join("; ")
        )
    );
    let (reason, message) = waits(decide(&selecting(4, None), &[], &supply));
    assert_eq!(reason, Reason::WaitingForParty);
    let told = format!(
        "3 of at least 4 parties to choose from are there; {}",
        lacking.join("; ")
    );
    assert_eq!(message, told);
}

#[test]
fn named_parties_take_part_and_are_not_chosen_again() {
    let mut spec = selecting(1, None);
    spec.participants = mk_iflearner(0).participants;
    let decision = decide(&spec, &[], &europe());
    assert_eq!(chosen(&decision), ["d", "f"]);
    let Decision::Admit(how) = decision else { unreachable!() };
    assert!(spec.settle(&how.chosen));
    let parties: Vec<&str> = spec.participants.iter().map(|p| p.party.as_str()).collect();
    assert_eq!(parties, ["a", "b", "d", "f"]);
    assert_eq!(spec.participants[2].dataset.as_deref(), Some("digits"));
    assert_eq!((how.takes, spec.needs().choice), (spec.demands(), None));
}

#[test]
fn a_party_that_hosts_the_aggregation_gives_one_slot() {
    let mut spec = selecting(3, None);
    spec.aggregator = mk_party("d");
    let Decision::Admit(how) = decide(&spec, &[], &europe()) else {
        panic!("d has room for one part of one run");
    };
    assert!(spec.settle(&how.chosen));
    assert_eq!(how.takes, spec.demands());
}

#[test]
fn a_run_may_begin_with_fewer_parties_and_the_others_are_left_out() {
    let mut spec = mk_spec(builtin("iflearner").unwrap(), 4);
    spec.min_parties = Some(2);
    let mut parties = mk_parties(&spec, Liveness::Online);
    parties.0.get_mut(&mk_party("b")).unwrap().liveness = Liveness::Offline;
    parties.0.remove(&mk_party("d"));
    let mut world = World::with(spec, parties);
    assert_eq!(world.state(), RunState::Preparing);
    let told = world
        .events
        .iter()
        .find(|event| event.reason == Reason::PartiesChosen)
        .unwrap();
    assert_eq!(told.message, "chosen: a, c");
    let member = world.member("party@c");
    assert_eq!((member.index, world.gang.spec_of(member).parties), (1, 2));
    world.arrive(&mk_party("b"));
    world.until(RunState::Succeeded);
    assert_eq!(world.gang.assignments.len(), 3, "who was left out stays so");
}

#[test]
fn too_few_of_the_named_parties_wait() {
    let mut spec = mk_spec(builtin("iflearner").unwrap(), 3);
    spec.min_parties = Some(2);
    let mut parties = mk_parties(&spec, Liveness::Offline);
    for there in ["a", "center"] {
        parties.0.get_mut(&there.parse().unwrap()).unwrap().liveness = Liveness::Online;
    }
    let mut world = World::with(spec, parties);
    let run = &world.gang.run;
    assert_eq!((run.state, run.reason), (RunState::Queued, Reason::WaitingForParty));
    let few =
        format!("1 of at least 2 parties to choose from are there; b: offline since {START}; c: offline since {START}");
    assert_eq!(run.message, few);
    assert!(run.spec.is_open());
    world.arrive(&mk_party("c"));
    assert_eq!(world.state(), RunState::Preparing);
}

#[test]
fn the_choice_holds_for_all_attempts() {
    let mut spec = selecting(2, Some(2));
    spec.policies.max_retries = 1;
    let mut parties = mk_parties(&spec, Liveness::Online);
    for name in ["a", "b", "c"] {
        parties.0.insert(mk_party(name), parties.0[&PartyId::center()]);
    }
    let mut world = World::with(spec, parties);
    assert_eq!(world.state(), RunState::Queued, "nobody offers anything");
    world.offer = offer(&[("region", "eu")], &["digits"]);
    world.plan();
    world.until(RunState::Running);
    world.fails("party@a", Reason::TrainingError);
    world.until(RunState::Queued);
    world.offer = Arc::default();
    world.until(RunState::Succeeded);
    let parties: Vec<&str> = world
        .gang
        .run
        .spec
        .participants
        .iter()
        .map(|p| p.party.as_str())
        .collect();
    assert_eq!((parties, world.gang.run.attempt()), (vec!["a", "b"], 2));
}

/// Enough of those who may be chosen are there, and one is away: it has to get its room.
#[test]
fn room_is_kept_though_one_of_many_is_away() {
    let mut supply = europe();
    supply.parties.get_mut(&mk_party("f")).unwrap().presence.liveness = Liveness::Offline;
    let first = Waiting {
        run: flow_domain::RunId(Uuid::from_u128(1)),
        priority: 0,
        since: START,
        needs: selecting(2, Some(2)).needs(),
    };
    let mut small = mk_spec(builtin("iflearner").unwrap(), 0);
    small.participants = mk_iflearner(0).participants;
    small.participants.retain(|p| p.party.as_str() == "a");
    let second = Waiting {
        run: flow_domain::RunId(Uuid::from_u128(2)),
        since: START.after(Span::secs(1)),
        needs: small.needs(),
        ..first.clone()
    };
    let taken: Taken = [(mk_party("d"), Demand::SLOT)].into();
    let now = START.after(Span::hours(1));
    let decisions = |patience| {
        let verdicts = schedule(&[first.clone(), second.clone()], &taken, &supply, now, patience);
        verdicts.into_iter().map(|verdict| verdict.decision).collect::<Vec<_>>()
    };
    assert!(matches!(decisions(Span::hours(2))[1], Decision::Admit(_)));
    let [first, second] = <[Decision; 2]>::try_from(decisions(Span::mins(10))).unwrap();
    assert_eq!(waits(first).0, Reason::WaitingForCapacity);
    assert_eq!(waits(second).0, Reason::WaitingForOthers);
}
