//! Mutual TLS 1.3 from three files, which may change while the daemon runs.
//!
//! [`TlsFiles`] names them, [`ReloadingTls`] holds the newest good configuration made of them. What
//! accepts connections is in [`crate::accept`], what opens them in [`crate::connect`].

mod error;
mod material;
mod reload;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use error::TlsError;
pub use material::TlsFiles;
pub use reload::{Reloaded, ReloadingTls, TlsConfigs};

/// Makes ring the process-wide provider, for libraries that build their own TLS configuration.
/// Calling it again changes nothing.
pub fn install_crypto() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The one cryptography provider that the platform uses.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
