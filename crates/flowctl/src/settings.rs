//! What flowctl is told by its file, the environment and its flags, the later ones over the earlier.

use std::{env, path::PathBuf, time::Duration};

use flow_daemon::config::{Layers, Loaded, Setting, duration};
use serde::{Deserialize, Serialize};

use crate::{Failure, cli::Global, output::Format};

/// What can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The server's address.
    pub server: String,
    /// The authority that an https server's certificate is signed by; the system's ones if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// How results are written.
    pub output: Format,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: "http://127.0.0.1:1235".to_owned(),
            ca_file: None,
            request_timeout: Duration::from_secs(30),
            output: Format::Table,
        }
    }
}

const KEYS: [&str; 4] = ["server", "ca_file", "request_timeout", "output"];

/// Collects the settings from all that says something of them.
///
/// # Errors
/// A file that is asked for and missing, an unknown key, a value that is none.
pub fn load(flags: &Global) -> Result<Loaded<Settings>, Failure> {
    load_from(flags, &|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn load_from(flags: &Global, variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded<Settings>, Failure> {
    let asked = flags
        .config
        .clone()
        .or_else(|| variable("FLOWCTL_CONFIG").map(PathBuf::from));
    let required = asked.is_some();
    let mut layers = Layers::new("FLOWCTL").defaults(&Settings::default());
    if let Some(path) = asked.or_else(|| Some(home(variable, "XDG_CONFIG_HOME", ".config")?.join("flowctl.toml"))) {
        layers = layers.file(&path, required);
    }
    // The daemons' variables have a double underscore, as their keys have sections. Here nothing has any.
    let variables = KEYS.iter().filter_map(|key| {
        let value = variable(&format!("FLOWCTL_{}", key.to_uppercase()))?;
        Some((format!("FLOWCTL__{}", key.to_uppercase()), value))
    });
    let format = flags.output.map(|format| format.to_string());
    let given = [&flags.server, &flags.ca_file, &flags.request_timeout, &format];
    let given = KEYS
        .iter()
        .zip(given)
        .filter_map(|(key, value)| Some((key, value.clone()?)));
    layers
        .env(variables)
        .set(given)
        .load()
        .map_err(|error| Failure::invalid(single_underscore(&error.to_string())))
}

/// One setting with its source, as `config` shows it.
pub fn shown(setting: &Setting) -> String {
    single_underscore(&setting.to_string())
}

fn single_underscore(text: &str) -> String {
    text.replace("FLOWCTL__", "FLOWCTL_")
}

/// The platform's folder in the user's configuration, data or cache; `None` where the user has no home.
pub fn user_dir(xdg: &str, below_home: &str) -> Option<PathBuf> {
    home(
        &|name| env::var(name).ok().filter(|value| !value.is_empty()),
        xdg,
        below_home,
    )
}

fn home(variable: &dyn Fn(&str) -> Option<String>, xdg: &str, below_home: &str) -> Option<PathBuf> {
    let base = variable(xdg)
        .map(PathBuf::from)
        // The XDG standard: a relative path is to be ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(below_home)))?;
    Some(base.join("iflearner-flow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &Global, variables: &[(&str, &str)]) -> Result<Loaded<Settings>, Failure> {
        load_from(flags, &|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_flag_wins_over_the_variable_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flowctl.toml");
        std::fs::write(
            &file,
            "server = \"http://file\"\nrequest_timeout = \"5s\"\noutput = \"yaml\"\n",
        )
        .unwrap();
        let flags = Global {
            config: Some(file),
            output: Some(Format::Json),
            ..Global::default()
        };
        let loaded = load(&flags, &[("FLOWCTL_SERVER", "http://env")]).unwrap();
        assert_eq!(loaded.value.server, "http://env");
        assert_eq!(loaded.value.request_timeout, Duration::from_secs(5));
        assert_eq!(loaded.value.output, Format::Json);
        let lines: Vec<String> = loaded.sources.iter().map(shown).collect();
        assert!(
            lines
                .iter()
                .any(|line| line.contains("http://env") && line.contains("FLOWCTL_SERVER")),
            "{lines:?}"
        );
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line_and_the_right_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flowctl.toml");
        std::fs::write(&file, "\nsrever = \"http://file\"\n").unwrap();
        let flags = Global {
            config: Some(file),
            ..Global::default()
        };
        let said = load(&flags, &[]).unwrap_err().to_string();
        assert!(
            said.contains("flowctl.toml:2") && said.contains("did you mean \"server\""),
            "{said}"
        );
    }
}
