//! The definition's schema and rules, on a real API server. `validate.rs` of the operator is shown the same manifests.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::world::World;

fn manifests(folder: &str) -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/manifests")
        .join(folder);
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let manifest = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), manifest)
        })
        .collect()
}

#[tokio::test]
async fn manifests_are_accepted_and_refused() {
    let world = World::new("rules").await;
    for (name, manifest) in manifests("accepted") {
        world
            .try_create(&manifest)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let job = manifest["metadata"]["name"].as_str().unwrap();
        world.jobs().delete(job, &Default::default()).await.unwrap();
        world.gone::<flow_operator_api::IflearnerJob>(job).await;
    }
    for (name, manifest) in manifests("refused") {
        let error = world.try_create(&manifest).await.expect_err(&name);
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 422),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_role_cannot_be_changed_and_a_template_only_before_the_start() {
    let world = World::new("immutable").await;
    world.submit("job", json!({})).await;
    let refused = async |spec: Value| {
        let patch = kube::api::Patch::Merge(json!({ "spec": spec }));
        let error = world
            .jobs()
            .patch("job", &Default::default(), &patch)
            .await
            .expect_err("refused");
        error.to_string()
    };
    let other_image =
        json!({ "template": { "spec": { "containers": [{ "name": "main", "image": "example.test/b:2" }] } } });
    world.edit("job", other_image.clone()).await;
    assert!(
        refused(json!({ "role": "server" }))
            .await
            .contains("role cannot be changed")
    );
    let started = kube::api::Patch::Merge(json!({ "status": { "startTime": crate::kubelet::now() } }));
    world
        .jobs()
        .patch_status("job", &Default::default(), &started)
        .await
        .unwrap();
    world.edit("job", other_image).await;
    let changes = [
        json!({ "template": { "spec": { "containers": [{ "name": "main", "image": "example.test/c:3" }] } } }),
        json!({ "template": { "spec": { "hostNetwork": true } } }),
        json!({ "template": { "metadata": { "labels": { "a": "b" } } } }),
    ];
    for change in changes {
        assert!(refused(change).await.contains("spec.template cannot be changed"));
    }
    world
        .edit(
            "job",
            json!({ "stop": true, "host": "other.example.com", "ttlSecondsAfterFinished": 5 }),
        )
        .await;
}

#[test]
fn the_checked_in_definition_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crd/iflearnerjobs.yaml");
    let checked_in = fs::read_to_string(path).unwrap();
    assert!(
        checked_in == flow_operator::crd_yaml(),
        "deploy/crd/iflearnerjobs.yaml is old: run `cargo run -p flow-operator -- crd > deploy/crd/iflearnerjobs.yaml`"
    );
    // `kubectl apply` keeps a copy in an annotation, which has room for this much.
    let definition: Value = serde_saphyr::from_str(&checked_in).unwrap();
    assert!(definition.to_string().len() < 200_000);
}
