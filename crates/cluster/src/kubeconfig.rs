//! Files that tell a client where the API server is and who it is itself.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::{
    ClusterError,
    pki::{self, Pair},
};

/// Writes one that needs no other file. It is JSON, which is YAML too.
pub(crate) fn write(path: &Path, server: &str, authority: &Pair, user: &Pair) -> Result<(), ClusterError> {
    let data = |path: &Path| {
        let bytes = fs::read(path).map_err(ClusterError::file("read", path))?;
        Ok::<_, ClusterError>(BASE64_STANDARD.encode(bytes))
    };
    let name = "flow-cluster";
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": server,
            "certificate-authority-data": data(&authority.certificate)?,
        }}],
        "users": [{"name": name, "user": {
            "client-certificate-data": data(&user.certificate)?,
            "client-key-data": data(&user.key)?,
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    });
    pki::write(path, &format!("{config:#}\n"))
}
