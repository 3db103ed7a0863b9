//! What the REST APIs of all daemons have in common: errors as RFC 9457 problem documents, request ids, counts, names that are answered to,
//! what handlers take from a path and a query, and logs.

mod extract;
mod failure;
mod finish;
mod guard;
mod log_lines;

pub use self::{
    extract::{Params, Part},
    failure::{Failure, RETRY_AFTER, panicked},
    finish::{Metrics, finish},
    guard::{Guard, guard},
    log_lines::log_lines,
};
