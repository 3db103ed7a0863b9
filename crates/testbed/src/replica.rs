//! One more server on the database of a system.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    Api, Daemon, System,
    system::{issue, write},
};

/// A further server, which hosts no agent of the center's: that one's jobs are processes of the first server's machine.
#[derive(Debug)]
pub struct Replica {
    /// Its process.
    pub server: Daemon,
    /// A client of its REST API.
    pub api: Api,
    /// Where agents attach.
    pub link: SocketAddr,
    config: PathBuf,
}

impl Replica {
    /// Starts one for a system whose database is MySQL.
    pub async fn of(system: &System, name: &str) -> Self {
        let folder = system.dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let first = fs::read_to_string(system.dir().join("server.toml")).unwrap();
        let mut config: flow_server::config::Config = toml::from_str(&first).unwrap();
        config.data_dir = folder.join("data");
        config.rest.listen = "127.0.0.1:0".parse().unwrap();
        config.link.listen = "127.0.0.1:0".parse().unwrap();
        config.link.tls = Some(issue(&system.ca, &folder.join("tls"), None));
        config.center.enabled = false;
        let path = folder.join("server.toml");
        write(&path, &config);
        let mut server = launch(&path);
        let up = server.says("flow-server is up", 0).await;
        let address = |field: &str| up[field].as_str().unwrap().parse::<SocketAddr>().unwrap();
        (config.rest.listen, config.link.listen) = (address("rest"), address("link"));
        // It is found where it was when it is started again.
        write(&path, &config);
        Self {
            server,
            api: Api::new(&format!("http://{}", config.rest.listen)),
            link: config.link.listen,
            config: path,
        }
    }

    /// Starts it again, after it was ended.
    pub async fn restart(&mut self) {
        let skip = self.server.log().len();
        self.server = launch(&self.config);
        self.server.says("flow-server is up", skip).await;
    }
}

fn launch(config: &Path) -> Daemon {
    Daemon::start(
        "flow-server",
        &["--config", config.to_str().unwrap(), "serve"],
        &config.with_extension("log"),
    )
}
