//! Made by `cargo xtask generate` from `flow/v1/*.proto`; CI checks that it is current.

/// Version 1 of the protocol.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    include!("gen/flow.v1.rs");
}
