//! What each ingress controller must be told to carry gRPC: HTTP/2 to the pod without TLS, messages up to 1 GiB, and streams
//! that live through an aggregation of hours.

use std::collections::BTreeMap;

use flow_operator_api::{Ingress, Port};

use crate::config::{IngressConfig, Preset};

/// The annotation by which a class was named before `spec.ingressClassName`. Both at once are refused by the API server.
const CLASS: &str = "kubernetes.io/ingress.class";

/// How long a stream may be silent: a day.
const SECONDS: &str = "86400";

/// The class and the annotations of an Ingress.
pub(super) struct Choice {
    pub(super) class_name: Option<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// What is said by the job, else by the configuration, else by the preset.
pub(super) fn choose(config: &IngressConfig, job: Option<&Ingress>) -> Choice {
    let (class, annotations) = preset(config.preset);
    let mut annotations = owned(annotations);
    annotations.extend(config.annotations.clone());
    annotations.extend(job.and_then(|job| job.annotations.clone()).unwrap_or_default());
    let asked = job
        .and_then(|job| job.class_name.clone())
        .or_else(|| config.class_name.clone());
    if asked.is_some() {
        annotations.remove(CLASS);
        return Choice {
            class_name: asked,
            annotations,
        };
    }
    let class_name = class
        .filter(|_| !annotations.contains_key(CLASS))
        .map(ToOwned::to_owned);
    Choice {
        class_name,
        annotations,
    }
}

fn preset(preset: Preset) -> (Option<&'static str>, &'static [(&'static str, &'static str)]) {
    match preset {
        // As the original operator, which names the class by the annotation; and the timeouts that it lacks. The controller sets
        // gRPC's timeouts from the proxy's.
        Preset::Nginx => (
            None,
            &[
                (CLASS, "nginx"),
                ("nginx.ingress.kubernetes.io/backend-protocol", "GRPC"),
                ("nginx.ingress.kubernetes.io/proxy-body-size", "1024m"),
                ("nginx.ingress.kubernetes.io/proxy-read-timeout", SECONDS),
                ("nginx.ingress.kubernetes.io/proxy-send-timeout", SECONDS),
                ("nginx.ingress.kubernetes.io/ssl-redirect", "true"),
            ],
        ),
        // Envoy has no limit for bodies that it streams.
        Preset::Contour => (
            Some("contour"),
            &[
                ("ingress.kubernetes.io/force-ssl-redirect", "true"),
                ("projectcontour.io/response-timeout", "infinity"),
            ],
        ),
        // Traefik has no limit for bodies; its timeouts are those of the entry point, which only its own configuration sets.
        Preset::Traefik => (
            Some("traefik"),
            &[
                ("traefik.ingress.kubernetes.io/router.entrypoints", "websecure"),
                ("traefik.ingress.kubernetes.io/router.tls", "true"),
            ],
        ),
        // Two controllers go by this name; each overlooks the other's annotations. HAProxy has no limit for bodies.
        Preset::Haproxy => (
            Some("haproxy"),
            &[
                ("haproxy-ingress.github.io/backend-protocol", "h2"),
                ("haproxy-ingress.github.io/ssl-redirect", "true"),
                ("haproxy-ingress.github.io/timeout-client", "24h"),
                ("haproxy-ingress.github.io/timeout-server", "24h"),
                ("haproxy.org/server-proto", "h2"),
                ("haproxy.org/ssl-redirect", "true"),
                ("haproxy.org/timeout-server", "24h"),
                ("haproxy.org/timeout-tunnel", "24h"),
            ],
        ),
        Preset::None => (None, &[]),
    }
}

/// The annotations of a Service, where a controller wants some beside `appProtocol`.
pub(super) fn service_annotations(config: &IngressConfig, ports: &[Port]) -> BTreeMap<String, String> {
    let h2c = ports
        .iter()
        .filter(|port| port.app_protocol.as_deref() == Some("kubernetes.io/h2c"));
    let numbers: Vec<String> = h2c.map(|port| port.port.to_string()).collect();
    let mut annotations = BTreeMap::new();
    if !numbers.is_empty() {
        match config.preset {
            Preset::Contour => {
                annotations.insert("projectcontour.io/upstream-protocol.h2c".to_owned(), numbers.join(","));
            }
            Preset::Traefik => {
                annotations.insert(
                    "traefik.ingress.kubernetes.io/service.serversscheme".to_owned(),
                    "h2c".to_owned(),
                );
            }
            Preset::Nginx | Preset::Haproxy | Preset::None => {}
        }
    }
    annotations.extend(config.service_annotations.clone());
    annotations
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
