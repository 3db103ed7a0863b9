//! A namespace of a real API server, and a launcher in it.

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use flow_launcher::{
    Container, Identity, Key, Launch, LaunchError, Launcher as _, LogLimits, Prepare, Prepared,
    kubernetes::{KubernetesConfig, KubernetesLauncher},
};
use flow_operator_api::IflearnerJob;
use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// How long anything may take to become true.
const PATIENCE: Duration = Duration::from_secs(60);

/// The task that jobs are named by here.
pub(crate) const TASK: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct Site {
    client: Client,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Site {
    /// A new namespace.
    pub(crate) async fn new(test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Another test of this process may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = kubeconfig();
        let client = client(&kubeconfig).await;
        define(&client).await;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("launch-{test}-{}-{count}", std::process::id());
        let object = json!({ "metadata": { "name": namespace } });
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &serde_json::from_value(object).unwrap())
            .await
            .unwrap();
        Self {
            client,
            kubeconfig,
            namespace,
        }
    }

    /// The launcher of a party's agent, which sees the API server.
    pub(crate) async fn launcher(&self, party: &str, change: impl FnOnce(&mut KubernetesConfig)) -> KubernetesLauncher {
        let mut config = KubernetesConfig {
            enabled: true,
            namespace: self.namespace.clone(),
            kubeconfig: self.kubeconfig.clone(),
            domain: "fl.example".to_owned(),
            ..KubernetesConfig::default()
        };
        change(&mut config);
        let launcher = KubernetesLauncher::open(config, party).await.unwrap();
        until("an answer of the API server", async || launcher.list().await.ok()).await;
        launcher
    }

    pub(crate) fn jobs(&self) -> Api<IflearnerJob> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The names of all jobs.
    pub(crate) async fn names(&self) -> Vec<String> {
        let jobs = self.jobs().list(&Default::default()).await.unwrap();
        jobs.items.iter().map(IflearnerJob::name_any).collect()
    }

    /// Makes a job as somebody else would.
    pub(crate) async fn foreign(&self, name: &str, metadata: Value) -> IflearnerJob {
        let mut job = json!({
            "apiVersion": "git.iflytek.com/v1", "kind": "IflearnerJob", "metadata": metadata,
            "spec": {
                "role": "server", "host": "own.server.fl.example",
                "template": { "spec": { "containers": [{ "name": "own", "image": "own:1" }] } },
            },
        });
        job["metadata"]["name"] = name.into();
        let job: IflearnerJob = serde_json::from_value(job).unwrap();
        self.jobs().create(&PostParams::default(), &job).await.unwrap()
    }

    /// Says, as the operator does, that a job has ended. No operator is here.
    pub(crate) async fn ended(&self, name: &str) {
        let status = json!({ "status": { "phase": "Succeeded", "reason": "Succeeded", "completionTime": "2026-01-01T00:00:00Z" } });
        let patch = Patch::Merge(status);
        self.jobs()
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

impl Drop for Site {
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

pub(crate) fn key(key: &str) -> Key {
    Key::new(key).unwrap()
}

/// A job of [`TASK`] at a party, or at the one that aggregates.
pub(crate) fn wanted(party: &str, aggregator: bool, job_name: Option<&str>) -> Prepare {
    Prepare {
        ports: vec!["grpc".to_owned(), "http".to_owned()],
        identity: Identity {
            party: party.to_owned(),
            aggregator,
            role: if aggregator { "server" } else { "party" }.to_owned(),
            run: "1".to_owned(),
            task: "digits".to_owned(),
            attempt: 1,
            job_name: job_name.map(str::to_owned),
        },
        image: Some("training:1".to_owned()),
    }
}

/// Prepares a job of [`TASK`]; the party's, if it is not the aggregation server's.
pub(crate) async fn prepare(
    launcher: &KubernetesLauncher,
    key: &Key,
    party: &str,
    aggregator: bool,
) -> Result<Prepared, LaunchError> {
    launcher.prepare(key, &wanted(party, aggregator, Some(TASK))).await
}

pub(crate) fn launch() -> Launch {
    Launch {
        argv: vec!["train".to_owned()],
        env: BTreeMap::new(),
        workdir: None,
        grace: Duration::from_secs(1),
        log: LogLimits::default(),
        container: Some(Container {
            image: "training:1".to_owned(),
            ..Container::default()
        }),
    }
}

/// Waits until there is an answer.
pub(crate) async fn until<T, Fut: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> Fut) -> T {
    let limit = Instant::now() + PATIENCE;
    loop {
        match check().await {
            Some(found) => return found,
            None if Instant::now() > limit => panic!("in {PATIENCE:?} there was no: {what}"),
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Makes the definition that is shipped known, and waits until it is served.
async fn define(client: &Client) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crd/iflearnerjobs.yaml");
    let mut definition: CustomResourceDefinition =
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    definition.metadata = ObjectMeta {
        name: definition.metadata.name,
        ..ObjectMeta::default()
    };
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.name_any();
    let how = PatchParams::apply("flow-operator-tests").force();
    definitions
        .patch(&name, &how, &Patch::Apply(&definition))
        .await
        .unwrap();
    let established = kube::runtime::conditions::is_crd_established();
    let served = kube::runtime::wait::await_condition(definitions, &name, established);
    tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap();
}

fn kubeconfig() -> PathBuf {
    // Not `KUBECONFIG`: that may be somebody's real cluster. `cargo xtask test --existing-cluster` asks for it by name.
    let named = std::env::var_os("FLOW_TEST_API_CLUSTER");
    named
        .expect("FLOW_TEST_API_CLUSTER names a kubeconfig: run this by `cargo xtask test`")
        .into()
}

async fn client(kubeconfig: &Path) -> Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}
