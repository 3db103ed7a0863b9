//! Layered configuration that knows where each value came from.
//!
//! Later layers win: defaults, then a TOML file, then environment variables, then the command line.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize)]
//! struct Settings { rest: Rest }
//! #[derive(Serialize, Deserialize)]
//! struct Rest { listen: String, workers: u16 }
//!
//! let defaults = Settings { rest: Rest { listen: "127.0.0.1:8080".into(), workers: 4 } };
//! let loaded = flow_daemon::config::Layers::new("FLOW_SERVER")
//!     .defaults(&defaults)
//!     .env([("FLOW_SERVER__REST__WORKERS".to_owned(), "8".to_owned())])
//!     .set([("rest.listen", "[::]:80")])
//!     .load::<Settings>()?;
//! assert_eq!(loaded.value.rest.workers, 8);
//! assert_eq!(loaded.value.rest.listen, "[::]:80");
//! # Ok::<(), flow_daemon::config::ConfigError>(())
//! ```
//!
//! An unknown key is an error wherever it stands, with a suggestion. Values from the environment and
//! the command line are text, read as whatever type the setting has; a list may be written `a,b` or
//! as TOML. Structs with `#[serde(flatten)]` and untagged enums are the exception: what is in them
//! is not checked for unknown keys, and text in them is read as the TOML value that it looks like.

mod de;
mod de_error;
mod describe;
pub mod duration;
mod error;
mod layers;
mod mask;
mod text;
mod trace;
mod tree;

pub use describe::{Loaded, Setting};
pub use error::{ConfigError, Problem};
pub use layers::{Layers, of_program};
pub use tree::Source;
