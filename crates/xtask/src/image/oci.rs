//! An OCI image as one archive: the image layout of the OCI, with what Docker's older `load` wants beside it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use serde::Serialize;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::{digest::Digest, layer::Layer};
use crate::Outcome;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image says when it was made. The same inputs make the same image at any time, so this says nothing.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// What is in an image, and how it starts.
#[derive(Debug)]
pub(super) struct Image<'a> {
    /// `repository:tag`.
    pub(super) name: &'a str,
    /// The processor, as the OCI calls it.
    pub(super) architecture: &'a str,
    /// The lowest one first.
    pub(super) layers: &'a [Layer],
    /// What a container of it runs, and as whom.
    pub(super) start: Start<'a>,
    /// Labels, by name.
    pub(super) labels: BTreeMap<&'a str, &'a str>,
}

/// What a container runs unless told otherwise; written as the OCI names it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Start<'a> {
    /// User and group, by number: Kubernetes can tell only then that it is not root.
    pub(super) user: &'a str,
    /// `NAME=value`.
    pub(super) env: &'a [&'a str],
    /// The program.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) entrypoint: &'a [&'a str],
    /// Its arguments, or the program where there is no entry point.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) cmd: &'a [&'a str],
    /// Where it runs.
    pub(super) working_dir: &'a str,
}

/// Writes the archive whole or not at all; answers the digest of the image's manifest.
pub(super) fn write(image: &Image<'_>, path: &Path) -> Outcome<Digest> {
    let config = config(image)?;
    let manifest = manifest(image, &config)?;
    let digest = Digest::of(&manifest);
    let written = || -> io::Result<()> {
        let unfinished = path.with_extension("part");
        let mut archive = Builder::new(BufWriter::new(File::create(&unfinished)?));
        text(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        text(
            &mut archive,
            "index.json",
            index(image, &manifest).to_string().as_bytes(),
        )?;
        text(
            &mut archive,
            "manifest.json",
            for_docker(image, &config).to_string().as_bytes(),
        )?;
        for folder in ["blobs/", "blobs/sha256/"] {
            let mut header = header(EntryType::Directory, 0o755, 0);
            archive.append_data(&mut header, folder, io::empty())?;
        }
        text(&mut archive, &blob(&Digest::of(&config)), &config)?;
        text(&mut archive, &blob(&digest), &manifest)?;
        for layer in image.layers {
            let blob_file = BufReader::new(File::open(&layer.path)?);
            entry(&mut archive, &blob(&layer.digest), layer.size, blob_file)?;
        }
        archive.into_inner()?.flush()?;
        fs::rename(&unfinished, path)
    };
    written().map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(digest)
}

/// The name with the registry that it stands for, which is how containerd looks an image up.
fn full_name(name: &str) -> String {
    match name.split_once('/') {
        Some((registry, _)) if registry == "localhost" || registry.contains(['.', ':']) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

fn config(image: &Image<'_>) -> Outcome<Vec<u8>> {
    let mut start = serde_json::to_value(&image.start)?;
    start["Labels"] = json!(image.labels);
    let diff_ids: Vec<&Digest> = image.layers.iter().map(|layer| &layer.diff_id).collect();
    let history = |_| json!({ "created": CREATED, "created_by": "cargo xtask image" });
    let config = json!({
        "created": CREATED,
        "architecture": image.architecture,
        "os": "linux",
        "config": start,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": diff_ids.iter().map(history).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_vec(&config)?)
}

fn manifest(image: &Image<'_>, config: &[u8]) -> Outcome<Vec<u8>> {
    let layer = |layer: &Layer| json!({ "mediaType": LAYER, "digest": layer.digest, "size": layer.size });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_vec(&manifest)?)
}

fn index(image: &Image<'_>, manifest: &[u8]) -> Value {
    let mut described = descriptor(MANIFEST, manifest);
    described["platform"] = json!({ "architecture": image.architecture, "os": "linux" });
    described["annotations"] = json!({
        "io.containerd.image.name": full_name(image.name),
        "org.opencontainers.image.ref.name": image.name.rsplit_once(':').map_or("latest", |(_, tag)| tag),
    });
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [described] })
}

/// What `docker load` read before it knew the layout of the OCI.
fn for_docker(image: &Image<'_>, config: &[u8]) -> Value {
    let layers = image.layers.iter().map(|layer| blob(&layer.digest));
    json!([{
        "Config": blob(&Digest::of(config)),
        "RepoTags": [image.name],
        "Layers": layers.collect::<Vec<_>>(),
    }])
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content), "size": content.len() })
}

fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn text(archive: &mut Builder<impl Write>, path: &str, content: &[u8]) -> io::Result<()> {
    entry(archive, path, content.len() as u64, content)
}

fn entry(archive: &mut Builder<impl Write>, path: &str, size: u64, content: impl Read) -> io::Result<()> {
    archive.append_data(&mut header(EntryType::Regular, 0o644, size), path, content)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

#[cfg(test)]
mod tests {
    use super::{
        super::{layer, tree::Tree},
        *,
    };

    fn written(dir: &Path, name: &str) -> (Digest, BTreeMap<String, Vec<u8>>) {
        let mut tree = Tree::new();
        tree.text("etc/hello", "world");
        let layers = [layer::write(&tree, &dir.join(format!("{name}.gz"))).unwrap()];
        let image = Image {
            name: "iflearner-flow/test:1.2",
            architecture: "amd64",
            layers: &layers,
            start: Start {
                user: "1:1",
                env: &["A=b"],
                entrypoint: &["/program"],
                cmd: &[],
                working_dir: "/etc",
            },
            labels: BTreeMap::from([("a.label", "value")]),
        };
        let path = dir.join(name);
        let digest = write(&image, &path).unwrap();
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let files = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        (digest, files.collect())
    }

    fn parsed(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
        serde_json::from_slice(&files[path]).unwrap()
    }

    #[test]
    fn every_part_is_found_by_its_digest_from_the_index_down() {
        let dir = tempfile::tempdir().unwrap();
        let (digest, files) = written(dir.path(), "image.tar");
        let follow = |described: &Value| {
            let path = format!("blobs/sha256/{}", &described["digest"].as_str().unwrap()[7..]);
            let content = &files[&path];
            assert_eq!(described["digest"], json!(Digest::of(content)));
            assert_eq!(described["size"], content.len());
            path
        };
        let index = parsed(&files, "index.json");
        let described = &index["manifests"][0];
        assert_eq!(described["digest"], json!(digest));
        assert_eq!(
            described["annotations"]["io.containerd.image.name"],
            "docker.io/iflearner-flow/test:1.2"
        );
        let manifest = parsed(&files, &follow(described));
        let layer_path = follow(&manifest["layers"][0]);
        let config_path = follow(&manifest["config"]);
        let config = parsed(&files, &config_path);
        let started = json!({
            "User": "1:1", "Env": ["A=b"], "Entrypoint": ["/program"], "WorkingDir": "/etc", "Labels": { "a.label": "value" },
        });
        assert_eq!(config["config"], started);
        let mut layer = Vec::new();
        flate2::read::GzDecoder::new(files[&layer_path].as_slice())
            .read_to_end(&mut layer)
            .unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([Digest::of(&layer)]));
        let docker =
            json!([{ "Config": config_path, "RepoTags": ["iflearner-flow/test:1.2"], "Layers": [layer_path] }]);
        assert_eq!(parsed(&files, "manifest.json"), docker);
        assert!(files.contains_key("oci-layout"));
    }

    #[test]
    fn the_same_image_is_the_same_archive() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (written(dir.path(), "1").0, written(dir.path(), "2").0);
        assert_eq!(one, two);
        let bytes = |name| fs::read(dir.path().join(name)).unwrap();
        assert!(bytes("1") == bytes("2"), "the archives differ");
    }

    #[test]
    fn a_name_without_a_registry_gets_the_one_that_it_stands_for() {
        assert_eq!(full_name("flow:1"), "docker.io/library/flow:1");
        assert_eq!(
            full_name("iflearner-flow/flow-server:1"),
            "docker.io/iflearner-flow/flow-server:1"
        );
        assert_eq!(full_name("registry.example/flow:1"), "registry.example/flow:1");
        assert_eq!(full_name("localhost/flow:1"), "localhost/flow:1");
        assert_eq!(full_name("registry:5000/flow:1"), "registry:5000/flow:1");
    }
}
