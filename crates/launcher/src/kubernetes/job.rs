//! Writes the `IflearnerJob` of an assignment down. Takes no client.

use std::collections::BTreeMap;

use flow_operator_api::{IflearnerJob, IflearnerJobSpec, Ingress, Port, Role};
use k8s_openapi::{
    api::core::v1::{
        ConfigMapVolumeSource, Container as PodContainer, ContainerPort, EmptyDirVolumeSource, EnvVar,
        HostPathVolumeSource, KeyToPath, LocalObjectReference, NFSVolumeSource, PersistentVolumeClaimVolumeSource,
        PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, Volume as PodVolume, VolumeMount,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

use super::{KubernetesConfig, files, names};
use crate::{ASSIGNMENT_VARIABLE, Container, Identity, Key, Launch, Prepare, Volume};

/// The container's name in the pod.
pub(super) const CONTAINER: &str = "job";

/// A writable folder of the job's own; its working directory where the template names none.
pub(super) const WORK: &str = "/flow/work";

/// The first port that jobs listen on; those after the first count up from it. So iflearner has what it had before.
const FIRST_PORT: u16 = 50_001;
/// The first port of the Service, and the second: as they were before.
const SERVICE_PORTS: [i32; 2] = [80, 82];

/// The ports on which a job with these listens, by name.
pub(super) fn listens(names: &[String]) -> BTreeMap<String, u16> {
    names.iter().cloned().zip(FIRST_PORT..).collect()
}

/// The job as it is reserved: suspended, so that nothing runs yet.
pub(super) fn prepared(key: &Key, prepare: &Prepare, config: &KubernetesConfig) -> IflearnerJob {
    let container = PodContainer {
        name: CONTAINER.to_owned(),
        image: prepare.image.clone(),
        ..PodContainer::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        restart_policy: Some("Never".to_owned()),
        ..PodSpec::default()
    };
    let spec = IflearnerJobSpec {
        role: role(&prepare.identity),
        host: names::host(key, &prepare.identity, &config.domain),
        schedulername: some(&config.scheduler),
        template: PodTemplateSpec {
            metadata: None,
            spec: Some(pod),
        },
        ports: Some(ports(&prepare.ports)),
        ingress: Some(Ingress {
            enabled: Some(!prepare.ports.is_empty()),
            class_name: some(&config.ingress_class),
            ..Ingress::default()
        }),
        // Another attempt is a gang's to make.
        backoff_limit: Some(0),
        active_deadline_seconds: None,
        ttl_seconds_after_finished: None,
        priority_class_name: some(&config.priority_class),
        suspend: Some(true),
        stop: None,
        certificates: None,
    };
    IflearnerJob {
        metadata: ObjectMeta {
            name: Some(names::job(key)),
            labels: Some(names::labels(key, &prepare.identity)),
            annotations: Some(names::annotations(&prepare.identity)),
            ..ObjectMeta::default()
        },
        spec,
        status: None,
    }
}

/// The prepared job's template once its launch is known.
pub(super) fn template(
    key: &Key,
    launch: &Launch,
    container: &Container,
    labels: &BTreeMap<String, String>,
    ports: &[Port],
    config: &KubernetesConfig,
) -> PodTemplateSpec {
    let mut volumes = Volumes::default();
    volumes.empty("work", WORK);
    volumes.empty("tmp", "/tmp");
    let work = launch
        .workdir
        .as_ref()
        .map_or(WORK.into(), |folder| folder.to_string_lossy());
    for folder in &container.writable {
        volumes.writable(&work, folder);
    }
    for mount in &container.mounts {
        volumes.data(mount);
    }
    if let Some(files) = &container.files {
        volumes.files(files);
    }
    let mut env = launch.env.clone();
    env.insert(ASSIGNMENT_VARIABLE.to_owned(), key.to_string());
    let env = env.into_iter().map(|(name, value)| EnvVar {
        name,
        value: Some(value),
        value_from: None,
    });
    let listening = ports.iter().map(|port| ContainerPort {
        name: Some(port.name.clone()),
        container_port: port.target_port,
        ..ContainerPort::default()
    });
    let pod = PodContainer {
        name: CONTAINER.to_owned(),
        image: Some(container.image.clone()),
        image_pull_policy: some(&config.image_pull_policy),
        command: Some(launch.argv.iter().map(|argument| escaped(argument)).collect()),
        env: Some(env.collect()),
        ports: Some(listening.collect()),
        resources: resources(container, config),
        working_dir: Some(work.into_owned()),
        volume_mounts: Some(volumes.mounts),
        ..PodContainer::default()
    };
    let grace = i64::try_from(launch.grace.as_secs().max(1)).unwrap_or(i64::MAX);
    let spec = PodSpec {
        containers: vec![pod],
        volumes: Some(volumes.volumes),
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(grace),
        node_selector: (!config.node_selector.is_empty()).then(|| config.node_selector.clone()),
        image_pull_secrets: pull_secrets(config),
        service_account_name: some(&config.service_account),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_user: Some(config.run_as_user),
            run_as_non_root: Some(true),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    };
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels.clone()),
            ..ObjectMeta::default()
        }),
        spec: Some(spec),
    }
}

fn role(identity: &Identity) -> Role {
    if identity.aggregator {
        Role::Server
    } else {
        Role::Client
    }
}

/// The first port is routed, and spoken to by HTTP/2; the others are for the agent.
fn ports(names: &[String]) -> Vec<Port> {
    let service = SERVICE_PORTS.into_iter().chain(84..);
    let ports = names.iter().zip(FIRST_PORT..).zip(service).enumerate();
    ports
        .map(|(index, ((name, target), port))| Port {
            name: name.clone(),
            port,
            target_port: i32::from(target),
            app_protocol: (index == 0).then(|| "kubernetes.io/h2c".to_owned()),
        })
        .collect()
}

/// Kubernetes has placeholders of its own, `$(NAME)`; a second dollar keeps an argument as it is.
fn escaped(argument: &str) -> String {
    argument.replace("$(", "$$(")
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn pull_secrets(config: &KubernetesConfig) -> Option<Vec<LocalObjectReference>> {
    let secrets = config
        .image_pull_secrets
        .iter()
        .map(|name| LocalObjectReference { name: name.clone() });
    (!config.image_pull_secrets.is_empty()).then(|| secrets.collect())
}

/// What is asked for is also the limit: a job takes no more than the scheduler knew of. Processor time is not limited, as
/// a job that finds its node idle may as well be faster.
fn resources(container: &Container, config: &KubernetesConfig) -> Option<ResourceRequirements> {
    let given = container.resources;
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    if let Some(cpu) = given.cpu_millis {
        requests.insert("cpu".to_owned(), Quantity(format!("{cpu}m")));
    }
    if let Some(memory) = given.memory_bytes {
        requests.insert("memory".to_owned(), Quantity(memory.to_string()));
        limits.insert("memory".to_owned(), Quantity(memory.to_string()));
    }
    if let Some(gpu) = given.gpu.filter(|gpu| *gpu > 0) {
        limits.insert(config.gpu_resource.clone(), Quantity(gpu.to_string()));
    }
    let any = !requests.is_empty() || !limits.is_empty();
    any.then(|| ResourceRequirements {
        requests: Some(requests),
        limits: (!limits.is_empty()).then_some(limits),
        ..ResourceRequirements::default()
    })
}

#[derive(Default)]
struct Volumes {
    volumes: Vec<PodVolume>,
    mounts: Vec<VolumeMount>,
}

impl Volumes {
    fn add(&mut self, volume: PodVolume, mount: VolumeMount) {
        self.volumes.push(volume);
        self.mounts.push(mount);
    }

    fn empty(&mut self, name: &str, path: &str) {
        let volume = PodVolume {
            name: name.to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..PodVolume::default()
        };
        self.add(volume, mount(name, path));
    }

    fn writable(&mut self, work: &str, folder: &str) {
        let path = if folder.starts_with('/') {
            folder.to_owned()
        } else {
            format!("{}/{folder}", work.trim_end_matches('/'))
        };
        // Its own folder is writable as a whole.
        if path == WORK || path.starts_with(&format!("{WORK}/")) || self.mounts.iter().any(|m| m.mount_path == path) {
            return;
        }
        let name = format!("writable-{}", self.volumes.len());
        self.empty(&name, &path);
    }

    fn data(&mut self, data: &crate::Mount) {
        let name = format!("data-{}", self.volumes.len());
        let mut volume = PodVolume {
            name: name.clone(),
            ..PodVolume::default()
        };
        let mut at = mount(&name, &data.path);
        at.read_only = Some(data.read_only);
        match &data.volume {
            Volume::HostPath(path) => {
                volume.host_path = Some(HostPathVolumeSource {
                    path: path.to_string_lossy().into_owned(),
                    type_: None,
                });
            }
            Volume::Claim { name, sub_path } => {
                at.sub_path = some(sub_path);
                volume.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                    claim_name: name.clone(),
                    read_only: Some(data.read_only),
                });
            }
            Volume::Nfs { server, path } => {
                volume.nfs = Some(NFSVolumeSource {
                    server: server.clone(),
                    path: path.clone(),
                    read_only: Some(data.read_only),
                });
            }
        }
        self.add(volume, at);
    }

    fn files(&mut self, brought: &crate::Files) {
        let items = files::keys(brought).map(|(key, path)| KeyToPath {
            key,
            path: path.to_owned(),
            mode: None,
        });
        let volume = PodVolume {
            name: "files".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: files::name(brought),
                items: Some(items.collect()),
                ..ConfigMapVolumeSource::default()
            }),
            ..PodVolume::default()
        };
        let mut at = mount("files", &brought.folder);
        at.read_only = Some(true);
        self.add(volume, at);
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Files, LogLimits, Mount, Resources};

    fn identity(aggregator: bool) -> Identity {
        Identity {
            party: if aggregator { "center" } else { "hospital-a" }.to_owned(),
            aggregator,
            role: if aggregator { "server" } else { "party" }.to_owned(),
            run: "0198b5a1-0000-7000-8000-000000000001".to_owned(),
            task: "Ziffern 1".to_owned(),
            attempt: 2,
        }
    }

    fn written(ports: &[&str], aggregator: bool, launch: &Launch, config: &KubernetesConfig) -> IflearnerJob {
        let key = Key::new("0123456789abcdef0123456789abcdef").unwrap();
        let prepare = Prepare {
            ports: ports.iter().map(|name| (*name).to_owned()).collect(),
            identity: identity(aggregator),
            image: Some("training:1".to_owned()),
        };
        let mut job = prepared(&key, &prepare, config);
        let labels = job.metadata.labels.clone().unwrap();
        let ports = job.spec.ports();
        job.spec.template = template(
            &key,
            launch,
            launch.container.as_ref().unwrap(),
            &labels,
            &ports,
            config,
        );
        job
    }

    fn launch() -> Launch {
        Launch {
            argv: ["python", "main.py", "--note=$(HOME) costs $5"]
                .map(str::to_owned)
                .to_vec(),
            env: BTreeMap::from([("PYTHONUNBUFFERED".to_owned(), "1".to_owned())]),
            workdir: None,
            grace: Duration::from_secs(5),
            log: LogLimits::default(),
            container: Some(Container {
                image: "training:1".to_owned(),
                ..Container::default()
            }),
        }
    }

    #[test]
    fn an_aggregation_server_with_nothing_but_defaults() {
        let config = KubernetesConfig::default();
        insta::assert_yaml_snapshot!(written(&["grpc", "http"], true, &launch(), &config));
    }

    #[test]
    fn a_party_with_everything_set() {
        let config = KubernetesConfig {
            domain: "fl.example".to_owned(),
            ingress_class: "contour".to_owned(),
            image_pull_policy: "IfNotPresent".to_owned(),
            image_pull_secrets: vec!["registry".to_owned()],
            service_account: "training".to_owned(),
            scheduler: "volcano".to_owned(),
            priority_class: "batch".to_owned(),
            node_selector: BTreeMap::from([("pool".to_owned(), "fl".to_owned())]),
            ..KubernetesConfig::default()
        };
        let mut launch = launch();
        launch.workdir = Some("/app".into());
        let mount = |volume, path: &str| Mount {
            volume,
            path: path.to_owned(),
            read_only: true,
        };
        launch.container = Some(Container {
            image: "training:1".to_owned(),
            resources: Resources {
                cpu_millis: Some(1500),
                memory_bytes: Some(1 << 30),
                gpu: Some(1),
            },
            mounts: vec![
                mount(Volume::HostPath("/data/digits".into()), "/data"),
                mount(
                    Volume::Claim {
                        name: "claim".to_owned(),
                        sub_path: "2026".to_owned(),
                    },
                    "/claim",
                ),
                mount(
                    Volume::Nfs {
                        server: "nfs.example".to_owned(),
                        path: "/export".to_owned(),
                    },
                    "/nfs",
                ),
            ],
            writable: vec!["log".to_owned(), "metric".to_owned(), "log".to_owned()],
            files: Some(Files {
                folder: "/flow/launcher".to_owned(),
                texts: BTreeMap::from([
                    ("launch.py".to_owned(), "print()\n".to_owned()),
                    ("standins/a/__init__.py".to_owned(), String::new()),
                ]),
            }),
        });
        insta::assert_yaml_snapshot!(written(&["grpc"], false, &launch, &config));
    }

    #[test]
    fn the_longest_names_are_ones_that_kubernetes_takes() {
        let key = Key::new("f".repeat(32)).unwrap();
        assert!(names::job(&key).len() <= 63);
        let identity = Identity {
            party: "p".repeat(63),
            ..identity(false)
        };
        let config = KubernetesConfig {
            domain: ["d".repeat(63), "e".repeat(63)].join("."),
            ..KubernetesConfig::default()
        };
        config.validate().unwrap();
        assert!(names::host(&key, &identity, &config.domain).len() <= 253);
    }
}
