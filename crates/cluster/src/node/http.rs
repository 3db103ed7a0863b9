//! Asking a part whether it is ready.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::net;

/// Of an answer on the same machine.
const LIMIT: Duration = Duration::from_secs(2);

/// Whether the node answers this request with 200.
pub(super) fn is_ok(port: u16, path: &str) -> bool {
    status(port, path).is_some_and(|status| status == "200")
}

fn status(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((net::NODE, port)), LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.set_write_timeout(Some(LIMIT)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        net::NODE
    )
    .ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    // `HTTP/1.1 200`
    Some(String::from_utf8_lossy(&head).split(' ').nth(1)?.to_owned())
}
