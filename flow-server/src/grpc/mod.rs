//! The link: gRPC over mutual TLS, one stream for each agent.

mod attach;
mod desired;
mod incoming;
mod session;

pub(crate) use self::{
    attach::Link,
    incoming::{Connection, local},
};
