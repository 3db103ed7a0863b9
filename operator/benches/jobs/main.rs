//! How fast jobs get their objects, against a bare client that makes the same objects at the same concurrency in the same run, with
//! and without many jobs there already; the operator's memory then; and what it asks while nothing happens.
//!
//! `cargo xtask bench operator` brings up an API server for it. By hand: `KUBECONFIG=… cargo bench -p flow-operator --bench jobs --
//! [--jobs N] [--concurrency C] [--standing M]`.
//!
//! Pods name a scheduler that does not exist, so that nobody writes into them. While the jobs themselves are made, the operator is
//! stopped by a signal, so that what is measured is its own work.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends there, and prints its figures"
)]

mod operator;
mod sample;
mod space;

use std::{path::PathBuf, time::Duration, time::Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};

use crate::{operator::settle, sample::Sample, space::Space};

struct Options {
    jobs: usize,
    concurrency: usize,
    standing: usize,
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
    let operator = sample.operator(&options, false);
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
    let operator = space.operator(&options, false);
    space.warm_up().await;
    let few = space.serve(&operator, options.jobs, &options, "job").await;
    println!(
        "operator: {few:.0} jobs/s, {:.2} of the bare client's rate (limit: 0.60)",
        few / bare_rate
    );

    space.serve(&operator, options.standing, &options, "standing").await;
    let many = space.serve(&operator, options.jobs, &options, "late").await;
    let there = options.jobs + options.standing;
    println!(
        "operator with {there} jobs there: {many:.0} jobs/s, {:.2} of its rate before (limit: 1, within the noise)",
        many / few
    );
    drop(operator);

    let operator = space.operator(&options, true);
    settle(&operator).await;
    let all = there + options.jobs;
    println!(
        "memory with {all} live jobs: {:.0} MB (peak {:.0} MB; limit with 5000: 150 MB)",
        operator.memory("VmRSS"),
        operator.memory("VmHWM")
    );
    let before = requests(&client).await;
    tokio::time::sleep(IDLE).await;
    let asked = requests(&client).await - before;
    println!(
        "idle for {} s: {asked} requests other than watches and leases (limit: 0)",
        IDLE.as_secs()
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
        standing: 5000,
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

/// For how long an operator that has nothing to do is watched.
const IDLE: Duration = Duration::from_secs(30);

/// How many requests for what an operator deals with the API server has had, watches left out.
async fn requests(client: &Client) -> u64 {
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    let metrics = client.request_text(request).await.unwrap();
    let kinds = ["iflearnerjobs", "pods", "services", "ingresses", "grpcroutes", "events"];
    let counts = metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"));
    let counts = counts.filter(|line| kinds.iter().any(|kind| line.contains(&format!("resource=\"{kind}\""))));
    let counts = counts.filter(|line| !line.contains("verb=\"WATCH\""));
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

fn rate(jobs: usize, took: Duration) -> f64 {
    jobs as f64 / took.as_secs_f64()
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
