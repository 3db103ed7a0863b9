//! The NetworkPolicy of a job: an aggregation server takes the first callers for its parties, so only the ingress may call.

use flow_operator_api::{APP, IflearnerJob};
use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta},
        util::intstr::IntOrString,
    },
};
use kube::{Resource as _, ResourceExt as _};

use super::config::NetworkPolicyConfig;

/// The policy of `job`, which owns it; none if it is not wanted.
pub(super) fn network_policy(job: &IflearnerJob, config: &NetworkPolicyConfig) -> Option<NetworkPolicy> {
    if !config.enabled {
        return None;
    }
    let mut ports = job.spec.ports().into_iter();
    // A rule without sources would let everybody in: then there is none, and nobody is.
    let sources = Some(ingress(config)).filter(|sources| !sources.is_empty());
    let routed = ports
        .next()
        .zip(sources)
        .map(|(port, sources)| NetworkPolicyIngressRule {
            from: Some(sources),
            ports: Some(vec![tcp(port.target_port)]),
        });
    let asked: Vec<NetworkPolicyPort> = ports.map(|port| tcp(port.target_port)).collect();
    let asked = (!asked.is_empty()).then(|| NetworkPolicyIngressRule {
        from: (!config.control_plane_cidrs.is_empty())
            .then(|| config.control_plane_cidrs.iter().map(|range| cidr(range)).collect()),
        ports: Some(asked),
    });
    Some(NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(job.name_any()),
            labels: Some(job.labels().clone()),
            owner_references: job.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some([(APP.to_owned(), job.name_any())].into()),
                match_expressions: None,
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(routed.into_iter().chain(asked).collect()),
            egress: None,
        }),
    })
}

fn ingress(config: &NetworkPolicyConfig) -> Vec<NetworkPolicyPeer> {
    // Every namespace has its own name for a label.
    let named = LabelSelectorRequirement {
        key: "kubernetes.io/metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(config.ingress_namespaces.clone()),
    };
    let namespaces = (!config.ingress_namespaces.is_empty()).then(|| NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: None,
            match_expressions: Some(vec![named]),
        }),
        ..NetworkPolicyPeer::default()
    });
    namespaces
        .into_iter()
        .chain(config.ingress_cidrs.iter().map(|range| cidr(range)))
        .collect()
}

fn cidr(range: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: range.to_owned(),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    }
}

fn tcp(port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(port)),
        protocol: Some("TCP".to_owned()),
        end_port: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity, Key, Prepare,
        kubernetes::{KubernetesConfig, job},
    };

    fn mk_job() -> IflearnerJob {
        let prepare = Prepare {
            ports: vec!["grpc".to_owned(), "http".to_owned()],
            identity: Identity {
                party: "center".to_owned(),
                aggregator: true,
                ..Identity::default()
            },
            image: None,
        };
        let mut job = job::prepared(&Key::new("abc").unwrap(), &prepare, &KubernetesConfig::default());
        job.metadata.uid = Some("11111111-2222-3333-4444-555555555555".to_owned());
        job
    }

    #[test]
    fn only_the_ingress_reaches_the_routed_port() {
        let config = NetworkPolicyConfig {
            ingress_cidrs: vec!["10.0.0.0/8".to_owned()],
            control_plane_cidrs: vec!["192.0.2.1/32".to_owned()],
            ..NetworkPolicyConfig::default()
        };
        insta::assert_yaml_snapshot!(network_policy(&mk_job(), &config).unwrap());
        let off = NetworkPolicyConfig {
            enabled: false,
            ..config
        };
        assert!(network_policy(&mk_job(), &off).is_none());
    }

    #[test]
    fn nobody_passes_where_no_ingress_is_named() {
        let config = NetworkPolicyConfig {
            ingress_namespaces: Vec::new(),
            ..NetworkPolicyConfig::default()
        };
        let policy = network_policy(&mk_job(), &config).unwrap();
        // An empty list of sources would let everybody in.
        let rules = policy.spec.unwrap().ingress.unwrap();
        assert!(rules.iter().all(|rule| rule.from != Some(Vec::new())), "{rules:?}");
    }
}
