//! Generated files: made from their sources, or checked to be what would be made.

use std::{error::Error, fs, path::Path};

/// Makes the protocol's Rust code, or with `check` compares it.
pub(crate) fn run(check: bool) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let proto = root.join("proto");
    let files = protox::compile(["flow/v1/link.proto"], [&proto])?;
    let out = std::env::temp_dir().join(format!("flow-proto-{}", std::process::id()));
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .btree_map(".")
        .build_transport(true)
        .compile_fds(files)?;
    let made = fs::read_to_string(out.join("flow.v1.rs"))?;
    fs::remove_dir_all(&out)?;
    let place = proto.join("src/gen/flow.v1.rs");
    if !check {
        return Ok(fs::write(place, made)?);
    }
    if fs::read_to_string(&place)? == made {
        return Ok(());
    }
    Err(format!("{} is not current: run `cargo xtask generate`", place.display()).into())
}
