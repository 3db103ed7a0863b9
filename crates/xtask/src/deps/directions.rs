//! Which crate may use which. Only normal and build dependencies count: tests may use anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Finding;
use crate::workspace::Metadata;

/// Crates that may use these of the workspace and no others.
const ONLY: [(&str, &[&str]); 12] = [
    ("flow-domain", &[]),
    ("flow-cluster", &[]),
    ("flow-launcher", &["flow-operator-api"]),
    ("flow-mariadb", &[]),
    ("flow-migrations", &[]),
    ("flow-operator", &["flow-daemon", "flow-operator-api"]),
    ("flow-operator-api", &[]),
    ("flow-pki", &[]),
    ("flow-api", &["flow-domain"]),
    ("flow-proto", &["flow-domain"]),
    ("flow-rest", &["flow-api", "flow-domain"]),
    (
        "flow-agent",
        &[
            "flow-daemon",
            "flow-database",
            "flow-domain",
            "flow-launcher",
            "flow-migrations",
            "flow-proto",
        ],
    ),
];

/// What the domain must not even reach through others: it decides, and leaves waiting, storing and sending to the rest.
const PURE: (&str, &[&str]) = (
    "flow-domain",
    &[
        "axum", "hyper", "kube", "reqwest", "rustls", "sea-orm", "sqlx", "tokio", "tonic",
    ],
);

/// Crates that are programs; their libraries are for tests and for the embedded stack.
const PROGRAMS: [&str; 4] = ["flow-server", "flow-federate", "flow-operator", "flowctl"];

/// Who may use a program's library: the test bed and the simulation, and flowctl for `up` and `demo`.
const MAY_USE_PROGRAMS: [&str; 3] = ["flow-simulation", "flow-testbed", "flowctl"];

/// Packages by name, and the names of what each uses.
#[derive(Debug, Default)]
pub(super) struct Graph {
    members: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of a workspace. Two versions of a package count as one.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let names: BTreeMap<&str, &str> = metadata
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package.name.as_str()))
            .collect();
        let name = |id: &str| names.get(id).copied().unwrap_or(id).to_owned();
        let mut graph = Self {
            members: metadata.workspace_members.iter().map(|id| name(id)).collect(),
            uses: BTreeMap::new(),
        };
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let used = node.deps.iter().filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind.as_deref() != Some("dev"))
            });
            let uses = graph.uses.entry(name(&node.id)).or_default();
            uses.extend(used.map(|dependency| name(&dependency.pkg)));
        }
        graph
    }

    fn uses(&self, name: &str) -> impl Iterator<Item = &str> {
        self.uses.get(name).into_iter().flatten().map(String::as_str)
    }

    /// The shortest way from one package to another, both included.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(name) = queue.pop_front() {
            if name == to {
                let mut way = vec![to.to_owned()];
                let mut at = to;
                while let Some(before) = came_from.get(at) {
                    way.insert(0, (*before).to_owned());
                    at = before;
                }
                return Some(way);
            }
            for next in self.uses(name) {
                if next != from && !came_from.contains_key(next) {
                    came_from.insert(next, name);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Every use that is not allowed.
pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = ONLY
        .iter()
        .map(|(name, _)| *name)
        .chain(PROGRAMS)
        .chain(MAY_USE_PROGRAMS);
    for name in named.collect::<BTreeSet<_>>() {
        if !graph.members.contains(name) {
            findings.push(Finding::Error(format!(
                "the rules name {name}, which is no crate of the workspace"
            )));
        }
    }
    for (name, allowed) in ONLY {
        for used in graph.uses(name).filter(|used| graph.members.contains(*used)) {
            if !allowed.contains(&used) {
                findings.push(Finding::Error(format!("{name} must not use {used}")));
            }
        }
    }
    for name in graph
        .members
        .iter()
        .filter(|name| !MAY_USE_PROGRAMS.contains(&name.as_str()))
    {
        for used in graph.uses(name).filter(|used| PROGRAMS.contains(used)) {
            findings.push(Finding::Error(format!(
                "{name} must not use {used}, which is a program"
            )));
        }
    }
    let (pure, never) = PURE;
    for way in never.iter().filter_map(|impure| graph.way(pure, impure)) {
        findings.push(Finding::Error(format!("{pure} is to be pure: {}", way.join(" -> "))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace that has every crate that the rules name, with these uses.
    fn graph(uses: &[(&str, &str)]) -> Graph {
        let named = ONLY
            .iter()
            .map(|(name, _)| *name)
            .chain(PROGRAMS)
            .chain(MAY_USE_PROGRAMS);
        let mut graph = Graph {
            members: named.map(str::to_owned).collect(),
            uses: BTreeMap::new(),
        };
        for (from, to) in uses {
            graph
                .uses
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    }

    fn errors(uses: &[(&str, &str)]) -> Vec<Finding> {
        check(&graph(uses))
    }

    fn error(text: &str) -> Vec<Finding> {
        vec![Finding::Error(text.to_owned())]
    }

    #[test]
    fn the_designed_directions_are_allowed() {
        let allowed = [
            ("flow-domain", "serde"),
            ("flow-proto", "flow-domain"),
            ("flow-proto", "tonic"),
            ("flow-server", "flow-proto"),
            ("flowctl", "flow-server"),
            ("flow-testbed", "flowctl"),
        ];
        assert_eq!(errors(&allowed), []);
    }

    #[test]
    fn a_use_against_the_direction_is_named() {
        assert_eq!(
            errors(&[("flow-domain", "flow-proto")]),
            error("flow-domain must not use flow-proto")
        );
        assert_eq!(
            errors(&[("flow-launcher", "flow-domain")]),
            error("flow-launcher must not use flow-domain")
        );
    }

    #[test]
    fn a_program_is_used_by_nothing_but_tests_and_flowctl() {
        let text = "flow-federate must not use flow-server, which is a program";
        assert_eq!(errors(&[("flow-federate", "flow-server")]), error(text));
    }

    #[test]
    fn the_domain_is_pure_through_others_too() {
        let uses = [
            ("flow-domain", "a"),
            ("a", "b"),
            ("b", "a"),
            ("b", "tokio"),
            ("a", "flow-domain"),
        ];
        assert_eq!(
            errors(&uses),
            error("flow-domain is to be pure: flow-domain -> a -> b -> tokio")
        );
    }

    #[test]
    fn a_rule_about_a_crate_that_is_gone_is_told() {
        let mut graph = graph(&[]);
        graph.members.remove("flow-pki");
        assert_eq!(
            check(&graph),
            error("the rules name flow-pki, which is no crate of the workspace")
        );
    }
}
