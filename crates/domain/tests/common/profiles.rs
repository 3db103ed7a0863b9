//! Random frameworks, policies and gangs: every shape that a profile can have as far as the planner can tell.

use flow_domain::{
    Deadlines, PartyId, Policies, Profile, RunSpec, Span,
    policy::OnOffline,
    profile::{Arg, Completion, DoneBy, Placement, ProgressSource, Readiness, Restart, Role, builtin},
};
use proptest::{
    prelude::*,
    sample::{Index, subsequence},
};

use super::mk_spec;

pub fn any_spec() -> impl Strategy<Value = RunSpec> {
    let profile = prop_oneof![
        1 => Just(builtin("iflearner").unwrap().clone()),
        1 => Just(builtin("flower").unwrap().clone()),
        3 => any_profile(),
    ];
    (profile, 1..=5usize, any::<bool>(), any_policies()).prop_map(|(profile, parties, at_a_party, policies)| {
        let mut spec = mk_spec(&profile, parties);
        if at_a_party {
            spec.aggregator = spec.participants[0].party.clone();
        }
        let deadlines = policies.deadlines.or(&spec.policies.deadlines);
        spec.policies = Policies { deadlines, ..policies };
        spec
    })
}

/// The same runs with all the time that they need, and nobody to approve them.
pub fn any_patient_spec() -> impl Strategy<Value = RunSpec> {
    any_spec().prop_map(|mut spec| {
        spec.policies.deadlines = Deadlines::default();
        spec.policies.approval = false;
        spec
    })
}

fn any_policies() -> impl Strategy<Value = Policies> {
    let span = || {
        prop_oneof![
            12 => Just(None),
            1 => Just(Some(Span(0))),
            3 => (1..5_000u64).prop_map(|ms| Some(Span(ms))),
            8 => (1..3_600u64).prop_map(|s| Some(Span::secs(s))),
        ]
    };
    let starting = (span(), span(), span());
    let waiting = (span(), span());
    let deadlines = (waiting, span(), starting, span(), span(), span(), span());
    let on_offline = prop_oneof![3 => Just(OnOffline::Restart), 1 => Just(OnOffline::Fail)];
    (0..=3u32, deadlines, on_offline, prop::bool::weighted(0.1)).prop_map(
        |(
            max_retries,
            ((approve, queue), prepare, (pull, start, register), run, stall, stop, offline),
            on_offline,
            approval,
        )| Policies {
            max_retries,
            on_offline,
            priority: 0,
            approval,
            deadlines: Deadlines {
                approve,
                queue,
                prepare,
                pull,
                start,
                register,
                run,
                stall,
                stop,
                offline,
            },
        },
    )
}

/// One to three roles in any order, the one beside the data before or after the others by name.
fn any_profile() -> impl Strategy<Value = Profile> {
    let names = prop_oneof![
        Just(vec!["data"]),
        Just(vec!["data", "aggregate"]),
        Just(vec!["data", "server"]),
        Just(vec!["data", "server", "aggregate"]),
        Just(vec!["data", "server", "watcher"]),
    ];
    names.prop_flat_map(|names| {
        let completion = subsequence(names.clone(), 1..=names.len());
        let order = Just(names).prop_shuffle();
        let edges = prop::collection::vec(any::<bool>(), 3);
        let (restart, by) = (any::<bool>(), any::<bool>());
        let (registers, speaker) = (any::<bool>(), any::<Option<Index>>());
        let grace = prop_oneof![Just(Span(0)), Just(Span::secs(5))];
        (order, completion, edges, restart, by, registers, speaker, grace).prop_map(
            |(order, completion, edges, restart, by, registers, speaker, grace)| {
                let mut profile = mk_profile(&order, &completion);
                profile.restart = if restart { Restart::Member } else { Restart::Gang };
                profile.completion.by = if by { DoneBy::Status } else { DoneBy::Exit };
                profile.grace = grace;
                for (edge, (from, to)) in edges.into_iter().zip([(0, 1), (1, 2), (0, 2)]) {
                    if let (true, Some(to)) = (edge, order.get(to)) {
                        role(&mut profile, to).start_after.push(order[from].to_owned());
                    }
                }
                role(&mut profile, "data").registers = registers;
                if let Some(speaker) = speaker {
                    let pattern = "round (?P<round>[0-9]+)".to_owned();
                    let name = speaker.get(&order[..]);
                    role(&mut profile, name).progress = Some(ProgressSource::Log { pattern });
                }
                profile.check().expect("a profile that would be accepted");
                profile
            },
        )
    })
}

fn role<'a>(profile: &'a mut Profile, name: &str) -> &'a mut Role {
    profile.roles.get_mut(name).expect("a role of this profile")
}

/// A plain profile: `data` runs at each party, all others with the aggregation.
pub fn mk_profile(roles: &[&str], completion: &[&str]) -> Profile {
    let mk_role = |name: &&str| Role {
        placement: if *name == "data" {
            Placement::EachParty
        } else {
            Placement::Aggregator
        },
        argv: vec![Arg::Plain("program".to_owned())],
        env: [].into(),
        ports: Vec::new(),
        writable: Vec::new(),
        start_after: Vec::new(),
        ready: Readiness::Started,
        registers: false,
        progress: None,
        metrics: Vec::new(),
    };
    Profile {
        name: "custom".to_owned(),
        summary: String::new(),
        restart: Restart::Gang,
        fewer: false,
        launcher: None,
        switches: Vec::new(),
        hyperparameters: [].into(),
        deadlines: Deadlines::default(),
        grace: Span::secs(5),
        success_codes: vec![0],
        exit_codes: [].into(),
        roles: roles.iter().map(|name| ((*name).to_owned(), mk_role(name))).collect(),
        completion: Completion {
            roles: completion.iter().map(|name| (*name).to_owned()).collect(),
            by: DoneBy::Exit,
        },
    }
}

/// Everyone who takes part, in a stable order.
pub fn parties_of(spec: &RunSpec) -> Vec<PartyId> {
    spec.parties().into_iter().cloned().collect()
}
