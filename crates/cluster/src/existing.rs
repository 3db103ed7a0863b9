//! A cluster that was there before.

use std::{ffi::OsStr, path::PathBuf, process::Command, time::Duration};

use crate::{ClusterError, Level, Missing, Need, State, command, wait::Cancel};

/// What `KUBECONFIG` says of it. That it has nodes is taken for granted.
pub(crate) fn state(variable: &OsStr) -> Result<State, ClusterError> {
    // Of several files the first is enough for one cluster.
    let first: PathBuf = std::env::split_paths(variable).next().unwrap_or_default();
    let kubeconfig = std::path::absolute(&first).map_err(ClusterError::file("find", &first))?;
    let Some(kubectl) = command::find("kubectl") else {
        let needs = vec![Need::Programs(vec![("kubectl", "kubernetes-client")])];
        return Err(Missing { needs }.into());
    };
    let mut view = Command::new(&kubectl);
    view.args([
        "config",
        "view",
        "--minify",
        "--output=jsonpath={.clusters[0].cluster.server}",
    ]);
    view.env("KUBECONFIG", &kubeconfig);
    let api_server = command::run(&mut view, Duration::from_secs(30), &Cancel::default())?;
    Ok(State {
        level: Level::Node,
        ready: true,
        kubeconfig,
        api_server,
        bin_dir: None,
        node: None,
        owner: None,
        processes: Vec::new(),
    })
}
