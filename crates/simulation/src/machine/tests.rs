//! Machines as an agent sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use flow_launcher::{Identity, Key, Launch, LogLimits, Observed, Prepare};

use super::{Ground, Temper};
use crate::{
    check::{Expectations, Judge},
    history::History,
    time::Moment,
};

fn ground() -> (Ground, Arc<Judge>) {
    let judge = Arc::new(Judge::new(Expectations::default(), History::default()));
    let good = BTreeMap::from([("task".to_owned(), Temper::Good)]);
    (Ground::new(7, good, judge.clone()), judge)
}

fn prepare(role: &str, ports: &[&str]) -> Prepare {
    Prepare {
        ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        identity: Identity {
            party: "a".to_owned(),
            aggregator: role == "server",
            role: role.to_owned(),
            run: "run".to_owned(),
            task: "task".to_owned(),
            attempt: 1,
            job_name: None,
        },
        image: None,
    }
}

fn launch() -> Launch {
    Launch {
        argv: vec!["train".to_owned()],
        env: BTreeMap::new(),
        workdir: None,
        grace: Duration::from_secs(1),
        log: LogLimits::default(),
        container: None,
    }
}

fn at(seconds: u64) -> Moment {
    Moment::default().plus(seconds * 1000)
}

#[test]
fn a_party_trains_with_its_server_and_stays_as_it_ended() {
    let (ground, judge) = ground();
    let (server, party) = (Key::new("server").unwrap(), Key::new("party").unwrap());
    let observe = |key: &Key, now| ground.observe("a", key, now, |at| at.0);
    ground
        .prepare("a", &server, &prepare("server", &["grpc", "http"]))
        .unwrap();
    ground.prepare("a", &party, &prepare("party", &["grpc"])).unwrap();
    for key in [&server, &party] {
        assert!(matches!(observe(key, at(0)), Observed::Prepared(_)));
        ground.start("a", key, &launch(), at(1)).unwrap();
        ground.start("a", key, &launch(), at(2)).unwrap();
    }
    assert_eq!(ground.live(at(2)).len(), 2);
    let Observed::Exited(exit) = observe(&party, at(60)) else {
        panic!("the party does not end")
    };
    assert!(exit.is_success(), "{exit:?}");
    let page: serde_json::Value = serde_json::from_slice(&ground.page("a", &server, at(60)).unwrap()).unwrap();
    assert_eq!(page["a"]["complete"], true);
    ground.stop("a", &server, Duration::from_secs(1), at(60));
    assert!(matches!(observe(&server, at(62)), Observed::Exited(exit) if exit.stopped));
    ground.release("a", &server, at(62)).unwrap();
    ground.purge("a", &server, at(62)).unwrap();
    assert_eq!(observe(&server, at(63)), Observed::Absent);
    assert_eq!(observe(&party, at(63)), Observed::Exited(exit));
    assert_eq!(judge.violations(), []);
}

#[test]
fn what_was_stopped_before_it_started_never_starts() {
    let (ground, _) = ground();
    let key = Key::new("party").unwrap();
    assert!(ground.start("a", &key, &launch(), at(0)).is_err());
    ground.prepare("a", &key, &prepare("party", &["grpc"])).unwrap();
    assert!(ground.prepare("a", &key, &prepare("party", &["http"])).is_err());
    ground.stop("a", &key, Duration::from_secs(1), at(1));
    assert!(ground.start("a", &key, &launch(), at(2)).is_err());
    assert_eq!(ground.live(at(2)), []);
}

#[test]
fn a_machine_that_goes_down_takes_its_jobs_with_it() {
    let (ground, _) = ground();
    let key = Key::new("server").unwrap();
    ground
        .prepare("a", &key, &prepare("server", &["grpc", "http"]))
        .unwrap();
    ground.start("a", &key, &launch(), at(1)).unwrap();
    assert!(ground.release("a", &key, at(5)).is_err());
    ground.reboot("a", at(6));
    assert!(matches!(
        ground.observe("a", &key, at(6), |at| at.0),
        Observed::Lost { .. }
    ));
}
