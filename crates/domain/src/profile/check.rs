//! What a profile must fulfil beyond its syntax.

use regex::Regex;

use super::{Arg, Placement, Profile, ProgressSource, Readiness, Role, expand::TemplateError};
use crate::meaning::Meaning;

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not TOML, or has unknown or wrong keys.
    #[error("profile, line {line}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
    /// A text with placeholders is wrong.
    #[error("profile{}, key {key}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Template {
        /// The key.
        key: String,
        /// The line, from 1, where the source is known.
        line: Option<usize>,
        /// What is wrong.
        source: TemplateError,
    },
    /// A pattern is no regular expression, or lacks a group.
    #[error("profile, key {key}: {problem}")]
    Pattern {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// Parts contradict each other.
    #[error("profile, key {key}: {problem}")]
    Contradiction {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

fn contradiction(key: impl Into<String>, problem: impl Into<String>) -> ProfileError {
    ProfileError::Contradiction {
        key: key.into(),
        problem: problem.into(),
    }
}

impl Profile {
    /// Checks what the syntax cannot say.
    ///
    /// # Errors
    /// Names the key and what is wrong with it.
    pub fn check(&self) -> Result<(), ProfileError> {
        let each_party = self
            .roles
            .values()
            .filter(|role| role.placement == Placement::EachParty);
        if each_party.count() != 1 {
            return Err(contradiction("roles", "exactly one role needs placement 'each-party'"));
        }
        if self.roles.len() > 8 {
            return Err(contradiction("roles", "more than 8 roles"));
        }
        if self.completion.roles.is_empty() {
            return Err(contradiction("completion.roles", "name at least one role"));
        }
        if let Some(launcher) = &self.launcher
            && !super::LAUNCHERS.contains(&launcher.as_str())
        {
            let known = super::LAUNCHERS.join(", ");
            let problem = format!("agents ship no launcher '{launcher}' (there are {known})");
            return Err(contradiction("launcher", problem));
        }
        for name in &self.completion.roles {
            self.known(name, "completion.roles")?;
        }
        for code in self.exit_codes.keys() {
            code.parse::<u8>()
                .map_err(|_| contradiction("exit_codes", format!("'{code}' is no exit code of 0 to 255")))?;
        }
        for (name, role) in &self.roles {
            self.check_role(name, role)?;
        }
        self.check_order()
    }

    fn known(&self, role: &str, key: &str) -> Result<(), ProfileError> {
        if self.roles.contains_key(role) {
            return Ok(());
        }
        let hint = crate::nearest::hint(role, self.roles.keys().map(String::as_str));
        Err(contradiction(key, format!("there is no role '{role}'{hint}")))
    }

    fn check_role(&self, name: &str, role: &Role) -> Result<(), ProfileError> {
        let key = |part: &str| format!("roles.{name}.{part}");
        if !is_label(name, 40) {
            let problem = "a role's name is 1 to 40 characters out of a-z, 0-9 and '-'";
            return Err(contradiction(format!("roles.{name}"), problem));
        }
        if let Some(port) = role.ports.iter().find(|port| !is_label(port, 15)) {
            let problem = format!("'{port}' is no port name: use 1 to 15 characters out of a-z, 0-9 and '-'");
            return Err(contradiction(key("ports"), problem));
        }
        if role.argv.is_empty() {
            return Err(contradiction(key("argv"), "there is no program to start"));
        }
        if matches!(&role.argv[0], Arg::When { .. }) {
            return Err(contradiction(key("argv[0]"), "the program cannot depend on a switch"));
        }
        if matches!(&role.argv[0], Arg::Plain(first) if first.starts_with('-')) {
            return Err(contradiction(
                key("argv[0]"),
                "this is an option, and no program is before it",
            ));
        }
        for other in &role.start_after {
            self.known(other, &key("start_after"))?;
        }
        if let Readiness::Tcp { port } | Readiness::Http { port, .. } = &role.ready {
            known_port(role, port, &key("ready.port"))?;
        }
        if let Readiness::Log { pattern } = &role.ready {
            compile(pattern, &[], &key("ready.pattern"))?;
        }
        match &role.progress {
            Some(ProgressSource::StatusJson { port, .. }) => known_port(role, port, &key("progress.port"))?,
            Some(ProgressSource::Log { pattern }) => compile(pattern, &["round"], &key("progress.pattern"))?,
            None => {}
        }
        for (index, folder) in role.writable.iter().enumerate() {
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if folder.len() > 255 || !folder.split('/').all(plain) {
                let problem = format!("'{folder}' is no folder below the working directory");
                return Err(contradiction(key(&format!("writable[{index}]")), problem));
            }
        }
        for (index, pattern) in role.metrics.iter().enumerate() {
            compile(pattern, &["name", "value"], &key(&format!("metrics[{index}]")))?;
        }
        self.check_templates(name, role)
    }

    fn check_templates(&self, name: &str, role: &Role) -> Result<(), ProfileError> {
        let meaning = Meaning::possible(self, name);
        let wrong = |key: String| {
            move |source| ProfileError::Template {
                key,
                line: None,
                source,
            }
        };
        for (index, arg) in role.argv.iter().enumerate() {
            let at = format!("roles.{name}.argv[{index}]");
            let texts = match arg {
                Arg::Plain(text) => std::slice::from_ref(text),
                Arg::When { when, argv } => {
                    for switch in super::conditions(when) {
                        if !self.has_switch(name, switch) {
                            return Err(contradiction(at, format!("'{switch}' is no switch of this profile")));
                        }
                    }
                    argv.as_slice()
                }
            };
            for text in texts {
                meaning.element(text).map_err(wrong(at.clone()))?;
            }
        }
        for (variable, text) in &role.env {
            meaning
                .text(text)
                .map_err(wrong(format!("roles.{name}.env.{variable}")))?;
        }
        Ok(())
    }

    fn has_switch(&self, role: &str, switch: &str) -> bool {
        if let Some(group) = switch.strip_suffix(super::TLS_SWITCH) {
            return group == "peers" || (group != role && self.roles.contains_key(group));
        }
        switch == super::LAUNCHER_SWITCH || self.switches.iter().any(|known| known == switch)
    }

    /// The start order must be one: a role cannot wait for itself, over others or at once.
    fn check_order(&self) -> Result<(), ProfileError> {
        for name in self.roles.keys() {
            let mut waits_for: Vec<&str> = vec![name];
            let mut at = 0;
            while let Some(role) = waits_for.get(at).and_then(|role| self.roles.get(*role)) {
                for next in &role.start_after {
                    if next == name {
                        let key = format!("roles.{name}.start_after");
                        return Err(contradiction(key, "the role waits for itself"));
                    }
                    if !waits_for.contains(&next.as_str()) {
                        waits_for.push(next);
                    }
                }
                at += 1;
            }
        }
        Ok(())
    }
}

/// Whether `name` can be part of the names and labels of Kubernetes: it has a letter, and begins and ends with no dash.
fn is_label(name: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=longest).contains(&name.len())
        && name.bytes().all(plain)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn known_port(role: &Role, port: &str, key: &str) -> Result<(), ProfileError> {
    if role.ports.iter().any(|known| known == port) {
        return Ok(());
    }
    Err(contradiction(
        key,
        format!("the role has no port '{port}': add it to its ports"),
    ))
}

fn compile(pattern: &str, groups: &[&str], key: &str) -> Result<(), ProfileError> {
    let wrong = |problem: String| ProfileError::Pattern {
        key: key.to_owned(),
        problem,
    };
    let regex = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
    for group in groups {
        if !regex.capture_names().flatten().any(|name| name == *group) {
            return Err(wrong(format!("the pattern has no group named '{group}'")));
        }
    }
    Ok(())
}
