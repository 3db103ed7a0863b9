//! The Rust code of `proto/flow/v1/*.proto`. It is included and no module of its own, so `cargo fmt` leaves it as it is.

use std::{
    env, fs, process,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Outcome, workspace};

/// What tonic makes of them, formatted by it.
pub(super) fn code() -> Outcome<String> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let root = workspace::root().join("proto");
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("flow/v1"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    let described = protox::compile(&files, [&root])?;
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let out = env::temp_dir().join(format!("flow-generate-{}-{call}", process::id()));
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .btree_map(".")
        .build_transport(true)
        .codec_path("crate::codec::SmallCodec")
        .compile_fds(described)?;
    let made = fs::read_to_string(out.join("flow.v1.rs"))?;
    fs::remove_dir_all(&out)?;
    Ok(made)
}
