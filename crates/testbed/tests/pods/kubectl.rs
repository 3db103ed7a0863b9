//! kubectl, as people use it.

use std::{env, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// kubectl with the cluster of the tests.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// That of the cluster which `cargo xtask test` has brought up.
    pub(crate) fn from_environment() -> Self {
        let kubeconfig = env::var_os("FLOW_TEST_NODE_CLUSTER").map(PathBuf::from);
        let kubeconfig =
            kubeconfig.expect("FLOW_TEST_NODE_CLUSTER names the kubeconfig: run this by `cargo xtask test`");
        Self { kubeconfig }
    }

    /// The run directory of a cluster that is ours.
    pub(crate) fn run_directory(&self) -> PathBuf {
        self.kubeconfig.parent().unwrap().to_owned()
    }

    /// A program that finds kubectl and the cluster.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let own = [
            self.run_directory().join("bin"),
            flow_testbed::program("flowctl").parent().unwrap().to_owned(),
        ];
        let paths = own.into_iter().chain(env::split_paths(&path));
        let mut command = Command::new(program);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("PATH", env::join_paths(paths).unwrap());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) fn kubectl(&self, arguments: &str) -> Command {
        let mut command = self.command("kubectl");
        command.args(arguments.split_whitespace());
        command
    }

    /// Runs it with these arguments, split at spaces; answers its output.
    pub(crate) async fn run(&self, arguments: &str) -> String {
        self.try_run(arguments)
            .await
            .unwrap_or_else(|error| panic!("kubectl {arguments}: {error}"))
    }

    /// Likewise; the error is what kubectl says.
    pub(crate) async fn try_run(&self, arguments: &str) -> Result<String, String> {
        let output = self.kubectl(arguments).output().await.unwrap();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs it with `--output=json`.
    pub(crate) async fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{arguments} --output=json")).await).unwrap()
    }

    /// Applies manifests.
    pub(crate) async fn apply(&self, manifests: &str) {
        let mut child = self
            .kubectl("apply --filename -")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(manifests.as_bytes())
            .await
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl apply: {said}\n{manifests}");
    }
}
