//! What the operator knows of the cluster: watched, and trimmed to what it looks at.

mod kept;
mod trim;

use std::{fmt::Debug, sync::Arc};

use flow_operator_api::{IflearnerJob, MANAGED_BY, OPERATOR};
use futures::{Stream, StreamExt, TryStreamExt, future};
use k8s_openapi::api::{
    core::v1::{Pod, Service},
    networking::v1::Ingress,
};
use kube::{
    Api, Client, Resource,
    core::{DeserializeGuard, DynamicObject, NamespaceResourceScope},
    runtime::{
        WatchStreamExt,
        reflector::{self, Store},
        watcher,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use self::trim::{trim_ingress, trim_job, trim_route, trim_service};
pub(crate) use self::{kept::Cache, trim::trim_pod};
use crate::{config::RouteKind, metrics::Metrics};

/// How many objects are read at a time. What a page takes while it is read is not given back at once, and all kinds are read at once.
const PAGE: u32 = 100;

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

    fn routes(&self, client: Client, kind: RouteKind) -> Api<DynamicObject> {
        match self {
            Self::All => Api::all_with(client, &kind.resource()),
            Self::Namespace(namespace) => Api::namespaced_with(client, namespace, &kind.resource()),
        }
    }
}

/// The caches of a scope.
pub(crate) struct Caches {
    pub(crate) jobs: Store<Stored>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) services: Cache<Service>,
    pub(crate) ingresses: Cache<Ingress>,
    /// Of the kinds that the cluster has.
    pub(crate) routes: Vec<(RouteKind, Cache<DynamicObject>)>,
}

/// The events that fill the caches.
pub(crate) struct Feeds {
    pub(crate) jobs: Feed<Stored>,
    pub(crate) pods: Feed<Pod>,
    pub(crate) services: Feed<Service>,
    pub(crate) ingresses: Feed<Ingress>,
    pub(crate) routes: Vec<(RouteKind, Feed<DynamicObject>)>,
}

/// Objects that were made, changed or deleted.
pub(crate) type Feed<K> = futures::stream::BoxStream<'static, Result<K, watcher::Error>>;

/// The caches of the scope, and what fills them as long as it is polled.
pub(crate) fn watch(client: &Client, scope: &Scope, kinds: &[RouteKind], metrics: &Arc<Metrics>) -> (Caches, Feeds) {
    // Only what the operator made is kept: a cluster has many more pods than jobs. Others' objects in the way are met when the
    // API server refuses to make ours.
    let ours = watcher::Config::default()
        .page_size(PAGE)
        .labels(&format!("{MANAGED_BY}={OPERATOR}"));
    let writer = reflector::store::Writer::new(());
    let jobs = writer.as_reader();
    let watched = watcher(scope.api(client.clone()), watcher::Config::default().page_size(PAGE)).default_backoff();
    let job_feed = watched.modify(trim_job).reflect(writer).touched_objects();
    let job_feed = skip_errors(job_feed, Stored::plural(&()).into_owned(), metrics.clone()).boxed();
    let (pods, pod_feed) = keep(scope.api(client.clone()), &ours, trim_pod, (), metrics);
    let (services, service_feed) = keep(scope.api(client.clone()), &ours, trim_service, (), metrics);
    let (ingresses, ingress_feed) = keep(scope.api(client.clone()), &ours, trim_ingress, (), metrics);
    let routes = kinds.iter().map(|kind| {
        let api = scope.routes(client.clone(), *kind);
        let (cache, feed) = keep(api, &ours, trim_route, kind.resource(), metrics);
        ((*kind, cache), (*kind, feed))
    });
    let (routes, route_feeds) = routes.unzip();
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
        routes: route_feeds,
    };
    (caches, feeds)
}

fn keep<K>(
    api: Api<K>,
    config: &watcher::Config,
    trim: fn(&mut K),
    kind: K::DynamicType,
    metrics: &Arc<Metrics>,
) -> (Cache<K>, Feed<K>)
where
    K: Resource + Clone + Serialize + DeserializeOwned + Debug + Send + 'static,
{
    let name = K::plural(&kind).into_owned();
    let (cache, mut keeper) = kept::cache();
    let watched = watcher(api, config.clone()).default_backoff().modify(trim);
    let feed = watched.inspect_ok(move |event| keeper.keep(event)).touched_objects();
    (cache, skip_errors(feed, name, metrics.clone()).boxed())
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
        let routes = future::join_all(self.routes.iter().map(|(_, routes)| routes.filled()));
        let (pods, services, ingresses, routes) = tokio::join!(
            self.pods.filled(),
            self.services.filled(),
            self.ingresses.filled(),
            routes
        );
        pods.is_ok() && services.is_ok() && ingresses.is_ok() && routes.iter().all(Result::is_ok)
    }
}

/// Whether the object is controlled by the job, and no former one of its name.
pub(crate) fn is_owned(object: &impl Resource, job: &IflearnerJob) -> bool {
    let uid = job.meta().uid.as_ref();
    let mut owners = object.meta().owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true) && Some(&owner.uid) == uid)
}
