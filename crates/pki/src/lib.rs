//! The private certificate authority of a federation, and the identities that its certificates carry.
//!
//! Who a peer is comes from its certificate alone: one URI subject alternative name,
//! `spiffe://<trust domain>/server` or `spiffe://<trust domain>/party/<name>`. [`Ca`] writes such
//! certificates; [`identity`] reads the identity back out of one whose signature TLS has verified.

mod ca;
mod error;
mod files;
mod identity;
mod issue;
mod name;

pub use ca::Ca;
pub use error::{IdentityError, NameError, PkiError};
pub use identity::{Identity, identity, identity_in};
pub use issue::{Issued, Request, Role};
pub use name::{DEFAULT_TRUST_DOMAIN, PartyName, TrustDomain};
