//! Images: what containerd is given, as there is no registry.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{ClusterError, State, command, wait::Cancel};

/// What holds a pod together.
pub(super) const PAUSE: &str = "flow-cluster.local/pause:1";

/// An image that each node has, for tests: a web server on port 8080 that answers with what was asked, over HTTP/1 and
/// over HTTP/2 without TLS (h2c). With the arguments `say WORD…` it prints the words, with `exit CODE` it ends so.
pub const ECHO: &str = "flow-cluster.local/echo:1";

/// A training image of some hundred megabytes takes five seconds.
const IMPORT: Duration = Duration::from_secs(300);

/// Imports an archive for kubelet.
pub(crate) fn import(state: &State, archive: &Path) -> Result<(), ClusterError> {
    let (Some(node), Some(bin)) = (&state.node, &state.bin_dir) else {
        return Err(ClusterError::Option {
            what: format!("importing {}", archive.display()),
            why: "this cluster has no node of ours: load images into it by its own means",
        });
    };
    let mut ctr = Command::new(bin.join("ctr"));
    ctr.arg("--address").arg(&node.containerd_socket);
    ctr.args(["--namespace", "k8s.io", "images", "import"]).arg(archive);
    command::run(&mut ctr, IMPORT, &Cancel::default()).map(drop)
}

/// Writes an image of one static program as an OCI archive. It runs as nobody.
pub(super) fn write(archive: &Path, name: &str, program: &Path) -> Result<(), ClusterError> {
    let file_name = program.file_name().unwrap_or_default();
    let content = fs::read(program).map_err(ClusterError::file("read", program))?;
    let write = || -> io::Result<()> {
        let mut layer = tar::Builder::new(Vec::new());
        append(&mut layer, Path::new(file_name), 0o755, &content)?;
        let layer = layer.into_inner()?;
        let entrypoint = format!("/{}", file_name.to_string_lossy());
        // Go calls processors as OCI does, and Rust otherwise.
        let architecture = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        let config = json!({
            "architecture": architecture, "os": "linux",
            "config": {"Entrypoint": [entrypoint], "User": "65534:65534"},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        entry["annotations"] = json!({"io.containerd.image.name": name});
        entry["platform"] = json!({"architecture": architecture, "os": "linux"});
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();

        let mut tar = tar::Builder::new(File::create(archive)?);
        append(
            &mut tar,
            Path::new("oci-layout"),
            0o644,
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        )?;
        append(&mut tar, Path::new("index.json"), 0o644, index.as_bytes())?;
        for blob in [&config, &layer, &manifest] {
            let path = format!("blobs/{}", digest(blob).replace(':', "/"));
            append(&mut tar, Path::new(&path), 0o644, blob)?;
        }
        tar.finish()
    };
    write().map_err(ClusterError::file("write", archive))
}

fn append<W: io::Write>(tar: &mut tar::Builder<W>, path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    tar.append_data(&mut header, path, content)
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(blob), "size": blob.len()})
}

fn digest(blob: &[u8]) -> String {
    let hex: String = Sha256::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
