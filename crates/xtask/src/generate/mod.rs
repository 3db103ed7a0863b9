//! Generated files: made from their sources, or checked to be what would be made.

mod crd;
mod openapi;
mod proto;

use std::{fs, path::Path};

use crate::{Outcome, cargo, workspace};

/// Makes all of them, or with `check` compares them.
pub(crate) fn run(check: bool) -> Outcome {
    // First what the rest is built from.
    protocol(check)?;
    cargo::build()?;
    openapi(check)?;
    crd(check)
}

/// The protocol's Rust code.
pub(crate) fn protocol(check: bool) -> Outcome {
    settle("proto/src/gen/flow.v1.rs", &proto::code()?, check)
}

/// The OpenAPI documents, from a workspace that is built.
pub(crate) fn openapi(check: bool) -> Outcome {
    settle("docs/openapi.json", &openapi::document("flow-server", &[])?, check)?;
    settle(
        "docs/openapi-v1.json",
        &openapi::document("flow-server", &["--legacy"])?,
        check,
    )?;
    settle(
        "docs/openapi-party.json",
        &openapi::document("flow-federate", &[])?,
        check,
    )
}

/// The definition of the IflearnerJob, from a workspace that is built.
pub(crate) fn crd(check: bool) -> Outcome {
    settle("deploy/crd/iflearnerjobs.yaml", &crd::definition()?, check)
}

/// Writes the file, or with `check` fails where it is another.
fn settle(path: &str, made: &str, check: bool) -> Outcome {
    let place = workspace::root().join(path);
    if is(&place, made)? {
        return Ok(());
    }
    if check {
        return Err(format!("{path} is not what its source makes: run `cargo xtask generate` and commit it").into());
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&place, made).map_err(|error| format!("cannot write {path}: {error}"))?;
    eprintln!("written: {path}");
    Ok(())
}

/// Whether the file holds just that.
fn is(place: &Path, made: &str) -> Outcome<bool> {
    match fs::read_to_string(place) {
        Ok(text) => Ok(text == made),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("cannot read {}: {error}", place.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_made_the_same_each_time() {
        assert_eq!(proto::code().unwrap(), proto::code().unwrap());
    }

    #[test]
    fn a_file_that_is_missing_or_another_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("made");
        assert!(!is(&place, "a").unwrap());
        fs::write(&place, "b").unwrap();
        assert!(!is(&place, "a").unwrap());
        assert!(is(&place, "b").unwrap());
    }
}
