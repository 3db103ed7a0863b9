//! Certificate files in a pod's containers.

use std::collections::BTreeMap;

use flow_operator_api::Certificate;
use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, PodSpec, SecretVolumeSource, Volume, VolumeMount};

/// Mounts each certificate, read-only, into every container that has nothing else at its path.
pub(super) fn mount(spec: &mut PodSpec, certificates: &[Certificate]) {
    let mut volumes: BTreeMap<(Option<&str>, Option<&str>), String> = BTreeMap::new();
    for certificate in certificates {
        let source = (certificate.config_map.as_deref(), certificate.secret.as_deref());
        let volume = volumes
            .entry(source)
            .or_insert_with(|| add_volume(spec, certificate))
            .clone();
        let containers = spec
            .containers
            .iter_mut()
            .chain(spec.init_containers.iter_mut().flatten());
        for container in containers {
            let mounts = container.volume_mounts.get_or_insert_default();
            if mounts.iter().any(|mount| mount.mount_path == certificate.mount_path) {
                continue;
            }
            mounts.push(VolumeMount {
                name: volume.clone(),
                mount_path: certificate.mount_path.clone(),
                sub_path: Some(certificate.key.clone()),
                read_only: Some(true),
                ..VolumeMount::default()
            });
        }
    }
}

fn add_volume(spec: &mut PodSpec, certificate: &Certificate) -> String {
    let volumes = spec.volumes.get_or_insert_default();
    let source = certificate.config_map.as_deref().or(certificate.secret.as_deref());
    let name = free_name(volumes, source.unwrap_or_default());
    volumes.push(Volume {
        name: name.clone(),
        config_map: certificate.config_map.as_ref().map(|config_map| ConfigMapVolumeSource {
            name: config_map.clone(),
            ..ConfigMapVolumeSource::default()
        }),
        secret: certificate.secret.as_ref().map(|secret| SecretVolumeSource {
            secret_name: Some(secret.clone()),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    });
    name
}

/// The source's name where a volume can have it, and no other of the template does.
fn free_name(volumes: &[Volume], source: &str) -> String {
    // A source may be named as a DNS subdomain, a volume only as a label.
    let fits = source.len() <= 58 && !source.contains('.') && !source.is_empty();
    let base = if fits { source } else { "certificate" };
    let taken = |name: &str| volumes.iter().any(|volume| volume.name == name);
    let numbered = (1..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.to_owned())
        .chain(numbered)
        .find(|name| !taken(name))
        .unwrap_or_default()
}
