//! The volumes of a pod: its own folders, data sets, and files that the agent brings along.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource, KeyToPath, NFSVolumeSource,
    PersistentVolumeClaimVolumeSource, Volume as PodVolume, VolumeMount,
};

use super::{files, job::WORK, some};
use crate::Volume;

/// The volumes of a pod, each with where it is mounted.
#[derive(Default)]
pub(super) struct Volumes {
    pub(super) volumes: Vec<PodVolume>,
    pub(super) mounts: Vec<VolumeMount>,
}

impl Volumes {
    fn add(&mut self, volume: PodVolume, mount: VolumeMount) {
        self.volumes.push(volume);
        self.mounts.push(mount);
    }

    pub(super) fn empty(&mut self, name: &str, path: &str) {
        let volume = PodVolume {
            name: name.to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..PodVolume::default()
        };
        self.add(volume, mount(name, path));
    }

    pub(super) fn writable(&mut self, work: &str, folder: &str) {
        let path = if folder.starts_with('/') {
            folder.to_owned()
        } else {
            format!("{}/{folder}", work.trim_end_matches('/'))
        };
        // Its own folder is writable as a whole.
        if path == WORK || path.starts_with(&format!("{WORK}/")) || self.mounts.iter().any(|m| m.mount_path == path) {
            return;
        }
        let name = format!("writable-{}", self.volumes.len());
        self.empty(&name, &path);
    }

    pub(super) fn data(&mut self, data: &crate::Mount) {
        let name = format!("data-{}", self.volumes.len());
        let mut volume = PodVolume {
            name: name.clone(),
            ..PodVolume::default()
        };
        let mut at = mount(&name, &data.path);
        at.read_only = Some(data.read_only);
        match &data.volume {
            Volume::HostPath(path) => {
                volume.host_path = Some(HostPathVolumeSource {
                    path: path.to_string_lossy().into_owned(),
                    type_: None,
                });
            }
            Volume::Claim { name, sub_path } => {
                at.sub_path = some(sub_path);
                volume.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                    claim_name: name.clone(),
                    read_only: Some(data.read_only),
                });
            }
            Volume::Nfs { server, path } => {
                volume.nfs = Some(NFSVolumeSource {
                    server: server.clone(),
                    path: path.clone(),
                    read_only: Some(data.read_only),
                });
            }
        }
        self.add(volume, at);
    }

    pub(super) fn files(&mut self, brought: &crate::Files) {
        let items = files::keys(brought).map(|(key, path)| KeyToPath {
            key,
            path: path.to_owned(),
            mode: None,
        });
        let volume = PodVolume {
            name: "files".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: files::name(brought),
                items: Some(items.collect()),
                ..ConfigMapVolumeSource::default()
            }),
            ..PodVolume::default()
        };
        let mut at = mount("files", &brought.folder);
        at.read_only = Some(true);
        self.add(volume, at);
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}
