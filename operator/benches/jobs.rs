//! How fast jobs get their objects, against a bare client that makes the same objects at the same concurrency in the same run;
//! and the operator's memory then.
//!
//! `KUBECONFIG=… cargo bench -p flow-operator --bench jobs -- [--jobs N] [--concurrency C] [--standing M]`
//!
//! The cluster is one of `cargo xtask cluster up --level api`. Pods name a scheduler that does not exist, so that nobody writes
//! into them. `--standing` makes M jobs first, to see whether the rate depends on how many there are.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends there, and prints its figures"
)]

use std::{
    collections::HashSet,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use flow_operator_api::IflearnerJob;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    api::{
        core::v1::{Namespace, Pod, Service},
        networking::v1::Ingress,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
    core::{NamespaceResourceScope, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

struct Options {
    jobs: usize,
    concurrency: usize,
    standing: usize,
}

/// A namespace, and how many objects were seen in it.
struct Space {
    client: Client,
    name: String,
    seen: Arc<Mutex<HashSet<String>>>,
    watches: Vec<tokio::task::JoinHandle<()>>,
}

struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    flow_daemon::tls::install_crypto();
    let options = options();
    let client = Client::try_default().await.unwrap();
    define(&client).await;
    let suffix = std::process::id();

    let sample = Space::new(&client, &format!("bench-sample-{suffix}")).await;
    sample.submit(1, 1, "job").await;
    let operator = sample.operator(&options);
    sample.wait(3).await;
    drop(operator);
    let made = Sample::of(&sample).await;

    let bare = Space::new(&client, &format!("bench-bare-{suffix}")).await;
    let began = Instant::now();
    bare.make(&made, &options).await;
    bare.wait(3 * options.jobs).await;
    let bare_rate = rate(options.jobs, began.elapsed());
    println!("bare client: {bare_rate:.0} jobs/s");

    let space = Space::new(&client, &format!("bench-operator-{suffix}")).await;
    if options.standing > 0 {
        space.submit(options.standing, options.concurrency, "standing").await;
        let operator = space.operator(&options);
        space.wait(3 * options.standing).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!(
            "memory with {} jobs: {:.0} MB (peak {:.0} MB)",
            options.standing,
            operator.memory("VmRSS"),
            operator.memory("VmHWM")
        );
        drop(operator);
    }
    space.submit(options.jobs, options.concurrency, "job").await;
    let began = Instant::now();
    let operator = space.operator(&options);
    space.wait(3 * (options.standing + options.jobs)).await;
    let operator_rate = rate(options.jobs, began.elapsed());
    println!(
        "operator, from its start: {operator_rate:.0} jobs/s, {:.2} of the bare client's rate",
        operator_rate / bare_rate
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    let all = options.standing + options.jobs;
    println!(
        "memory with {all} jobs: {:.0} MB (peak {:.0} MB)",
        operator.memory("VmRSS"),
        operator.memory("VmHWM")
    );
    drop(operator);
    for space in [sample, bare, space] {
        space.end().await;
    }
}

fn options() -> Options {
    let mut options = Options {
        jobs: 1000,
        concurrency: 32,
        standing: 0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|number| number.parse().ok())
                .expect("a number follows")
        };
        match name.as_str() {
            "--jobs" => options.jobs = number(),
            "--concurrency" => options.concurrency = number(),
            "--standing" => options.standing = number(),
            // What cargo adds.
            _ => {}
        }
    }
    options
}

fn rate(jobs: usize, took: Duration) -> f64 {
    jobs as f64 / took.as_secs_f64()
}

/// The objects of one job, as the operator makes them.
struct Sample {
    pod: Pod,
    service: Service,
    ingress: Ingress,
}

impl Sample {
    async fn of(space: &Space) -> Self {
        let mut pod = space.api::<Pod>().get("job-0").await.unwrap();
        let mut service = space.api::<Service>().get("job-0").await.unwrap();
        let ingress = space.api::<Ingress>().get("job-0").await.unwrap();
        pod.status = None;
        let spec = service.spec.as_mut().unwrap();
        (spec.cluster_ip, spec.cluster_ips) = (None, None);
        service.status = None;
        Self { pod, service, ingress }
    }
}

/// The object under another name, without owners: they are in another namespace.
fn renamed<K: Resource + Clone>(object: &K, name: &str) -> K {
    let mut object = object.clone();
    let meta = object.meta_mut();
    *meta = ObjectMeta {
        name: Some(name.to_owned()),
        labels: meta.labels.clone(),
        annotations: meta.annotations.clone(),
        ..ObjectMeta::default()
    };
    object
}

impl Space {
    async fn new(client: &Client, name: &str) -> Self {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        let mut space = Self {
            client: client.clone(),
            name: name.to_owned(),
            seen: Arc::default(),
            watches: Vec::new(),
        };
        space.watch::<Pod>();
        space.watch::<Service>();
        space.watch::<Ingress>();
        // Pods cannot be made before it is there.
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = space.api();
        while accounts.get_opt("default").await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        space
    }

    fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    fn watch<K>(&mut self)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = Api::namespaced(self.client.clone(), &self.name);
        let seen = self.seen.clone();
        self.watches.push(tokio::spawn(async move {
            let mut objects = std::pin::pin!(watcher(api, watcher::Config::default()).applied_objects());
            while let Some(object) = objects.next().await {
                let object = object.unwrap();
                seen.lock()
                    .unwrap()
                    .insert(format!("{}/{}", K::kind(&()), object.name_any()));
            }
        }));
    }

    async fn wait(&self, objects: usize) {
        while self.seen.lock().unwrap().len() < objects {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn submit(&self, count: usize, concurrency: usize, prefix: &str) {
        let jobs: Api<IflearnerJob> = self.api();
        let submit = |number| {
            let jobs = jobs.clone();
            let job = json!({
                "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob",
                "metadata": { "name": format!("{prefix}-{number}") },
                "spec": {
                    "role": "client", "host": format!("{prefix}-{number}.party.example.com"), "schedulername": "nobody",
                    "template": { "spec": { "restartPolicy": "Never", "containers": [{
                        "name": "main", "image": "example.test/a:1", "args": ["python", "-u", "train.py", "--epochs=10"],
                    }] } },
                },
            });
            async move {
                jobs.create(&PostParams::default(), &serde_json::from_value(job).unwrap())
                    .await
                    .map(drop)
            }
        };
        stream::iter(0..count)
            .map(submit)
            .buffer_unordered(concurrency)
            .try_collect::<()>()
            .await
            .unwrap();
    }

    async fn make(&self, sample: &Sample, options: &Options) {
        let by = PostParams::default();
        let make = async |number: usize| {
            let name = format!("job-{number}");
            let (pods, services, ingresses) = (self.api(), self.api(), self.api());
            let (pod, service, ingress) = (
                renamed(&sample.pod, &name),
                renamed(&sample.service, &name),
                renamed(&sample.ingress, &name),
            );
            let made = tokio::try_join!(
                pods.create(&by, &pod),
                services.create(&by, &service),
                ingresses.create(&by, &ingress)
            );
            made.unwrap();
        };
        stream::iter(0..options.jobs)
            .for_each_concurrent(options.concurrency, make)
            .await;
    }

    fn operator(&self, options: &Options) -> Operator {
        let settings = [
            format!("namespaces={}", self.name),
            format!("leader.namespace={}", self.name),
            format!("concurrency={}", options.concurrency),
            "health.enabled=false".to_owned(),
        ];
        let arguments = settings.iter().flat_map(|setting| ["--set", setting]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_flow-operator"));
        command
            .arg("serve")
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null());
        Operator(command.spawn().unwrap())
    }

    async fn end(self) {
        self.watches.iter().for_each(tokio::task::JoinHandle::abort);
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }
}

impl Operator {
    /// In megabytes.
    fn memory(&self, field: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

async fn define(client: &Client) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/crd/iflearnerjobs.yaml");
    let definition: CustomResourceDefinition = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let parameters = PatchParams::apply("flow-operator-bench").force();
    definitions
        .patch(&definition.name_any(), &parameters, &Patch::Apply(&definition))
        .await
        .unwrap();
    let established = kube::runtime::conditions::is_crd_established();
    kube::runtime::wait::await_condition(definitions, &definition.name_any(), established)
        .await
        .unwrap();
}
