//! What tests need of a machine beside Rust, and which tests need it.

use std::{fmt, path::Path};

use super::runner;
use crate::{Outcome, cargo};

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// A Python with the frameworks that jobs use.
    Python,
    /// A database server.
    MariaDb,
    /// The programs of a Kubernetes API server.
    ApiServer,
    /// A whole Kubernetes node: root rights, containers, images.
    Node,
}

impl Need {
    /// As tests that run without it read it in `FLOW_TEST_MISSING`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::MariaDb => "mariadb",
            Self::ApiServer => "api-server",
            Self::Node => "node",
        }
    }

    /// The tests that need it, as nextest selects them. Whoever adds a test binary to the test bed that needs no Python adds it here.
    pub(super) fn tests(self) -> &'static str {
        match self {
            Self::Python => {
                "(package(flow-testbed) - binary_id(flow-testbed::link) - binary_id(flow-testbed::rest) - binary_id(flow-testbed::pods)) \
                 + binary_id(flowctl::demo)"
            }
            Self::MariaDb => {
                "binary_id(flow-mariadb::server) + (binary_id(flow-server::store) - test(sqlite::)) \
                 + ((package(flow-agent) + package(flow-federate)) & test(mariadb)) + binary_id(flow-testbed::chaos)"
            }
            Self::ApiServer => {
                "binary_id(/^flow-operator::/) + binary_id(flow-cluster::api) + binary_id(flow-launcher::kubernetes)"
            }
            Self::Node => "binary_id(flow-testbed::pods) + binary_id(flow-cluster::node)",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "a Python with iflearner and Flower",
            Self::MariaDb => "a MariaDB",
            Self::ApiServer => "the programs of a Kubernetes API server",
            Self::Node => "a Kubernetes node",
        })
    }
}

/// What is missing here, each with why.
#[derive(Debug, Default)]
pub(super) struct Missing(Vec<Need>);

impl Missing {
    /// Takes what `got` says: with `allowed`, a failure is told, with the tests that are not run for it.
    pub(super) fn unless<T>(
        &mut self,
        need: Need,
        allowed: bool,
        nextest: &Path,
        got: Outcome<T>,
    ) -> Outcome<Option<T>> {
        let error = match got {
            Ok(there) => return Ok(Some(there)),
            Err(error) => error,
        };
        if !allowed {
            let hint = "`cargo xtask test --allow-missing` names the tests that need it and runs the others";
            return Err(format!("{need} cannot be had: {error}\nhint: {hint}").into());
        }
        eprintln!("missing: {need}: {error}\nNot run are:");
        for test in list(nextest, need.tests())? {
            eprintln!("  {test}");
        }
        self.0.push(need);
        Ok(None)
    }

    /// What is missing, as tests read it.
    pub(super) fn words(&self) -> Option<String> {
        let words: Vec<&str> = self.0.iter().map(|need| need.word()).collect();
        (!words.is_empty()).then(|| words.join(","))
    }

    /// The tests that cannot run.
    pub(super) fn tests(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|need| need.tests())
    }
}

/// The names of the tests that a filter selects.
pub(super) fn list(nextest: &Path, filter: &str) -> Outcome<Vec<String>> {
    let mut list = runner(nextest);
    list.args(["list", "--workspace", "--message-format", "oneline", "-E", filter]);
    Ok(cargo::output(&mut list)?.lines().map(str::to_owned).collect())
}
