//! containerd, with images that are there from the beginning, and the network that it gives pods.

use std::{fs, path::Path, time::Duration};

use super::{claim, images, net, packages, places, template};
use crate::{
    ClusterError, Process,
    building::Building,
    command,
    process::{Mounts, Namespaces},
};

/// A socket's path has at most 107 bytes, and the longest in the run directory is `containerd/containerd.sock.ttrpc`.
const LONGEST_DIR: usize = 107 - 33;

const READY: Duration = Duration::from_secs(60);

/// Starts it; answers it when images can be imported. Its mounts are seen by nothing but what joins it.
pub(super) fn start(building: &mut Building<'_>) -> Result<Process, ClusterError> {
    let layout = building.layout.clone();
    for folder in ["containerd", "cni"] {
        let folder = layout.path(folder);
        fs::create_dir_all(&folder).map_err(ClusterError::file("create", &folder))?;
    }
    let (dir, socket) = (shown(layout.dir())?, layout.containerd_socket());
    if dir.len() > LONGEST_DIR {
        let (what, why) = (
            format!("the directory {dir}"),
            "its path is too long for sockets in it: choose a shorter one",
        );
        return Err(ClusterError::Option { what, why });
    }
    let shims = claim::shim_sockets();
    let config = layout.path("containerd/config.toml");
    let values = [
        ("dir", dir),
        ("socket", shown(&socket)?),
        ("shims", shown(&shims)?),
        ("pause", images::PAUSE),
        ("plugins", packages::PLUGINS),
    ];
    template::write(&config, include_str!("templates/containerd.toml"), &values)?;
    let network = [("dir", dir), ("subnet", net::POD_SUBNET)];
    template::write(
        &layout.path("cni/flow.conflist"),
        include_str!("templates/bridge.conflist"),
        &network,
    )?;

    let mut containerd = building.program("containerd");
    containerd.arg("--config").arg(&config);
    containerd.env("PATH", building.path());
    let namespaces = Namespaces {
        mounts: Mounts::Own {
            covers: places::covers(layout.dir())?,
        },
        ..building.namespaces.clone()
    };
    let process = building.start_in("containerd", &containerd, &namespaces)?;
    building.until(READY, "containerd answers", |building| {
        let mut version = building.program("ctr");
        version.arg("--address").arg(&socket).arg("version");
        command::succeeds(&mut version, Duration::from_secs(10))
    })?;
    for (name, program) in [(images::PAUSE, "pause"), (images::ECHO, "echo")] {
        let archive = layout.path(&format!("containerd/{program}.tar"));
        images::write(&archive, name, &building.binaries.path(program))?;
        images::import(building.state, &archive)?;
    }
    Ok(process)
}

/// A path as it stands in a configuration file.
pub(super) fn shown(path: &Path) -> Result<&str, ClusterError> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\\', '\n', '@', '$']));
    text.ok_or_else(|| ClusterError::Option {
        what: format!("the directory {}", path.display()),
        why: "it cannot stand in a configuration file: choose one of plain characters",
    })
}
