//! A server of one's own: its folder, its process, and what can be done to it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{Admin, MariaDbError, command, port, programs, signals};

/// On a busy machine, recovery after a kill included.
const READY: Duration = Duration::from_secs(90);

/// Making the data directory.
const INSTALL: Duration = Duration::from_secs(120);

/// After that it is killed.
const STOP: Duration = Duration::from_secs(30);

/// A MariaDB that belongs to this process. Dropping it kills it; its folder is the caller's to remove.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    admin: Admin,
    process: Option<Child>,
    cancelled: Arc<AtomicBool>,
}

impl Server {
    /// Makes a server in an empty folder, and waits until it answers.
    ///
    /// It listens on a port of 127.0.0.1, with an account that has a random password; what is committed survives a
    /// power failure, as in production.
    ///
    /// # Errors
    /// If MariaDB is not there, or does not come up: with the end of its log.
    pub fn start(folder: &Path) -> Result<Self, MariaDbError> {
        Self::start_unless(folder, Arc::default())
    }

    /// The same, given up as soon as `cancelled` is set.
    ///
    /// # Errors
    /// As [`start`](Self::start), or if it was cancelled.
    pub fn start_unless(folder: &Path, cancelled: Arc<AtomicBool>) -> Result<Self, MariaDbError> {
        if let Some(lacking) = programs::lacking() {
            return Err(lacking.into());
        }
        let absolute = std::path::absolute(folder).map_err(MariaDbError::file("find", folder))?;
        let mut server = Self {
            folder: absolute,
            admin: Admin {
                user: "flow".to_owned(),
                password: uuid::Uuid::new_v4().simple().to_string(),
                host: "127.0.0.1".to_owned(),
                port: port::free()?,
            },
            process: None,
            cancelled,
        };
        server.install()?;
        server.run()?;
        Ok(server)
    }

    /// The account that may do everything.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The URL of a database in it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.admin.url(database)
    }

    /// Makes an empty utf8mb4 database; answers its URL.
    ///
    /// # Errors
    /// If the name is none or taken, or the server does not answer.
    pub fn create_database(&self, name: &str) -> Result<String, MariaDbError> {
        self.admin.create_database(name)
    }

    /// The number of its process; `None` while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Kills it, as a crash would. Does nothing if it does not run.
    ///
    /// # Errors
    /// If the system does not do it.
    pub fn kill9(&mut self) -> Result<(), MariaDbError> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        let killed = process.kill().and_then(|()| process.wait());
        killed.map(drop).map_err(MariaDbError::file("kill", "mariadbd"))
    }

    /// Starts it on the same port and data after [`kill9`](Self::kill9) or [`stop`](Self::stop), and waits until it answers.
    ///
    /// # Errors
    /// If it does not come up: with the end of its log.
    pub fn start_again(&mut self) -> Result<(), MariaDbError> {
        if self.process.is_some() {
            return Ok(());
        }
        self.run()
    }

    /// Stops it in its tracks: connections stay open, and from then on nothing answers.
    ///
    /// # Errors
    /// If it does not run, or does not stop.
    pub fn pause(&self) -> Result<(), MariaDbError> {
        self.signal(Signal::SIGSTOP)?;
        // On a busy machine its threads go on for a while after the signal, and answer.
        let process = self.running()?;
        command::within(STOP, "mariadbd has stopped", &AtomicBool::new(false), || {
            signals::is_stopped(process)
        })
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&self) -> Result<(), MariaDbError> {
        self.signal(Signal::SIGCONT)
    }

    /// Ends it in good order; one that does not end in time is killed. Does nothing if it does not run.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(&mut self) -> Result<(), MariaDbError> {
        if self.process.is_none() {
            return Ok(());
        }
        self.resume()?;
        self.signal(Signal::SIGTERM)?;
        // A cancelled caller wants it to end too.
        let ended = command::within(STOP, "mariadbd ends", &AtomicBool::new(false), || self.ended());
        self.kill9()?;
        ended
            .map(drop)
            .map_err(|error| command::with_last(error, &self.log_tail()))
    }

    fn signal(&self, signal: Signal) -> Result<(), MariaDbError> {
        signals::send(self.running()?, signal)
    }

    fn running(&self) -> Result<&Child, MariaDbError> {
        self.process.as_ref().ok_or(MariaDbError::NotRunning)
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, MariaDbError> {
        let process = self.process.as_mut().ok_or(MariaDbError::NotRunning)?;
        process.try_wait().map_err(MariaDbError::file("wait for", "mariadbd"))
    }

    /// Makes the data directory. Nothing of it is synced: a machine that fails takes a test's database with it.
    fn install(&self) -> Result<(), MariaDbError> {
        let temporary = self.temporary();
        fs::create_dir(&temporary).map_err(MariaDbError::file("create", temporary))?;
        let mut install = Command::new(programs::program("mariadb-install-db"));
        install
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
            ])
            .args(["--skip-name-resolve", "--innodb-flush-method=nosync", "--skip-sync-frm"])
            .arg(argument("--datadir=", &self.data()));
        self.set_up(&mut install);
        command::run(&mut install, INSTALL, &self.cancelled)?;
        // Only the owner may read it: it has the password.
        let (path, Admin { user, password, .. }) = (self.accounts(), &self.admin);
        let account = format!("'{user}'@'127.0.0.1'");
        let sql = format!(
            "CREATE OR REPLACE USER {account} IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO {account} WITH GRANT OPTION;\n"
        );
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| io::Write::write_all(&mut file, sql.as_bytes()))
            .map_err(MariaDbError::file("write", path))
    }

    fn run(&mut self) -> Result<(), MariaDbError> {
        let log = self.log();
        let unusable = || MariaDbError::file("write", &log);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(unusable())?;
        let mut command = Command::new(programs::program("mariadbd"));
        command
            .arg("--no-defaults")
            .arg(argument("--datadir=", &self.data()))
            .arg(argument("--init-file=", &self.accounts()))
            // Within the data directory: the path of a socket may have 107 bytes only.
            .args([
                "--socket=socket",
                "--pid-file=pid",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
            ])
            .arg(format!("--port={}", self.admin.port))
            .args([
                "--innodb-flush-log-at-trx-commit=1",
                "--innodb-buffer-pool-size=256M",
                "--max-connections=1000",
            ])
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(unusable())?)
            .stderr(file);
        self.set_up(&mut command);
        let process = command.spawn().map_err(|source| MariaDbError::Start {
            program: "mariadbd".to_owned(),
            source,
        })?;
        self.process = Some(process);
        let cancelled = Arc::clone(&self.cancelled);
        // The account is there before the port is listened on, so the first one that gets in can do everything.
        let ready = command::within(READY, "mariadbd answers", &cancelled, || {
            if let Some(status) = self.ended()? {
                let (log, tail) = (self.log(), self.log_tail());
                return Err(MariaDbError::Ended { status, log, tail });
            }
            Ok(self.admin.execute("SELECT 1").ok())
        });
        ready.map(drop).map_err(|error| {
            let error = command::with_last(error, &self.log_tail());
            // What is told is why it did not come up.
            let _ = self.kill9();
            error
        })
    }

    /// What both programs need.
    fn set_up(&self, command: &mut Command) {
        // A MariaDB that starts removes the temporary tables that it finds, also those of others that run.
        command.env("TMPDIR", self.temporary());
        // As root it runs only if it is told to. Giving its folder to another account would not do: that one could not
        // pass the private folder around it. It is on loopback only and has a password, so root it stays.
        if nix::unistd::geteuid().is_root() {
            command.arg("--user=root");
        }
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn accounts(&self) -> PathBuf {
        self.folder.join("accounts.sql")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log_tail(&self) -> String {
        command::tail_of(&self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.kill9();
    }
}

fn argument(flag: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(flag);
    argument.push(path);
    argument
}
