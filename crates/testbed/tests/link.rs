//! The link against agents that do not behave, with real certificates.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

use std::{path::Path, sync::Arc, time::Duration};

use flow_daemon::{
    connect::TlsConnector,
    tls::{ReloadingTls, TlsFiles, install_crypto},
};
use flow_domain::{AssignmentState, RunState, party::Liveness};
use flow_pki::{Ca, Request, Role};
use flow_proto::v1::{
    self, agent_link_client::AgentLinkClient, from_agent::Message as FromAgent, from_server::Message as FromServer,
};
use flow_testbed::{System, eventually, faulty, within};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Endpoint};

const LIMIT: Duration = Duration::from_secs(30);

/// The raw end of a link, whose owner says whatever it likes.
struct Raw {
    say: mpsc::Sender<v1::FromAgent>,
    hear: Streaming<v1::FromServer>,
}

fn certificate(system: &System, ca: &Ca, party: &str) -> Arc<ReloadingTls> {
    let dir = system.dir().join(format!("raw-{party}-{}", std::process::id()));
    let role = Role::Party {
        name: party.parse().unwrap(),
    };
    let issued = ca
        .issue(&Request {
            role,
            validity: Duration::from_secs(3600),
        })
        .unwrap();
    issued.save(&dir, "own", true).unwrap();
    // Whoever signed its own certificate: the server is verified against the right authority.
    let server_ca = system.dir().join("server-tls/ca.crt");
    install_crypto();
    ReloadingTls::load(TlsFiles {
        cert: dir.join("own.crt"),
        key: dir.join("own.key"),
        ca: server_ca,
    })
    .unwrap()
}

async fn attach(system: &System, tls: Arc<ReloadingTls>, hello: v1::Hello) -> Result<Raw, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{}", system.link)).unwrap();
    let connector = TlsConnector::new(tls, flow_pki::TrustDomain::default());
    let channel = endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let (say, said) = mpsc::channel(16);
    say.send(v1::FromAgent {
        message: Some(FromAgent::Hello(hello)),
    })
    .await
    .unwrap();
    let hear = AgentLinkClient::new(channel)
        .attach(ReceiverStream::new(said))
        .await?
        .into_inner();
    Ok(Raw { say, hear })
}

fn hello(party: &str) -> v1::Hello {
    v1::Hello {
        protocol_min: 1,
        protocol_max: 1,
        party: party.to_owned(),
        ..v1::Hello::default()
    }
}

async fn system() -> System {
    System::with(Path::new("/bin/true")).parties(1).start().await
}

async fn liveness(system: &System, party: &str) -> Option<Liveness> {
    let parties = system.api.parties().await;
    parties
        .iter()
        .find(|known| known.id.as_str() == party)
        .map(|known| known.liveness)
}

#[tokio::test]
async fn a_name_that_the_certificate_does_not_have_is_refused() {
    let system = system().await;
    let tls = certificate(&system, &system.ca, "party-x");
    let refused = attach(&system, tls, hello("party-a")).await.err().unwrap();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(
        refused.message().contains("'party-a'") && refused.message().contains("'party-x'"),
        "{}",
        refused.message()
    );
    assert_eq!(
        liveness(&system, "party-a").await,
        Some(Liveness::Online),
        "the real one is not touched"
    );
    assert_eq!(liveness(&system, "party-x").await, None, "and nobody new is registered");
    assert!(
        system
            .server
            .log()
            .contains("claims a name that its certificate does not have")
    );
}

#[tokio::test]
async fn another_authority_and_the_name_of_the_center_are_refused() {
    let system = system().await;
    let foreign = Ca::create("foreign", Duration::from_secs(3600)).unwrap();
    let tls = certificate(&system, &foreign, "party-a");
    assert!(attach(&system, tls, hello("party-a")).await.is_err());
    let tls = certificate(&system, &system.ca, "center");
    let refused = attach(&system, tls, hello("center")).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn without_a_common_version_it_is_said_which_there_are() {
    let system = system().await;
    let tls = certificate(&system, &system.ca, "party-x");
    let newer = v1::Hello {
        protocol_min: 7,
        protocol_max: 9,
        ..hello("party-x")
    };
    let refused = attach(&system, tls, newer).await.err().unwrap();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("7 to 9"), "{}", refused.message());
}

#[tokio::test]
async fn a_silent_agent_is_away_after_three_heartbeats() {
    let system = system().await;
    let tls = certificate(&system, &system.ca, "party-x");
    let mut raw = attach(&system, tls, hello("party-x")).await.unwrap();
    let first = raw.hear.message().await.unwrap().unwrap();
    assert!(
        matches!(first.message, Some(FromServer::Welcome(welcome)) if welcome.protocol == 1 && welcome.heartbeat_ms == 1000)
    );
    assert_eq!(liveness(&system, "party-x").await, Some(Liveness::Online));
    // For two heartbeats of a second each it says nothing, though its connection is well.
    eventually(Some(Liveness::Suspect), "its liveness", async || {
        liveness(&system, "party-x").await
    })
    .await;
    let heartbeat = v1::FromAgent {
        message: Some(FromAgent::Heartbeat(v1::Heartbeat {})),
    };
    raw.say.send(heartbeat).await.unwrap();
    eventually(Some(Liveness::Online), "its liveness", async || {
        liveness(&system, "party-x").await
    })
    .await;
    // And now for three.
    eventually(Some(Liveness::Offline), "its liveness", async || {
        liveness(&system, "party-x").await
    })
    .await;
    assert!(system.server.log().contains("said nothing for three heartbeats"));
    drop(raw);
}

#[tokio::test]
async fn an_agent_can_say_nothing_about_assignments_of_others() {
    let system = system().await;
    let tls = certificate(&system, &system.ca, "party-x");
    let mut raw = attach(&system, tls, hello("party-x")).await.unwrap();
    let template = system.api.template(&faulty("theirs", 2, &[])).await;
    let participants = json!([{"party": "party-a", "dataset": "numbers"}, {"party": "party-x"}]);
    let task = system
        .api
        .task(&json!({"name": "theirs", "template": template.id, "participants": participants}))
        .await;
    let run = system.api.start(&task.id.to_string()).await.id;
    // Its own share reaches it, and nobody else's.
    let own = within(LIMIT, "its assignment", async || {
        match raw.hear.message().await.unwrap().unwrap().message {
            Some(FromServer::DesiredChange(change)) if !change.assignments.is_empty() => Some(change.assignments),
            _ => None,
        }
    })
    .await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].spec.as_ref().unwrap().party, "party-x");
    let others = system
        .api
        .assignments(run)
        .await
        .into_iter()
        .find(|a| a.party.as_str() == "party-a")
        .unwrap();
    let lie = |assignment: String, sequence| v1::Report {
        assignment,
        sequence,
        state: "Failed".to_owned(),
        reason: "ProcessFailed".to_owned(),
        message: "so it is said".to_owned(),
        ..v1::Report::default()
    };
    let reports = vec![lie(others.id.to_string(), 1), lie(own[0].id.clone(), 2)];
    raw.say
        .send(v1::FromAgent {
            message: Some(FromAgent::Reports(v1::Reports { reports })),
        })
        .await
        .unwrap();
    // Its own failure counts and ends the run; what it says of the other is ignored.
    let run = system.api.finished(run, LIMIT).await;
    assert_eq!(run.state, RunState::Failed);
    let assignments = system.api.assignments(run.id).await;
    let of = |party: &str| assignments.iter().find(|a| a.party.as_str() == party).unwrap();
    assert_eq!(of("party-x").state, AssignmentState::Failed);
    assert_ne!(of("party-a").message, "so it is said");
}
