//! What the API server refuses by the schema and its rules, refused again: a cluster may hold objects that are older than a rule,
//! or a definition of an earlier version.

use std::collections::BTreeSet;

use flow_operator_api::{Certificate, IflearnerJob, IflearnerJobSpec, Port, ROLE, Role, TEMPLATE};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::build::template_digest;

/// Why a job cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    /// No object of this name can be made, and a name cannot be changed.
    #[error(
        "the name '{0}' must be a DNS label of at most 63 characters that starts with a letter, 59 with a backoffLimit"
    )]
    Name(String),
    /// What was stored is no job.
    #[error("the job cannot be read: {0}")]
    Unreadable(String),
    /// A field is not as it must be.
    #[error("{field} {problem}")]
    Field { field: String, problem: String },
    /// The role is another one than that of the running pod.
    #[error("role cannot be changed: make a new job")]
    RoleChanged,
    /// The template is another one than that of the running pod.
    #[error("spec.template cannot be changed once the job was started: make a new job")]
    TemplateChanged,
}

impl Invalid {
    /// Whether no edit of the job can ever help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Name(_))
    }
}

/// Checks a job on its own.
pub(crate) fn job(job: &IflearnerJob) -> Result<(), Invalid> {
    let name = job.name_any();
    // The pods of retries have up to four characters more.
    let longest = if job.spec.backoff_limit.unwrap_or(0) > 0 {
        59
    } else {
        63
    };
    if name.len() > longest || !is_label(&name) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(Invalid::Name(name));
    }
    spec(&job.spec)
}

/// Checks that what may not change has not changed, by the labels of the job's newest pod.
pub(crate) fn unchanged(job: &IflearnerJob, newest: Option<&Pod>) -> Result<(), Invalid> {
    let Some(pod) = newest else {
        return Ok(());
    };
    let role = match job.spec.role {
        Role::Server => "server",
        Role::Client => "client",
    };
    if pod.labels().get(ROLE).is_some_and(|was| was != role) {
        return Err(Invalid::RoleChanged);
    }
    let started = job.status.as_ref().is_some_and(|status| status.start_time.is_some());
    let template = pod.annotations().get(TEMPLATE);
    if started && template.is_some_and(|was| *was != template_digest(job)) {
        return Err(Invalid::TemplateChanged);
    }
    Ok(())
}

fn spec(spec: &IflearnerJobSpec) -> Result<(), Invalid> {
    if !spec.host.is_empty() && !is_dns_name(&spec.host) {
        return refuse(
            "host",
            "must be a DNS name in lower case, such as task.server.example.com",
        );
    }
    let containers = spec.template.spec.as_ref().map_or(0, |pod| pod.containers.len());
    if containers == 0 {
        return refuse("template.spec.containers", "must have at least one container");
    }
    bounded("backoffLimit", spec.backoff_limit.map(i64::from), 0, 100)?;
    bounded("activeDeadlineSeconds", spec.active_deadline_seconds, 1, 31_536_000)?;
    bounded(
        "ttlSecondsAfterFinished",
        spec.ttl_seconds_after_finished,
        0,
        315_360_000,
    )?;
    if let Some(given) = &spec.ports {
        ports(given)?;
    }
    for certificate in spec.certificates.iter().flatten() {
        check_certificate(certificate)?;
    }
    if spec.certificates.as_ref().is_some_and(|list| list.len() > 16) {
        return refuse("certificates", "must be at most 16");
    }
    let exposed = spec.ingress.as_ref().and_then(|ingress| ingress.port.as_ref());
    if exposed.is_some_and(|name| !spec.ports().iter().any(|port| port.name == *name)) {
        return refuse("ingress.port", "must be the name of one of the ports");
    }
    Ok(())
}

fn ports(ports: &[Port]) -> Result<(), Invalid> {
    if ports.is_empty() || ports.len() > 16 {
        return refuse("ports", "must be 1 to 16");
    }
    for port in ports {
        if port.name.len() > 63 || !is_label(&port.name) {
            return refuse("ports.name", "must be lower-case letters, digits and '-', at most 63");
        }
        bounded("ports.port", Some(port.port.into()), 1, 65_535)?;
        bounded("ports.targetPort", Some(port.target_port.into()), 1, 65_535)?;
    }
    let names: BTreeSet<_> = ports.iter().map(|port| &port.name).collect();
    let numbers: BTreeSet<_> = ports.iter().map(|port| port.port).collect();
    if names.len() < ports.len() || numbers.len() < ports.len() {
        return refuse("ports", "must each have a name and a number of its own");
    }
    Ok(())
}

fn check_certificate(certificate: &Certificate) -> Result<(), Invalid> {
    if certificate.config_map.is_some() == certificate.secret.is_some() {
        return refuse("certificates", "must each have either a configMap or a secret");
    }
    if certificate.key.is_empty() {
        return refuse("certificates.key", "must not be empty");
    }
    if certificate.mount_path.len() < 2 || !certificate.mount_path.starts_with('/') {
        return refuse("certificates.mountPath", "must be an absolute path");
    }
    Ok(())
}

fn bounded(field: &str, value: Option<i64>, least: i64, most: i64) -> Result<(), Invalid> {
    match value {
        Some(value) if !(least..=most).contains(&value) => refuse(field, &format!("must be {least} to {most}")),
        _ => Ok(()),
    }
}

fn refuse(field: &str, problem: &str) -> Result<(), Invalid> {
    Err(Invalid::Field {
        field: format!("spec.{field}"),
        problem: problem.to_owned(),
    })
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| label.len() <= 63 && is_label(label))
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// The manifests that `tests/suite/rules.rs` shows to a real API server.
    fn manifests(folder: &str) -> Vec<(String, Result<(), Invalid>)> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/manifests")
            .join(folder);
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        files
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let read: Result<IflearnerJob, _> = serde_saphyr::from_str(&text);
                (
                    name,
                    read.map_err(|error| Invalid::Unreadable(error.to_string()))
                        .and_then(|read| job(&read)),
                )
            })
            .collect()
    }

    #[test]
    fn what_the_api_server_accepts_is_accepted() {
        for (name, checked) in manifests("accepted").into_iter().chain(manifests("legacy")) {
            assert_eq!(checked, Ok(()), "{name}");
        }
    }

    #[test]
    fn what_the_api_server_refuses_is_refused() {
        let refused = manifests("refused");
        assert!(refused.len() > 20);
        for (name, checked) in refused {
            assert!(checked.is_err(), "{name}");
        }
    }
}
