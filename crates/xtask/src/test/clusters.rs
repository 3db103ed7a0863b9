//! The clusters that tests run on: one API server and one node for all of them, a namespace a test.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use flow_cluster::{Cluster, Level, Options};

use crate::{
    Outcome, chain,
    image::{self, Profile, What},
    workspace,
};

/// The tag of the images that tests use.
pub(super) const TAG: &str = "test";

/// Clusters that are up. They are taken down when this is dropped, which is also after a failure or a Ctrl-C.
#[derive(Debug)]
pub(super) struct Clusters {
    folder: tempfile::TempDir,
    cancelled: Arc<AtomicBool>,
    existing: bool,
    up: Vec<(&'static str, Cluster)>,
}

impl Clusters {
    /// None yet. With `existing`, the one that `KUBECONFIG` names is used for both, and left alone.
    pub(super) fn new(cancelled: Arc<AtomicBool>, existing: bool) -> Outcome<Self> {
        Ok(Self {
            folder: tempfile::Builder::new().prefix("flow-clusters-").tempdir()?,
            cancelled,
            existing,
            up: Vec::new(),
        })
    }

    /// Gets the programs of a node: a test that brings one up by itself has no time to build them.
    pub(super) fn node_programs(&self) -> Outcome {
        let options = self.options("node", Level::Node);
        Ok(flow_cluster::fetch(&options).map_err(|error| chain(&error))?)
    }

    /// An API server with its controllers, and nothing that runs pods.
    pub(super) fn api(&mut self) -> Outcome {
        let cluster = self.bring_up("api", Level::Api)?;
        self.up.push(("FLOW_TEST_API_CLUSTER", cluster));
        Ok(())
    }

    /// A whole node, with our images.
    pub(super) fn node(&mut self, images: &[PathBuf]) -> Outcome {
        let cluster = self.bring_up("node", Level::Node)?;
        // Of somebody else's cluster only they know how images get there.
        if !self.existing {
            for image in images {
                cluster.import_image(image).map_err(|error| chain(&error))?;
            }
        }
        self.up.push(("FLOW_TEST_NODE_CLUSTER", cluster));
        Ok(())
    }

    fn bring_up(&self, name: &str, level: Level) -> Outcome<Cluster> {
        Ok(Cluster::up(&self.options(name, level)).map_err(|error| chain(&error))?)
    }

    fn options(&self, name: &str, level: Level) -> Options {
        let mut options = Options::new(self.folder.path().join(name), level);
        options.cancelled = self.cancelled.clone();
        options.prefer_existing = self.existing;
        options
    }

    /// What tests find them by: the kubeconfig of each.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        self.up
            .iter()
            .map(|(name, cluster)| (*name, cluster.kubeconfig().to_owned()))
    }

    /// Takes them down, and fails if something of them stays.
    pub(super) fn down(mut self) -> Outcome {
        for (_, cluster) in self.up.drain(..).rev() {
            cluster.down().map_err(|error| chain(&error))?;
        }
        Ok(())
    }
}

/// Our images, as soon as they can be had.
pub(super) fn images() -> Outcome<Vec<PathBuf>> {
    let out = workspace::target_directory()?.join("images");
    let built = image::build(&[What::All], Profile::Dev, TAG, &out)?;
    Ok(built.into_iter().map(|image| image.path).collect())
}
