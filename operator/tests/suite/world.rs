//! A namespace of a real cluster, with what tests do in it.

use std::{
    fmt::Debug,
    future::Future,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use flow_operator_api::{Condition, ConditionType, IflearnerJob, IflearnerJobStatus, JobReason};
use k8s_openapi::{
    api::{
        core::v1::{Event, Namespace, Pod, Service, ServiceAccount},
        networking::v1::Ingress,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{DynamicObject, NamespaceResourceScope},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long anything may take to become true.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) namespace: String,
}

impl World {
    /// A new namespace, in which pods can be made.
    pub(crate) async fn new(test: &str) -> Self {
        Self::labelled(test, json!({})).await
    }

    /// The same with labels.
    pub(crate) async fn labelled(test: &str, labels: Value) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        flow_daemon::tls::install_crypto();
        let kubeconfig = kubeconfig();
        let client = client(&kubeconfig).await;
        define(&client, &crd()).await;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("op-{test}-{}-{count}", std::process::id());
        let object: Namespace =
            serde_json::from_value(json!({ "metadata": { "name": namespace, "labels": labels } })).unwrap();
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        let world = Self {
            client,
            kubeconfig,
            namespace,
        };
        world
            .until("the default service account", || async {
                world.api::<ServiceAccount>().get_opt("default").await.unwrap()
            })
            .await;
        world
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn jobs(&self) -> Api<IflearnerJob> {
        self.api()
    }

    /// A job of one container that does not restart, with more fields of its spec.
    pub(crate) async fn submit(&self, name: &str, more: Value) -> IflearnerJob {
        let mut job = json!({
            "apiVersion": "git.iflytek.com/v1",
            "kind": "IflearnerJob",
            "metadata": { "name": name },
            "spec": {
                "role": "client",
                "host": format!("{name}.party.example.com"),
                "template": { "spec": {
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 5,
                    "containers": [{ "name": "main", "image": "example.test/a:1" }],
                } },
            },
        });
        merge(&mut job["spec"], more);
        self.create(&job).await
    }

    /// Makes a job as a manifest has it, without our own types in between.
    pub(crate) async fn create(&self, manifest: &Value) -> IflearnerJob {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        self.try_create(manifest).await.unwrap();
        self.jobs().get(&name).await.unwrap()
    }

    pub(crate) async fn try_create(&self, manifest: &Value) -> kube::Result<DynamicObject> {
        let kind = kube::core::ApiResource::erase::<IflearnerJob>(&());
        let jobs: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
        jobs.create(&PostParams::default(), &object).await
    }

    pub(crate) async fn edit(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.jobs().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// The status, once it is as asked.
    pub(crate) async fn status(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&IflearnerJobStatus) -> bool,
    ) -> IflearnerJobStatus {
        let found = self.until_or(what, || async {
            let status = self
                .jobs()
                .get_opt(name)
                .await
                .unwrap()
                .and_then(|job| job.status)
                .unwrap_or_default();
            if is(&status) {
                Ok(status)
            } else {
                Err(format!("{status:?}"))
            }
        });
        found.await
    }

    /// The status, once it has this reason.
    pub(crate) async fn reason(&self, name: &str, reason: JobReason) -> IflearnerJobStatus {
        let is = |status: &IflearnerJobStatus| status.reason.as_deref() == Some(reason.as_str());
        self.status(name, reason.as_str(), is).await
    }

    /// The object of that name, once it is there and not about to go.
    pub(crate) async fn there<K>(&self, name: &str) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("{} {name}", K::kind(&()));
        let api = self.api::<K>();
        self.until(&what, || async {
            api.get_opt(name)
                .await
                .unwrap()
                .filter(|object| object.meta().deletion_timestamp.is_none())
        })
        .await
    }

    /// Waits until there is no object of that name.
    pub(crate) async fn gone<K>(&self, name: &str)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let what = format!("the end of {} {name}", K::kind(&()));
        let api = self.api::<K>();
        self.until(&what, || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// Waits until pod, service and ingress of the job are there, and the status says so.
    pub(crate) async fn settled(&self, name: &str) -> IflearnerJobStatus {
        self.there::<Pod>(name).await;
        self.there::<Service>(name).await;
        self.there::<Ingress>(name).await;
        self.status(name, "applied", |status| holds(status, ConditionType::Applied))
            .await
    }

    pub(crate) async fn events_of(&self, name: &str) -> Vec<Event> {
        let events = self.api::<Event>().list(&Default::default()).await.unwrap();
        let of_job = |event: &Event| {
            event.involved_object.name.as_deref() == Some(name)
                && event.involved_object.kind.as_deref() == Some("IflearnerJob")
        };
        events.items.into_iter().filter(of_job).collect()
    }

    pub(crate) async fn until<T, F, Fut>(&self, what: &str, check: F) -> T
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Option<T>>,
    {
        self.until_or(what, || async { check().await.ok_or_else(String::new) })
            .await
    }

    async fn until_or<T, F, Fut>(&self, what: &str, check: F) -> T
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, String>>,
    {
        let limit = Instant::now() + PATIENCE;
        loop {
            match check().await {
                Ok(found) => return found,
                Err(instead) if Instant::now() > limit => panic!("in {PATIENCE:?} there was no: {what}; but {instead}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let (kubeconfig, namespace) = (self.kubeconfig.clone(), self.namespace.clone());
        // A test's runtime cannot be used in a destructor. Nobody waits for the namespace to be empty.
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let namespaces: Api<Namespace> = Api::all(client(&kubeconfig).await);
                let _ = namespaces.delete(&namespace, &DeleteParams::default()).await;
            });
            Ok::<(), std::io::Error>(())
        });
        let _ = ended.join();
    }
}

/// Deep-merges `more` into `into`; null takes away.
pub(crate) fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                match value {
                    Value::Null => drop(into.remove(&key)),
                    value => merge(into.entry(key).or_insert(Value::Null), value),
                }
            }
        }
        (into, more) => *into = more,
    }
}

pub(crate) fn condition(status: &IflearnerJobStatus, which: ConditionType) -> Option<&Condition> {
    status.condition(which)
}

pub(crate) fn holds(status: &IflearnerJobStatus, which: ConditionType) -> bool {
    condition(status, which).is_some_and(|condition| condition.status == "True")
}

/// Makes a definition known, and waits until it is served.
pub(crate) async fn define(client: &Client, definition: &CustomResourceDefinition) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.name_any();
    let parameters = PatchParams::apply("flow-operator-tests").force();
    definitions
        .patch(&name, &parameters, &Patch::Apply(definition))
        .await
        .unwrap();
    let established = kube::runtime::conditions::is_crd_established();
    let served = kube::runtime::wait::await_condition(definitions, &name, established);
    tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap();
}

/// The definition that is shipped.
pub(crate) fn crd() -> CustomResourceDefinition {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crd/iflearnerjobs.yaml");
    let mut definition: CustomResourceDefinition =
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    definition.metadata = ObjectMeta {
        name: definition.metadata.name,
        ..ObjectMeta::default()
    };
    definition
}

fn kubeconfig() -> PathBuf {
    // Not `KUBECONFIG`: that may be somebody's real cluster. `cargo xtask test --existing-cluster` asks for it by name.
    if let Some(named) = std::env::var_os("FLOW_TEST_API_CLUSTER") {
        return named.into();
    }
    let dir = flow_cluster::Options::default_dir().expect("a home folder");
    let cluster = flow_cluster::Cluster::attach(&dir).expect("a readable state of the cluster");
    let cluster =
        cluster.expect("a cluster: run this by `cargo xtask test`, or `cargo xtask cluster up --level api` before");
    cluster.kubeconfig().to_owned()
}

async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}
