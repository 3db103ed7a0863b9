//! Configuration files with a few values in them.

use std::path::Path;

use crate::{ClusterError, pki};

/// Writes `template` to `path`, with each `@name@` replaced.
pub(super) fn write(path: &Path, template: &str, values: &[(&str, &str)]) -> Result<(), ClusterError> {
    pki::write(path, &fill(template, values))
}

/// Replaces each `@name@`.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("@{name}@"), value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each template with the values that it is written with; none is forgotten.
    #[test]
    fn nothing_is_left_to_fill_in() {
        let names = [
            "dir",
            "socket",
            "shims",
            "pause",
            "plugins",
            "subnet",
            "node",
            "cgroup",
            "domain",
            "domain_regex",
        ];
        let values = names.map(|name| (name, "x"));
        for template in [
            include_str!("templates/containerd.toml"),
            include_str!("templates/bridge.conflist"),
            include_str!("templates/kubelet.yaml"),
            include_str!("templates/Corefile"),
            include_str!("templates/ingress.yaml"),
        ] {
            let filled = fill(template, &values);
            assert!(!filled.contains('@'), "{filled}");
        }
    }
}
