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

mod idle;
mod operator;
mod sample;
mod space;

use std::{path::PathBuf, time::Duration};

use futures::future;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};

use crate::{
    idle::Counted,
    operator::{Operator, settle},
    sample::Sample,
    space::Space,
};

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
    let operator = Operator::start(&options, None);
    sample.wait(3).await;
    drop(operator);
    let made = Sample::of(&sample).await;
    sample.end().await;

    let (with_none, bare_none) = round(&client, "none", &made, &options).await;
    let standing = standing(&client, &options).await;
    let counted = Counted::new(&client).await;
    let operator = Operator::start(&options, Some(&counted));
    settle(&operator).await;
    println!(
        "memory with {} live jobs: {:.0} MB (peak {:.0} MB; limit with 5000: 150 MB)",
        options.standing,
        operator.memory("VmRSS"),
        operator.memory("VmHWM")
    );
    counted.show().await;
    drop(operator);

    let (with_many, bare_many) = round(&client, "many", &made, &options).await;
    println!(
        "with {} jobs there against none: {:.2} of the rate (the bare client: {:.2}; limit: 1, within the noise)",
        options.standing,
        with_many / with_none,
        bare_many / bare_none
    );
    future::join_all(standing.into_iter().map(Space::end)).await;
}

/// The rates of an operator for the whole cluster and of a bare client, each in a namespace of its own.
async fn round(client: &Client, name: &str, made: &Sample, options: &Options) -> (f64, f64) {
    let suffix = std::process::id();
    let bare = Space::new(client, &format!("bench-bare-{name}-{suffix}")).await;
    let by_bare = bare.make(made, options).await;
    bare.end().await;
    let space = Space::new(client, &format!("bench-{name}-{suffix}")).await;
    let operator = Operator::start(options, None);
    space.warm_up().await;
    settle(&operator).await;
    let by_operator = space.serve(&operator, options.jobs, options, "job").await;
    drop(operator);
    space.end().await;
    println!(
        "{name} there: operator {by_operator:.0} jobs/s, bare client {by_bare:.0}: {:.2} of it (limit: 0.60)",
        by_operator / by_bare
    );
    (by_operator, by_bare)
}

/// Makes the jobs that are there already, with their objects, in many namespaces: the cluster's own controllers take time for each new
/// Service and pod that grows with those of its namespace, and it is not they who are measured.
async fn standing(client: &Client, options: &Options) -> Vec<Space> {
    let mut spaces = Vec::new();
    for number in 0..options.standing.div_ceil(JOBS_OF_A_NAMESPACE) {
        spaces.push(Space::new(client, &format!("bench-standing-{number}-{}", std::process::id())).await);
    }
    let operator = Operator::start(options, None);
    let mut left = options.standing;
    for space in &spaces {
        let jobs = left.min(JOBS_OF_A_NAMESPACE);
        space.submit(jobs, options.concurrency, "standing").await;
        space.wait(3 * jobs).await;
        left -= jobs;
    }
    settle(&operator).await;
    drop(operator);
    spaces
}

/// How many of the jobs that are there already are in one namespace.
const JOBS_OF_A_NAMESPACE: usize = 250;

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
