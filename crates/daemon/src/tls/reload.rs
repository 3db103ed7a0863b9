//! The newest good TLS configuration.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::material::{Material, Stamp, rfc3339};
use super::{TlsError, TlsFiles, provider};

const HTTP2: &[u8] = b"h2";

/// One consistent set of configurations, made of the files as they were at one time.
#[derive(Debug)]
pub struct TlsConfigs {
    /// For accepting: clients must show a certificate of the authority.
    pub server: Arc<ServerConfig>,
    /// For connecting: shows the own certificate, believes the authority only.
    pub client: Arc<ClientConfig>,
    not_after: time::OffsetDateTime,
}

/// What a reload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// The files are as they were.
    Unchanged,
    /// New connections use the new files; open ones live on as they are.
    Swapped,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// TLS configurations that follow their files.
///
/// Each new connection asks [`ReloadingTls::current`]. Files that do not make a good configuration
/// are logged and counted, and the last good one stays in force. Sessions are never resumed, so that
/// every connection shows its certificate to the authority that is in force now.
#[derive(Debug)]
pub struct ReloadingTls {
    files: TlsFiles,
    configs: ArcSwap<TlsConfigs>,
    /// The files' state at the last attempt, good or not; the lock makes reloads take turns.
    seen: Mutex<Stamp>,
    reloads: Family<Outcome, Counter>,
    expiry: Gauge<f64, AtomicU64>,
}

impl ReloadingTls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As the first thing that is wrong with them.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let stamp = files.stamp();
        let configs = configs(&files)?;
        let expiry = Gauge::default();
        expiry.set(configs.not_after.unix_timestamp() as f64);
        Ok(Arc::new(Self {
            files,
            configs: ArcSwap::from_pointee(configs),
            seen: Mutex::new(stamp),
            reloads: Family::default(),
            expiry,
        }))
    }

    /// The configurations for the next connection.
    pub fn current(&self) -> Arc<TlsConfigs> {
        self.configs.load_full()
    }

    /// When the own certificate that is in force ends.
    pub fn not_after(&self) -> time::OffsetDateTime {
        self.configs.load().not_after
    }

    /// Adds `tls_reloads_total{outcome}` and `tls_certificate_expiry_seconds` to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tls_reloads",
            "Times that changed TLS files were read, by outcome",
            self.reloads.clone(),
        );
        registry.register(
            "tls_certificate_expiry_seconds",
            "When the own certificate expires, in seconds since 1970",
            self.expiry.clone(),
        );
    }

    /// Reads the files again if they changed since the last attempt.
    ///
    /// # Errors
    /// When they do not make a good configuration; the last good one stays in force.
    pub async fn reload_if_changed(self: &Arc<Self>) -> Result<Reloaded, TlsError> {
        self.reload(false).await
    }

    /// Reads the files again, changed or not.
    ///
    /// # Errors
    /// As [`ReloadingTls::reload_if_changed`].
    pub async fn reload_now(self: &Arc<Self>) -> Result<Reloaded, TlsError> {
        self.reload(true).await
    }

    /// Looks at the files every `interval` until `shutdown`. Run it in a task of its own.
    pub async fn watch(self: Arc<Self>, interval: Duration, shutdown: CancellationToken) {
        let look_repeatedly = async {
            loop {
                tokio::time::sleep(interval).await;
                // Both outcomes are logged and counted where they happen.
                let _ = self.reload_if_changed().await;
            }
        };
        shutdown.run_until_cancelled(look_repeatedly).await;
    }

    async fn reload(self: &Arc<Self>, always: bool) -> Result<Reloaded, TlsError> {
        let mut seen = self.seen.lock().await;
        let files = self.files.clone();
        let before = *seen;
        // Files may lie on a network volume: not on a thread that serves connections.
        let read = tokio::task::spawn_blocking(move || {
            // The stamp is taken first, so that a change during the reading is seen next time.
            let stamp = files.stamp();
            let loaded = (always || stamp != before).then(|| configs(&files));
            (stamp, loaded)
        });
        let (stamp, loaded) = match read.await {
            Ok(read) => read,
            // The runtime is shutting down, or reading panicked: the configuration stays.
            Err(error) => {
                tracing::error!(%error, "reading the TLS files was cut off");
                return Ok(Reloaded::Unchanged);
            }
        };
        *seen = stamp;
        match loaded {
            None => Ok(Reloaded::Unchanged),
            Some(Ok(configs)) => {
                let not_after = rfc3339(configs.not_after);
                self.expiry.set(configs.not_after.unix_timestamp() as f64);
                self.configs.store(Arc::new(configs));
                self.count("ok");
                tracing::info!(cert = %self.files.cert.display(), %not_after, "TLS files reloaded");
                Ok(Reloaded::Swapped)
            }
            Some(Err(error)) => {
                self.count("failed");
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the changed TLS files are not usable; the last good ones stay in force"
                );
                Err(error)
            }
        }
    }

    fn count(&self, outcome: &'static str) {
        self.reloads.get_or_create(&Outcome { outcome }).inc();
    }
}

fn configs(files: &TlsFiles) -> Result<TlsConfigs, TlsError> {
    let material = files.load()?;
    Ok(TlsConfigs {
        server: Arc::new(server_config(files, &material)?),
        client: Arc::new(client_config(files, &material)?),
        not_after: material.not_after,
    })
}

fn server_config(files: &TlsFiles, material: &Material) -> Result<ServerConfig, TlsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(material.roots.clone(), provider())
        .build()
        .map_err(|source| setup(&files.ca, source))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| setup(&files.cert, source))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(material.identity.clone())));
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client_config(files: &TlsFiles, material: &Material) -> Result<ClientConfig, TlsError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(material.roots.clone(), provider())
        .build()
        .map_err(|source| setup(&files.ca, source))?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| setup(&files.cert, source))?
        .with_webpki_verifier(verifier)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(material.identity.clone())));
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn setup(path: &std::path::Path, source: impl std::error::Error + Send + Sync + 'static) -> TlsError {
    TlsError::Setup {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
