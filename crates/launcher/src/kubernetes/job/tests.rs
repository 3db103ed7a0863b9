//! The whole of what is written, as people see it.

use std::time::Duration;

use super::*;
use crate::{Files, LogLimits, Mount, Resources, Volume};

fn identity(aggregator: bool) -> Identity {
    Identity {
        party: if aggregator { "center" } else { "hospital-a" }.to_owned(),
        aggregator,
        role: if aggregator { "server" } else { "party" }.to_owned(),
        run: "0198b5a1-0000-7000-8000-000000000001".to_owned(),
        task: "Ziffern 1".to_owned(),
        attempt: 2,
        job_name: None,
    }
}

fn written(ports: &[&str], aggregator: bool, launch: &Launch, config: &KubernetesConfig) -> IflearnerJob {
    let key = Key::new("0123456789abcdef0123456789abcdef").unwrap();
    let prepare = Prepare {
        ports: ports.iter().map(|name| (*name).to_owned()).collect(),
        identity: identity(aggregator),
        image: Some("training:1".to_owned()),
    };
    let mut job = prepared(&key, &prepare, config);
    let labels = job.metadata.labels.clone().unwrap();
    let ports = job.spec.ports();
    job.spec.template = template(
        &key,
        launch,
        launch.container.as_ref().unwrap(),
        &labels,
        &ports,
        config,
    );
    job
}

fn launch() -> Launch {
    Launch {
        argv: ["python", "main.py", "--note=$(HOME) costs $5"]
            .map(str::to_owned)
            .to_vec(),
        env: BTreeMap::from([("PYTHONUNBUFFERED".to_owned(), "1".to_owned())]),
        workdir: None,
        grace: Duration::from_secs(5),
        log: LogLimits::default(),
        container: Some(Container {
            image: "training:1".to_owned(),
            ..Container::default()
        }),
    }
}

#[test]
fn an_aggregation_server_with_nothing_but_defaults() {
    let config = KubernetesConfig::default();
    insta::assert_yaml_snapshot!(written(&["grpc", "http"], true, &launch(), &config));
}

#[test]
fn a_party_with_everything_set() {
    let config = KubernetesConfig {
        domain: "fl.example".to_owned(),
        ingress_class: "contour".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        image_pull_secrets: vec!["registry".to_owned()],
        service_account: "training".to_owned(),
        scheduler: "volcano".to_owned(),
        priority_class: "batch".to_owned(),
        node_selector: BTreeMap::from([("pool".to_owned(), "fl".to_owned())]),
        ..KubernetesConfig::default()
    };
    let mut launch = launch();
    launch.workdir = Some("/app".into());
    let mount = |volume, path: &str| Mount {
        volume,
        path: path.to_owned(),
        read_only: true,
    };
    launch.container = Some(Container {
        image: "training:1".to_owned(),
        resources: Resources {
            cpu_millis: Some(1500),
            memory_bytes: Some(1 << 30),
            gpu: Some(1),
        },
        mounts: vec![
            mount(Volume::HostPath("/data/digits".into()), "/data"),
            mount(
                Volume::Claim {
                    name: "claim".to_owned(),
                    sub_path: "2026".to_owned(),
                },
                "/claim",
            ),
            mount(
                Volume::Nfs {
                    server: "nfs.example".to_owned(),
                    path: "/export".to_owned(),
                },
                "/nfs",
            ),
        ],
        writable: vec!["log".to_owned(), "metric".to_owned(), "log".to_owned()],
        files: Some(Files {
            folder: "/flow/launcher".to_owned(),
            texts: BTreeMap::from([
                ("launch.py".to_owned(), "print()\n".to_owned()),
                ("standins/a/__init__.py".to_owned(), String::new()),
            ]),
        }),
    });
    insta::assert_yaml_snapshot!(written(&["grpc"], false, &launch, &config));
}

#[test]
fn the_longest_names_are_ones_that_kubernetes_takes() {
    let key = Key::new("f".repeat(32)).unwrap();
    let config = KubernetesConfig {
        domain: ["d".repeat(63), "e".repeat(63)].join("."),
        ..KubernetesConfig::default()
    };
    config.validate().unwrap();
    for (party, job_name) in [(63, None), (63, Some(36)), (10, Some(32))] {
        for aggregator in [false, true] {
            let identity = Identity {
                party: "p".repeat(party),
                job_name: job_name.map(|length| "a".repeat(length)),
                ..identity(aggregator)
            };
            assert!(names::job(&key, &identity, &config).len() <= 63, "{identity:?}");
            assert!(names::host(&key, &identity, &config).len() <= 253, "{identity:?}");
        }
    }
}
