//! A server as its administrator sees it: where it is, and making databases in it.

use std::{fmt, process::Command, sync::atomic::AtomicBool, time::Duration};

use crate::{MariaDbError, command, programs};

/// A statement of an administrator takes much less.
const STATEMENT: Duration = Duration::from_secs(30);

/// The longest name of a database; MariaDB takes 64 characters.
const LONGEST: usize = 60;

/// An account that may do everything, at a server that runs somewhere. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Admin {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mysql://{}:…@{}:{}", self.user, self.host, self.port)
    }
}

impl Admin {
    /// Reads `mysql://user:password@host:port`, without escapes; `None` if it is not like that.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (account, address) = url.strip_prefix("mysql://")?.trim_end_matches('/').rsplit_once('@')?;
        let (user, password) = account.split_once(':')?;
        let (host, port) = address.rsplit_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// The URL of the server.
    #[must_use]
    pub fn admin_url(&self) -> String {
        let Self {
            user,
            password,
            host,
            port,
        } = self;
        format!("mysql://{user}:{password}@{host}:{port}")
    }

    /// The URL of a database in it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.admin_url())
    }

    /// The URL of a database, by way of another port of 127.0.0.1: that of a proxy.
    #[must_use]
    pub fn url_by(&self, port: u16, database: &str) -> String {
        let by = Self {
            host: "127.0.0.1".to_owned(),
            port,
            ..self.clone()
        };
        by.url(database)
    }

    /// Makes an empty database, as an operator is told to: utf8mb4. Answers its URL.
    ///
    /// # Errors
    /// If the name is none, is taken, or the server does not answer.
    pub fn create_database(&self, name: &str) -> Result<String, MariaDbError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > LONGEST || !name.chars().all(fits) {
            return Err(MariaDbError::Name(name.to_owned()));
        }
        self.execute(&format!("CREATE DATABASE `{name}` CHARACTER SET utf8mb4"))?;
        Ok(self.url(name))
    }

    /// Executes statements; answers rows as lines, with tabs between columns and without a head.
    ///
    /// # Errors
    /// What the server says, or if it does not answer.
    pub fn execute(&self, sql: &str) -> Result<String, MariaDbError> {
        let mut client = Command::new(programs::program("mariadb"));
        client
            .args([
                "--no-defaults",
                "--protocol=tcp",
                "--connect-timeout=5",
                "--batch",
                "--skip-column-names",
            ])
            .arg(format!("--host={}", self.host))
            .arg(format!("--port={}", self.port))
            .arg(format!("--user={}", self.user))
            // Not as an argument, where everybody on the machine could read it.
            .env("MYSQL_PWD", &self.password)
            .args(["--execute", sql]);
        command::run(&mut client, STATEMENT, &AtomicBool::new(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_and_its_password_not_shown() {
        let url = "mysql://flow:p4ss@127.0.0.1:3306";
        let admin = Admin::parse(url).unwrap();
        assert_eq!(admin.admin_url(), url);
        assert_eq!(admin.url_by(4, "x"), "mysql://flow:p4ss@127.0.0.1:4/x");
        assert_eq!(format!("{admin:?}"), "mysql://flow:…@127.0.0.1:3306");
        for wrong in ["", "sqlite://x", "mysql://127.0.0.1:3306", "mysql://u:p@host:many"] {
            assert_eq!(Admin::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_that_could_be_more_than_a_name_is_refused() {
        let admin = Admin::parse("mysql://u:p@127.0.0.1:1").unwrap();
        for wrong in ["", "a`b", "A", &"x".repeat(61)] {
            assert!(
                matches!(admin.create_database(wrong), Err(MariaDbError::Name(_))),
                "{wrong}"
            );
        }
    }
}
