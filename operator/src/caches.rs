//! What the operator knows of the cluster: watched, and trimmed to what it looks at.

use std::{fmt::Debug, sync::Arc};

use flow_operator_api::{IflearnerJob, MANAGED_BY, OPERATOR};
use futures::{Stream, StreamExt, future};
use k8s_openapi::api::{
    core::v1::{Pod, PodSpec, Service},
    networking::v1::Ingress,
};
use kube::{
    Api, Client, Resource,
    core::{DeserializeGuard, DynamicObject, NamespaceResourceScope},
    runtime::{
        WatchStreamExt,
        reflector::{self, Lookup, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;

use crate::{build::grpc_route, metrics::Metrics};

/// A job as it was stored, be it readable or not: one that is not must not stop the watch of the others.
pub(crate) type Stored = DeserializeGuard<IflearnerJob>;

/// Where jobs are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everywhere.
    All,
    /// In one namespace.
    Namespace(String),
}

impl Scope {
    fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match self {
            Self::All => Api::all(client),
            Self::Namespace(namespace) => Api::namespaced(client, namespace),
        }
    }

    fn dynamic(&self, client: Client) -> Api<DynamicObject> {
        match self {
            Self::All => Api::all_with(client, &grpc_route()),
            Self::Namespace(namespace) => Api::namespaced_with(client, namespace, &grpc_route()),
        }
    }
}

/// The caches of a scope.
pub(crate) struct Caches {
    pub(crate) jobs: Store<Stored>,
    pub(crate) pods: Store<Pod>,
    pub(crate) services: Store<Service>,
    pub(crate) ingresses: Store<Ingress>,
    /// Only in clusters that have the Gateway API.
    pub(crate) routes: Option<Store<DynamicObject>>,
}

/// The events that fill the caches.
pub(crate) struct Feeds {
    pub(crate) jobs: Feed<Stored>,
    pub(crate) pods: Feed<Pod>,
    pub(crate) services: Feed<Service>,
    pub(crate) ingresses: Feed<Ingress>,
    pub(crate) routes: Option<Feed<DynamicObject>>,
}

/// Objects that were made, changed or deleted.
pub(crate) type Feed<K> = futures::stream::BoxStream<'static, Result<K, watcher::Error>>;

/// The caches of the scope, and what fills them as long as it is polled.
pub(crate) fn watch(client: &Client, scope: &Scope, gateway: bool, metrics: &Arc<Metrics>) -> (Caches, Feeds) {
    // Only what the operator made is kept: a cluster has many more pods than jobs. Others' objects in the way are met when the
    // API server refuses to make ours.
    let ours = watcher::Config::default().labels(&format!("{MANAGED_BY}={OPERATOR}"));
    let all = watcher::Config::default();
    let (jobs, job_feed) = reflect(scope.api(client.clone()), all, trim_job, (), metrics);
    let (pods, pod_feed) = reflect(scope.api(client.clone()), ours.clone(), trim_pod, (), metrics);
    let (services, service_feed) = reflect(scope.api(client.clone()), ours.clone(), trim_service, (), metrics);
    let (ingresses, ingress_feed) = reflect(scope.api(client.clone()), ours.clone(), trim_ingress, (), metrics);
    let routes = gateway.then(|| reflect(scope.dynamic(client.clone()), ours, trim_route, grpc_route(), metrics));
    let (routes, route_feed) = routes.unzip();
    let caches = Caches {
        jobs,
        pods,
        services,
        ingresses,
        routes,
    };
    let feeds = Feeds {
        jobs: job_feed,
        pods: pod_feed,
        services: service_feed,
        ingresses: ingress_feed,
        routes: route_feed,
    };
    (caches, feeds)
}

fn reflect<K>(
    api: Api<K>,
    config: watcher::Config,
    trim: fn(&mut K),
    kind: <K as Resource>::DynamicType,
    metrics: &Arc<Metrics>,
) -> (Store<K>, Feed<K>)
where
    K: Resource
        + Lookup<DynamicType = <K as Resource>::DynamicType>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static,
    <K as Resource>::DynamicType: Clone + Debug + Eq + std::hash::Hash + Send + Sync + Unpin,
{
    let name = <K as Resource>::plural(&kind).into_owned();
    let writer = reflector::store::Writer::new(kind);
    let store = writer.as_reader();
    let metrics = metrics.clone();
    let feed = watcher(api, config)
        .default_backoff()
        .modify(trim)
        .reflect(writer)
        .touched_objects();
    (store, skip_errors(feed, name, metrics).boxed())
}

/// An error of one watch must hold up neither the others nor what is under way: it is said, and the watch goes on by itself.
fn skip_errors<K>(
    feed: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
    name: String,
    metrics: Arc<Metrics>,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: Send + 'static,
{
    feed.filter_map(move |item| {
        let kept = match item {
            Ok(object) => Some(Ok(object)),
            Err(error) => {
                metrics.watch_error(&name);
                tracing::warn!(
                    kind = name,
                    error = flow_daemon::error::chain(&error),
                    "a watch has failed, and is tried again"
                );
                None
            }
        };
        future::ready(kept)
    })
}

impl Caches {
    /// Waits until every cache was filled once.
    pub(crate) async fn filled(&self) -> bool {
        let routes = async {
            match &self.routes {
                Some(routes) => routes.wait_until_ready().await.is_ok(),
                None => true,
            }
        };
        let (pods, services, ingresses, routes) = tokio::join!(
            self.pods.wait_until_ready(),
            self.services.wait_until_ready(),
            self.ingresses.wait_until_ready(),
            routes
        );
        pods.is_ok() && services.is_ok() && ingresses.is_ok() && routes
    }
}

/// What is kept of a name in a cache.
pub(crate) fn find<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Default + Eq + std::hash::Hash + Clone,
{
    store.get(&ObjectRef::new(name).within(namespace))
}

/// The route of a name.
pub(crate) fn find_route(store: &Store<DynamicObject>, namespace: &str, name: &str) -> Option<Arc<DynamicObject>> {
    store.get(&ObjectRef::new_with(name, grpc_route()).within(namespace))
}

fn trim_meta<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = object.meta_mut().annotations.as_mut() {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

fn trim_job(job: &mut Stored) {
    trim_meta(job);
}

/// Keeps of a pod's spec what decisions are made on. The template is in the job.
pub(crate) fn trim_pod(pod: &mut Pod) {
    trim_meta(pod);
    pod.spec = pod.spec.take().map(|spec| PodSpec {
        node_name: spec.node_name,
        active_deadline_seconds: spec.active_deadline_seconds,
        ..PodSpec::default()
    });
}

pub(crate) fn trim_service(service: &mut Service) {
    trim_meta(service);
    service.status = None;
}

pub(crate) fn trim_ingress(ingress: &mut Ingress) {
    trim_meta(ingress);
    ingress.status = None;
}

fn trim_route(route: &mut DynamicObject) {
    trim_meta(route);
    if let Some(data) = route.data.as_object_mut() {
        data.remove("status");
    }
}

/// Whether the object is controlled by the job, and no former one of its name.
pub(crate) fn is_owned(object: &impl Resource, job: &IflearnerJob) -> bool {
    let uid = job.meta().uid.as_ref();
    let mut owners = object.meta().owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true) && Some(&owner.uid) == uid)
}
