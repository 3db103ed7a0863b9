//! Looks after all jobs: watches, and a controller on top of them, for each namespace.

use std::{sync::Arc, time::Duration};

use flow_daemon::health::CheckHandle;
use futures::{StreamExt, future};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::ListParams,
    core::DynamicObject,
    runtime::{Controller, controller, watcher},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api_error::is,
    apply::Applier,
    caches::{self, Feed, Scope},
    config::{Config, RouteKind, Routing},
    controller::{Context, reconcile, retry},
    events::Events,
    metrics::Metrics,
    recent::Recent,
};

/// Changes of a job and its objects within this time are looked at once.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// How often missing routes are looked for.
const GATEWAY_CHECK: Duration = Duration::from_secs(30);

/// What all parts share.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    /// For watches, which last for minutes.
    pub(crate) patient: Client,
    /// For everything else.
    pub(crate) client: Client,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    pub(crate) synced: CheckHandle,
}

/// Looks after all jobs, as long as it is polled.
pub(crate) async fn work(parts: &Parts) {
    loop {
        work_once(parts).await;
    }
}

async fn work_once(parts: &Parts) {
    let kinds = route_kinds(parts).await;
    let namespaces = &parts.config.namespaces;
    let scopes = match namespaces.is_empty() {
        true => vec![Scope::All],
        false => namespaces.iter().cloned().map(Scope::Namespace).collect(),
    };
    parts.synced.failing("the cluster's objects are not known yet");
    let appears = async {
        // Where routes are wanted and there are none, somebody may install them.
        let missing = wanted(&parts.config).filter(|kind| !kinds.contains(kind));
        let Some(kind) = missing else {
            return future::pending().await;
        };
        while !has_routes(parts, kind).await {
            tokio::time::sleep(GATEWAY_CHECK).await;
        }
        kind
    };
    // All scopes together keep to the limit.
    let each = (usize::from(parts.config.concurrency) / scopes.len()).max(1);
    let each = u16::try_from(each).unwrap_or(u16::MAX);
    let look = future::join_all(scopes.iter().map(|scope| look_after(parts, scope, &kinds, each)));
    tokio::select! {
        _ = look => {}
        kind = appears => tracing::info!(kind = kind.name(), "there are routes now: beginning anew with them"),
    }
}

async fn look_after(parts: &Parts, scope: &Scope, kinds: &[RouteKind], concurrency: u16) {
    let (caches, feeds) = caches::watch(&parts.patient, scope, kinds, &parts.metrics);
    let jobs = caches.jobs.clone();
    let recent = Arc::new(Recent::default());
    let context = Arc::new(Context {
        applier: Applier {
            client: parts.client.clone(),
            caches,
            recent: recent.clone(),
            metrics: parts.metrics.clone(),
            config: parts.config.clone(),
        },
        events: parts.events.clone(),
        problems: Default::default(),
    });
    let metrics = &parts.metrics;
    let mut controller = Controller::for_stream(counted(feeds.jobs, metrics, &recent, None), jobs)
        .owns_stream(counted(feeds.pods, metrics, &recent, Some("Pod")))
        .owns_stream(counted(feeds.services, metrics, &recent, Some("Service")))
        .owns_stream(counted(feeds.ingresses, metrics, &recent, Some("Ingress")));
    for (kind, routes) in feeds.routes {
        let routes = counted(routes, metrics, &recent, Some(kind.name()));
        controller = controller.owns_stream_with(routes, kind.resource());
    }
    // Nothing is decided before everything is known: a pod that is not in the cache yet would be taken for missing. Only one may
    // wait for a store, as its wake-up goes to whoever asked last; the controller itself waits for the jobs'.
    let known = CancellationToken::new();
    let filled = async {
        if context.applier.caches.filled().await {
            known.cancel();
            parts.synced.ok();
        }
        future::pending::<()>().await;
    };
    let wait_and_reconcile = |job, context| {
        let known = known.clone();
        async move {
            known.cancelled().await;
            reconcile(job, context).await
        }
    };
    let run = controller
        .with_config(
            controller::Config::default()
                .concurrency(concurrency)
                .debounce(DEBOUNCE),
        )
        .run(
            wait_and_reconcile,
            |job, failure, context| retry(&job, failure, &context),
            context.clone(),
        )
        .for_each(|_| future::ready(()));
    tokio::select! {
        () = run => {}
        () = filled => {}
    }
}

/// Counts the jobs that a feed asks to look at, and takes note that a cache has what was made. That alone is no reason to look.
fn counted<K: Resource + Send + 'static>(
    feed: Feed<K>,
    metrics: &Arc<Metrics>,
    recent: &Arc<Recent>,
    child: Option<&'static str>,
) -> Feed<K> {
    let (metrics, recent) = (metrics.clone(), recent.clone());
    let tells = move |item: &Result<K, watcher::Error>| {
        let Ok(object) = item else {
            return true;
        };
        let namespace = object.namespace().unwrap_or_default();
        let Some(kind) = child else {
            metrics.enqueued(&namespace, &object.name_any());
            return true;
        };
        let version = object.resource_version();
        let deleted = object.meta().deletion_timestamp.is_some();
        if recent.seen(kind, &namespace, &object.name_any(), version.as_deref()) && !deleted {
            return false;
        }
        for owner in object
            .owner_references()
            .iter()
            .filter(|owner| owner.kind == "IflearnerJob")
        {
            metrics.enqueued(&namespace, &owner.name);
        }
        true
    };
    feed.filter(move |item| future::ready(tells(item))).boxed()
}

/// The kind of route that jobs are to have.
fn wanted(config: &Config) -> Option<RouteKind> {
    (config.routing == Routing::Gateway).then_some(config.gateway.route)
}

/// The kinds of routes that the cluster has. Where they are not wanted, those of another configuration are still to be removed.
async fn route_kinds(parts: &Parts) -> Vec<RouteKind> {
    let mut kinds = Vec::new();
    for kind in RouteKind::ALL {
        if has_routes(parts, kind).await {
            kinds.push(kind);
        }
    }
    kinds
}

async fn has_routes(parts: &Parts, kind: RouteKind) -> bool {
    let namespace = parts.config.namespaces.first();
    let routes: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(parts.client.clone(), namespace, &kind.resource()),
        None => Api::all_with(parts.client.clone(), &kind.resource()),
    };
    loop {
        match routes.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => return true,
            Err(error) if is(&error, 404) || is(&error, 403) => {
                if wanted(&parts.config) == Some(kind) {
                    tracing::error!(
                        error = flow_daemon::error::chain(&error),
                        kind = kind.name(),
                        "cannot use this kind of route: install the Gateway API, and let the operator read and write them"
                    );
                }
                return false;
            }
            Err(error) => {
                parts.synced.failing("the API server does not answer");
                tracing::warn!(
                    error = flow_daemon::error::chain(&error),
                    "the API server does not answer, and is asked again"
                );
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
    }
}
