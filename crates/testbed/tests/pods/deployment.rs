//! Deploys the platform as the README of `deploy` says, and takes it away again.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use flow_testbed::within;
use serde_json::Value;
use tempfile::TempDir;

use crate::{PATIENCE, flow::Flow, kubectl::Kubectl};

/// The namespaces of the platform, and what it calls the members in them.
const MEMBERS: [(&str, &str); 3] = [
    ("flow-center", "server"),
    ("flow-party-a", "party-a"),
    ("flow-party-b", "party-b"),
];

/// The user that all our containers run as.
const USER: u32 = 65_532;

/// Settings of this place, over those of the overlay for everything in one cluster.
const OVERLAY: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../overlays/all-in-one]
images:
  - {name: iflearner-flow/flow-operator, newTag: test}
  - {name: iflearner-flow/flow-server, newTag: test}
  - {name: iflearner-flow/flow-federate, newTag: test}
configMapGenerator:
  - {name: flow-server-env, namespace: flow-center, behavior: merge, literals: [FLOW_SERVER__LEGACY__LISTEN=127.0.0.1:1234]}
  - {name: flow-operator-env, namespace: flow-system, behavior: merge, literals: [FLOW_OPERATOR__INGRESS__PRESET=contour]}
  - {name: flow-federate-env, namespace: flow-party-a, behavior: merge, literals: [FLOW_FEDERATE__AGENT__DATASETS__DIGITS__CLAIM=digits]}
  - {name: flow-federate-env, namespace: flow-party-b, behavior: merge, literals: [FLOW_FEDERATE__AGENT__DATASETS__DIGITS__CLAIM=digits]}
";

/// The platform in a cluster.
pub(crate) struct Deployment {
    pub(crate) kubectl: Kubectl,
    pub(crate) flow: Flow,
    folder: TempDir,
}

impl Deployment {
    /// Deploys it with `kubectl apply -k`, and waits until all parties are attached.
    pub(crate) async fn apply(kubectl: &Kubectl) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Pods of another user look at volumes in it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let this = Self {
            kubectl: kubectl.clone(),
            flow: Flow::connect(kubectl),
            folder,
        };
        copy(&sources(), &this.deploy());
        this.make_volumes().await;
        let overlay = this.deploy().join("kustomize/test");
        fs::create_dir(&overlay).unwrap();
        fs::write(overlay.join("kustomization.yaml"), OVERLAY).unwrap();
        // A resource of a kind that has just been defined is known a moment later.
        let apply = format!("apply --server-side -k {}", overlay.display());
        within(PATIENCE, "kubectl apply -k", async || {
            this.kubectl.try_run(&apply).await.ok()
        })
        .await;
        this.make_certificates().await;
        for workload in [
            "flow-system deployment/flow-operator",
            "flow-center statefulset/flow-server",
        ] {
            let (namespace, workload) = workload.split_once(' ').unwrap();
            this.kubectl
                .run(&format!(
                    "--namespace {namespace} rollout status {workload} --timeout 120s"
                ))
                .await;
        }
        for (namespace, _) in &MEMBERS[1..] {
            let claim = format!(
                "{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: digits, namespace: {namespace}}}, spec: \
                 {{accessModes: [ReadWriteOnce], storageClassName: '', volumeName: {namespace}-digits, resources: {{requests: \
                 {{storage: 1Mi}}}}}}}}"
            );
            this.kubectl.apply(&claim).await;
        }
        this.flow.is_attached().await;
        this
    }

    fn deploy(&self) -> PathBuf {
        self.folder.path().join("deploy")
    }

    fn pki(&self) -> PathBuf {
        self.folder.path().join("pki")
    }

    /// Volumes of this machine, as there is nobody to make them: one for the server, and one with each party's share of the data.
    pub(crate) async fn make_volumes(&self) {
        let folder = self.folder.path().join("volumes");
        let mut command = self.kubectl.command("flowctl");
        command.args(["demo", "--data"]).arg(&folder);
        assert!(command.status().await.unwrap().success());
        let server = folder.join("flow-server");
        let _ = fs::remove_dir_all(&server);
        fs::create_dir(&server).unwrap();
        chown(&server, Some(USER), Some(USER)).unwrap();
        let volume = |name: &str, path: &Path, claim: &str, namespace: &str| {
            let path = path.display();
            format!(
                "---\n{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{capacity: {{storage: 20Gi}}, \
                 accessModes: [ReadWriteOnce], hostPath: {{path: {path}}}, claimRef: {{name: {claim}, namespace: {namespace}}}}}}}\n"
            )
        };
        let mut volumes = volume("flow-server", &server, "data-flow-server-0", "flow-center");
        for (namespace, party) in &MEMBERS[1..] {
            volumes += &volume(&format!("{namespace}-digits"), &folder.join(party), "digits", namespace);
        }
        self.kubectl.apply(&volumes).await;
    }

    /// The parties' own claims: what is not the platform's it leaves alone, and with it the namespace.
    pub(crate) async fn remove_data(&self) {
        for (namespace, _) in &MEMBERS[1..] {
            self.kubectl
                .run(&format!("--namespace {namespace} delete persistentvolumeclaim digits"))
                .await;
        }
    }

    pub(crate) async fn remove_volumes(&self) {
        self.kubectl
            .run("delete persistentvolume flow-server flow-party-a-digits flow-party-b-digits")
            .await;
    }

    /// The certificates of all members and of the ingress in front of their jobs, as `deploy/README.md` says.
    async fn make_certificates(&self) {
        for authority in ["ca", "routes-ca"] {
            self.flowctl(&["pki", "init", "--dir", &self.at(authority)]).await;
        }
        for (namespace, member) in MEMBERS {
            let (out, routes) = (self.at(member), self.at(&format!("{member}/routes")));
            let wildcard = match member {
                "server" => "*.server.iflearner.com".to_owned(),
                party => format!("*.{party}.party.iflearner.com"),
            };
            let mut issue = vec!["pki", "issue"];
            match member {
                "server" => issue.extend(["server", "--host", "flow-server.flow-center.svc"]),
                party => issue.extend(["party", party]),
            }
            let ca = self.at("ca");
            issue.extend(["--dir", &ca, "--out", &out]);
            self.flowctl(&issue).await;
            let ca = self.at("routes-ca");
            self.flowctl(&[
                "pki", "issue", "server", "--host", &wildcard, "--dir", &ca, "--out", &routes,
            ])
            .await;
            let (identity, route) = match member {
                "server" => ("flow-server-tls", "server-iflearner-secret"),
                _ => ("flow-federate-tls", "party-iflearner-secret"),
            };
            let create = format!("--namespace {namespace} create");
            let run = async |arguments: String| self.kubectl.run(&format!("{create} {arguments}")).await;
            run(format!(
                "secret generic {identity} --type kubernetes.io/tls --from-file tls.crt={out}/{member}.crt --from-file \
                 tls.key={out}/{member}.key --from-file ca.crt={out}/ca.crt"
            ))
            .await;
            run(format!(
                "secret tls {route} --cert {routes}/server.crt --key {routes}/server.key"
            ))
            .await;
            for role in ["server", "party"] {
                run(format!(
                    "configmap {role}-iflearner-crt --from-file {role}-iflearner-secret.crt={routes}/ca.crt"
                ))
                .await;
            }
        }
    }

    /// One certificate for the jobs of all members, for the cluster's Gateway.
    pub(crate) async fn make_gateway_certificate(&self) {
        let (ca, out) = (self.at("routes-ca"), self.at("gateway"));
        let mut issue = vec!["pki", "issue", "server", "--dir", &ca, "--out", &out];
        for host in [
            "*.server.iflearner.com",
            "*.party-a.party.iflearner.com",
            "*.party-b.party.iflearner.com",
        ] {
            issue.extend(["--host", host]);
        }
        self.flowctl(&issue).await;
        let create = "--namespace projectcontour create secret tls gateway";
        self.kubectl
            .run(&format!("{create} --cert {out}/server.crt --key {out}/server.key"))
            .await;
    }

    fn at(&self, part: &str) -> String {
        self.pki().join(part).display().to_string()
    }

    async fn flowctl(&self, arguments: &[&str]) {
        let output = self.kubectl.command("flowctl").args(arguments).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "flowctl {arguments:?}: {said}");
    }

    /// Waits until the ingress's log says that somebody has called this path by one of these names. Of a cluster that is not ours only
    /// its people know where that log is.
    pub(crate) async fn went_through_the_ingress(&self, path: &str, hosts: &[&String]) {
        let log = self.kubectl.run_directory().join("log/envoy.log");
        if !log.exists() {
            return;
        }
        let what = format!("a call of {path} at {hosts:?} in the log of the ingress");
        within(PATIENCE, &what, async || {
            let log = fs::read_to_string(&log).unwrap();
            let called = |line: &str| line.contains(path) && hosts.iter().any(|host| line.contains(*host));
            log.lines().any(called).then_some(())
        })
        .await;
    }

    /// Runs `deploy/install.sh`.
    pub(crate) async fn install(&self, arguments: &[&str]) {
        let pki = self.at("");
        let more = [
            "--preset",
            "contour",
            "--tag",
            "test",
            "--timeout",
            "120s",
            "--pki",
            &pki,
        ];
        self.script("install.sh", &[arguments, &more].concat()).await;
    }

    /// Runs `deploy/uninstall.sh`.
    pub(crate) async fn uninstall(&self, arguments: &[&str]) {
        self.script("uninstall.sh", &[arguments, &["--timeout", "120s"]].concat())
            .await;
    }

    async fn script(&self, name: &str, arguments: &[&str]) {
        let output = self
            .kubectl
            .command(sources().join(name))
            .args(arguments)
            .output()
            .await
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{name} {arguments:?}:\n{out}{err}");
    }

    /// The pods of the platform itself, by name and id.
    pub(crate) async fn platform_pods(&self) -> Vec<(String, String)> {
        let pods = self
            .kubectl
            .json("get pods --all-namespaces --selector app.kubernetes.io/part-of=iflearner-flow")
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pods = pods["items"].as_array().unwrap().iter().map(|pod| &pod["metadata"]);
        let mut pods: Vec<_> = pods.map(|pod| (text(&pod["name"]), text(&pod["uid"]))).collect();
        assert!(!pods.is_empty(), "the platform has no pods");
        pods.sort();
        pods
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .canonicalize()
        .unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
