//! Makes the cluster as it should be: the only place that writes objects other than statuses.

mod covers;
mod heal;
mod pods;

use std::{fmt::Debug, sync::Arc};

use flow_operator_api::{IflearnerJob, JobReason, OPERATOR};
use futures::future;
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::DynamicObject,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    api_error::{Problem, is},
    build::Network,
    caches::{Caches, is_owned},
    config::{Config, RouteKind},
    failpoint,
    lifecycle::Verdict,
    metrics::Metrics,
    recent::Recent,
    status::Applied,
};

/// What is needed to write.
pub(crate) struct Applier {
    pub(crate) client: Client,
    pub(crate) caches: Caches,
    pub(crate) recent: Arc<Recent>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: Arc<Config>,
}

impl Applier {
    /// Carries the decision out. `network` is `None` where service and route stay as they are.
    pub(crate) async fn apply(&self, job: &IflearnerJob, verdict: &Verdict, network: Option<&Network>) -> Applied {
        let network = async {
            match network {
                Some(network) => self.network(job, network).await,
                None => Vec::new(),
            }
        };
        let (mut problems, pod) = tokio::join!(network, self.pod(job, &verdict.action));
        let pod = pod.unwrap_or_else(|problem| {
            problems.insert(0, problem);
            None
        });
        problems
            .iter()
            .for_each(|problem| self.metrics.problem(problem.reason.as_str()));
        Applied { pod, problems }
    }

    async fn network(&self, job: &IflearnerJob, wanted: &Network) -> Vec<Problem> {
        let namespace = job.namespace().unwrap_or_default();
        let name = job.name_any();
        let caches = &self.caches;
        let services: Api<Service> = Api::namespaced(self.client.clone(), &namespace);
        let service = self.ensure(
            &services,
            caches.services.find(&namespace, &name),
            Some(&wanted.service),
            job,
            "Service",
        );
        let ingresses: Api<Ingress> = Api::namespaced(self.client.clone(), &namespace);
        let ingress = self.ensure(
            &ingresses,
            caches.ingresses.find(&namespace, &name),
            wanted.ingress.as_ref(),
            job,
            "Ingress",
        );
        let routes = future::join_all(RouteKind::ALL.map(|kind| self.route(job, kind, wanted)));
        let (service, ingress, routes) = tokio::join!(service, ingress, routes);
        let all = [service, ingress].into_iter().chain(routes);
        all.filter_map(Result::err).collect()
    }

    /// Makes the route if it is to be of this kind; else takes away what another configuration has made.
    async fn route(&self, job: &IflearnerJob, kind: RouteKind, wanted: &Network) -> Result<(), Problem> {
        let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
        let wanted = wanted.route.as_ref().filter(|(wanted, _)| *wanted == kind);
        let Some((_, routes)) = self.caches.routes.iter().find(|(known, _)| *known == kind) else {
            return wanted.map_or(Ok(()), |_| Err(missing_gateway(kind)));
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &namespace, &kind.resource());
        let cached = routes.find(&namespace, &name);
        self.ensure(&api, cached, wanted.map(|(_, route)| route), job, kind.name())
            .await
    }

    /// Makes, heals or removes one object, whichever it needs. In most cases it needs nothing, and no request is made.
    async fn ensure<K>(
        &self,
        api: &Api<K>,
        cached: Option<Arc<K>>,
        wanted: Option<&K>,
        job: &IflearnerJob,
        kind: &'static str,
    ) -> Result<(), Problem>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + Debug,
    {
        let namespace = job.namespace().unwrap_or_default();
        let name = job.name_any();
        let title = format!("{kind} {name}");
        match (cached, wanted) {
            (Some(object), None) if is_owned(&*object, job) => self.remove(api, &*object, kind, &title).await,
            (_, None) => Ok(()),
            (Some(object), Some(_)) if !is_owned(&*object, job) => Err(Problem::conflict(&title)),
            (Some(object), Some(wanted)) if covers::covers(&*object, wanted) => Ok(()),
            (Some(_), Some(wanted)) => self.heal(api, wanted, job, &title).await,
            (None, Some(_)) if self.recent.find(kind, &namespace, &name).is_some() => Ok(()),
            (None, Some(wanted)) => {
                self.recent.asked(kind, &namespace, &name);
                self.metrics.write("create", kind);
                let created = api.create(&by_us(), wanted).await;
                failpoint::hit(&format!("after-{}", kind.to_lowercase()));
                match created {
                    Ok(made) => {
                        self.recent.made(kind, &namespace, &name, made.resource_version(), None);
                        Ok(())
                    }
                    Err(error) => {
                        self.recent.forget(kind, &namespace, &name);
                        // It is there, and the cache has not got it: it is somebody else's, or ours without its label.
                        match is(&error, 409) {
                            true => self.heal(api, wanted, job, &title).await,
                            false => Err(Problem::of(&error, &title)),
                        }
                    }
                }
            }
        }
    }

    async fn remove<K>(&self, api: &Api<K>, object: &K, kind: &str, title: &str) -> Result<(), Problem>
    where
        K: Resource + DeserializeOwned + Clone + Debug,
    {
        self.metrics.write("delete", kind);
        delete(api, object, DeleteParams::default())
            .await
            .map_err(|error| Problem::of(&error, title))
    }

    /// Deletes a job whose time to live is over, with all that belongs to it.
    pub(crate) async fn expire(&self, job: &IflearnerJob) -> kube::Result<()> {
        let jobs: Api<IflearnerJob> = Api::namespaced(self.client.clone(), &job.namespace().unwrap_or_default());
        self.metrics.write("delete", "IflearnerJob");
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        delete(&jobs, job, parameters).await
    }
}

/// Deletes this very object, and no later one of its name. One that is gone already is fine.
async fn delete<K>(api: &Api<K>, object: &K, parameters: DeleteParams) -> kube::Result<()>
where
    K: Resource + DeserializeOwned + Clone + Debug,
{
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: object.uid(),
            resource_version: None,
        }),
        ..parameters
    };
    match api.delete(&object.name_any(), &parameters).await {
        Err(error) if !is(&error, 404) && !is(&error, 409) => Err(error),
        _ => Ok(()),
    }
}

fn missing_gateway(kind: RouteKind) -> Problem {
    let kind = kind.name();
    Problem {
        reason: JobReason::ApplyFailed,
        message: format!(
            "the cluster has no gateway.networking.k8s.io/v1 {kind}: install the Gateway API, or set routing = \"ingress\""
        ),
    }
}

fn by_us() -> PostParams {
    PostParams {
        dry_run: false,
        field_manager: Some(OPERATOR.to_owned()),
    }
}

fn patch_by_us() -> PatchParams {
    PatchParams {
        field_manager: Some(OPERATOR.to_owned()),
        ..PatchParams::default()
    }
}
