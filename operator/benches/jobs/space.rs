//! A namespace of the cluster, in which jobs are made by an operator or their objects by a bare client.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use flow_operator_api::IflearnerJob;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    core::v1::{Namespace, Pod, Service},
    networking::v1::Ingress,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, PostParams},
    core::{NamespaceResourceScope, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::{
    Options,
    operator::{Operator, settle},
    rate,
    sample::{Sample, renamed},
};

/// A namespace, and how many objects were seen in it.
pub(crate) struct Space {
    client: Client,
    name: String,
    seen: Arc<Mutex<HashSet<String>>>,
    watches: Vec<tokio::task::JoinHandle<()>>,
}

impl Space {
    pub(crate) async fn new(client: &Client, name: &str) -> Self {
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

    pub(crate) fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    pub(crate) fn watch<K>(&mut self)
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

    pub(crate) async fn wait(&self, objects: usize) {
        while self.seen.lock().unwrap().len() < objects {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn submit(&self, count: usize, concurrency: usize, prefix: &str) {
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

    /// Makes the objects of so many jobs as a bare client; answers how many jobs' objects were there in a second.
    pub(crate) async fn make(&self, sample: &Sample, options: &Options) -> f64 {
        let there = self.seen.lock().unwrap().len();
        let by = PostParams::default();
        let jobs: Api<IflearnerJob> = self.api();
        self.submit(1, 1, "owner").await;
        let owner = jobs.get("owner-0").await.unwrap().controller_owner_ref(&()).unwrap();
        let make = async |number: usize| {
            let name = format!("bare-{number}");
            let (pods, services, ingresses) = (self.api(), self.api(), self.api());
            let (pod, service, ingress) = (
                renamed(&sample.pod, &name, &owner),
                renamed(&sample.service, &name, &owner),
                renamed(&sample.ingress, &name, &owner),
            );
            let made = tokio::try_join!(
                pods.create(&by, &pod),
                services.create(&by, &service),
                ingresses.create(&by, &ingress)
            );
            made.unwrap();
        };
        let began = Instant::now();
        stream::iter(0..options.jobs)
            .for_each_concurrent(options.concurrency, make)
            .await;
        self.wait(there + 3 * options.jobs).await;
        rate(options.jobs, began.elapsed())
    }

    /// Waits until an operator does its work.
    pub(crate) async fn warm_up(&self) {
        self.submit(1, 1, "first").await;
        self.wait(3).await;
    }

    /// Makes so many jobs while the operator is stopped, and lets it go; answers how many of them got their objects in a second.
    pub(crate) async fn serve(&self, operator: &Operator, jobs: usize, options: &Options, prefix: &str) -> f64 {
        let there = self.seen.lock().unwrap().len();
        operator.signal(Signal::SIGSTOP);
        self.submit(jobs, options.concurrency, prefix).await;
        let began = Instant::now();
        operator.signal(Signal::SIGCONT);
        self.wait(there + 3 * jobs).await;
        let rate = rate(jobs, began.elapsed());
        settle(operator).await;
        rate
    }

    /// Deletes all, and waits until it is gone: what is on its way out would be in the way.
    pub(crate) async fn end(self) {
        self.watches.iter().for_each(tokio::task::JoinHandle::abort);
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await.unwrap();
        while namespaces.get_opt(&self.name).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
