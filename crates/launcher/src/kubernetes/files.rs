//! The ConfigMap of the files that an agent brings along. Its name is that of its content, so it never changes and jobs share it.

use std::collections::BTreeMap;

use flow_operator_api::MANAGED_BY;
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use sha2::{Digest as _, Sha256};

use super::names::MANAGER;
use crate::Files;

/// The ConfigMap's name.
pub(super) fn name(files: &Files) -> String {
    let mut digest = Sha256::new();
    for (path, text) in &files.texts {
        for part in [path, text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
    }
    let digest: String = digest.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("flow-files-{digest}")
}

/// The key of each file, with its path. A key cannot hold a slash.
pub(super) fn keys(files: &Files) -> impl Iterator<Item = (String, &str)> {
    let paths = files.texts.keys().enumerate();
    paths.map(|(index, path)| (format!("file-{index}"), path.as_str()))
}

/// The ConfigMap.
pub(super) fn config_map(files: &Files) -> ConfigMap {
    let keys = keys(files).map(|(key, _)| key);
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name(files)),
            labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())])),
            ..ObjectMeta::default()
        },
        data: Some(keys.zip(files.texts.values().cloned()).collect()),
        binary_data: None,
        immutable: Some(true),
    }
}
