//! Writes the `IflearnerJob` of an assignment down. Takes no client.

use std::collections::BTreeMap;

use flow_operator_api::{IflearnerJob, IflearnerJobSpec, Ingress, Port, Role};
use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container as PodContainer, ContainerPort, EnvVar, LocalObjectReference, PodSecurityContext,
        PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

use super::{KubernetesConfig, names, some, volumes::Volumes};
use crate::{ASSIGNMENT_VARIABLE, Container, Identity, Key, Launch, Prepare};

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
        host: names::host(key, &prepare.identity, config),
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
            name: Some(names::job(key, &prepare.identity, config)),
            labels: Some(names::labels(key, &prepare.identity)),
            annotations: Some(names::annotations(&prepare.identity, config)),
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
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
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
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
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

#[cfg(test)]
mod tests;
