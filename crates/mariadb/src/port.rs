//! A port for a server that comes and goes.

use std::{net::TcpListener, ops::Range};

use rand::Rng;

use crate::MariaDbError;

/// Below the ports that the kernel gives to outgoing connections: one of those could be taken while the server is
/// down, or even connect to itself.
const PORTS: Range<u16> = 15_000..32_000;

/// How many of them are tried.
const TRIES: u32 = 50;

/// One that nobody listens on now.
pub(crate) fn free() -> Result<u16, MariaDbError> {
    let mut random = rand::rng();
    let mut ports = (0..TRIES).map(|_| random.random_range(PORTS));
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or(MariaDbError::NoPort { range: PORTS })
}
