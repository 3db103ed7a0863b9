//! A proxy before the database, which cuts connections at a chosen statement.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What becomes of the statement that the connection is cut at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It never reaches the database.
    Before,
    /// The database gets it, and its answer gets lost.
    After,
}

/// Which statement: what its packet begins with, after the length and the number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    Commit,
    Prepared,
}

impl At {
    fn fits(self, packet: &[u8]) -> bool {
        match self {
            Self::Commit => packet.get(4..) == Some(b"\x03COMMIT"),
            Self::Prepared => packet.get(4) == Some(&0x17),
        }
    }
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Cuts to come, the next one last.
    cuts: Arc<Mutex<Vec<(At, Cut)>>>,
    listening: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let cuts: Arc<Mutex<Vec<(At, Cut)>>> = Arc::default();
        let shared = Arc::clone(&cuts);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, port, Arc::clone(&shared)));
            }
        });
        Self {
            port: own,
            cuts,
            listening: listening.abort_handle(),
        }
    }

    /// Cuts at the next statements of that kind, one after the other.
    pub(crate) fn cut(&self, cuts: impl IntoIterator<Item = (At, Cut)>) {
        self.cuts.lock().unwrap().extend(cuts);
    }

    /// How many cuts are still to come.
    pub(crate) fn left(&self) -> usize {
        self.cuts.lock().unwrap().len()
    }
}

async fn forward(client: TcpStream, port: u16, cuts: Arc<Mutex<Vec<(At, Cut)>>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut answers, mut requests) = server.into_split();
    let mut packet = vec![0; 1 << 16];
    let (mut from_client, mut to_client) = client.into_split();
    let mut back = Box::pin(copy(&mut answers, &mut to_client));
    let cut = loop {
        let read = tokio::select! {
            _ = back.as_mut() => return,
            read = from_client.read(&mut packet) => read.unwrap_or(0),
        };
        if read == 0 {
            return;
        }
        let next = {
            let mut cuts = cuts.lock().unwrap();
            cuts.pop_if(|(at, _)| at.fits(&packet[..read]))
        };
        if let Some((_, cut)) = next {
            if cut == Cut::After {
                requests.write_all(&packet[..read]).await.unwrap();
            }
            break cut;
        }
        if requests.write_all(&packet[..read]).await.is_err() {
            return;
        }
    };
    drop(back);
    drop((from_client, to_client));
    if cut == Cut::After {
        // The database reads the statement before it sees the end; its answer goes nowhere.
        let _ = requests.shutdown().await;
        let _ = copy(&mut answers, &mut tokio::io::sink()).await;
    }
}
