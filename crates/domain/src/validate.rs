//! Checks templates and tasks, and resolves both into what a run is started with.

mod choice;
mod task;

pub use self::task::resolve;
use crate::{
    approval::Judgement,
    meaning::Meaning,
    nearest,
    profile::{self, Arg, Profile},
    template::{Annotations, HyperParameters, Scalar, TemplateSpec},
};

/// One rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path like `participants[1].party`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// All rules that were broken; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|v| format!("{}: {}", v.field, v.problem)).collect::<Vec<_>>().join("; "))]
pub struct Violations(pub Vec<Violation>);

/// How large things may be. Beyond the first refusal these keep every stored row small.
pub mod limits {
    /// Participants of a task.
    pub const PARTICIPANTS: usize = 200;
    /// Elements of a command.
    pub const COMMAND: usize = 256;
    /// Bytes of one text.
    pub const TEXT: usize = 4096;
    /// Bytes of a person's name.
    pub const PERSON: usize = 128;
    /// Hyper-parameters.
    pub const HYPERPARAMETERS: usize = 128;
    /// Annotations.
    pub const ANNOTATIONS: usize = 16;
    /// Bytes of an annotation.
    pub const ANNOTATION: usize = 32 << 10;
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation {
            field: field.into(),
            problem: problem.into(),
        });
    }

    fn text(&mut self, field: &str, text: &str, longest: usize) {
        if text.len() > longest {
            self.add(field, format!("longer than {longest} bytes"));
        }
        if text.contains('\0') {
            self.add(field, "contains a NUL character");
        }
    }

    fn finish(self) -> Result<(), Violations> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.0))
        }
    }
}

/// Checks what somebody says who approves a run, or rejects it (not `granted`).
///
/// # Errors
/// Every rule that it breaks.
pub fn judgement(judgement: &Judgement, granted: bool) -> Result<(), Violations> {
    let mut found = Found::default();
    found.text("by", &judgement.by, limits::PERSON);
    found.text("comment", &judgement.comment, limits::TEXT);
    if !granted && judgement.comment.trim().is_empty() {
        found.add("comment", "say why, for whoever started the run");
    }
    found.finish()
}

/// The profile that a template names or brings.
fn profile_of(spec: &TemplateSpec) -> Result<Profile, Violations> {
    let refuse = |field: &str, problem: String| {
        let field = field.to_owned();
        Err(Violations(vec![Violation { field, problem }]))
    };
    match (&spec.profile, spec.framework.as_str()) {
        // A party's policy goes by names: a profile of one's own cannot pass for another.
        (Some(own), "custom") if profile::builtin(&own.name).is_some() => {
            let problem = format!("'{}' is a built-in profile: choose another name", own.name);
            refuse("profile.name", problem)
        }
        (Some(own), "custom") => match own.check() {
            Ok(()) => Ok(own.clone()),
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
                refuse("profile", format!("{error}{cause}"))
            }
        },
        (None, "custom") => refuse("profile", "framework 'custom' needs a profile of its own".to_owned()),
        (Some(_), name) => {
            let problem = format!("a profile of its own goes with framework 'custom', not '{name}'");
            refuse("profile", problem)
        }
        (None, name) => match profile::builtin(name) {
            Some(known) => Ok(known.clone()),
            None => {
                let names: Vec<&str> = profile::builtin_names().chain(["custom"]).collect();
                let hint = nearest::hint(name, names.iter().copied());
                let problem = format!("unknown framework '{name}' (there are {}){hint}", names.join(", "));
                refuse("framework", problem)
            }
        },
    }
}

/// Checks a template by itself.
///
/// # Errors
/// Every rule that it breaks.
pub fn template(spec: &TemplateSpec) -> Result<(), Violations> {
    checked(spec).map(drop)
}

/// Checks a template that may still lack its command: a task needs one.
///
/// # Errors
/// Every other rule that it breaks.
pub fn unfinished_template(spec: &TemplateSpec) -> Result<(), Violations> {
    examined(spec, false).map(drop)
}

/// Checks a template by itself; answers its profile.
fn checked(spec: &TemplateSpec) -> Result<Profile, Violations> {
    examined(spec, true)
}

fn examined(spec: &TemplateSpec, is_finished: bool) -> Result<Profile, Violations> {
    let profile = profile_of(spec)?;
    let mut found = Found::default();
    found.text("remark", &spec.remark, limits::TEXT);
    found.text("image", spec.image.as_deref().unwrap_or_default(), 255);
    found.text("workdir", spec.workdir.as_deref().unwrap_or_default(), limits::TEXT);
    hyperparameters(&mut found, &spec.hyperparameters);
    annotations(&mut found, &spec.annotations);
    for role in spec.commands.keys().filter(|role| !profile.roles.contains_key(*role)) {
        let hint = nearest::hint(role, profile.roles.keys().map(String::as_str));
        found.add(
            "commands",
            format!("framework '{}' has no role '{role}'{hint}", profile.name),
        );
    }
    for role in profile.roles.keys() {
        command(&mut found, spec, &profile, role, is_finished);
    }
    found.finish()?;
    Ok(profile)
}

fn command(found: &mut Found, spec: &TemplateSpec, profile: &Profile, role: &str, is_finished: bool) {
    let command = spec.command_for(profile, role);
    let field = if profile.data_role() == Some(role) && !spec.commands.contains_key(role) {
        "command".to_owned()
    } else {
        format!("commands.{role}")
    };
    let wanted = profile.roles[role].argv.iter().any(|arg| match arg {
        Arg::Plain(text) => text.starts_with("{command"),
        Arg::When { .. } => false,
    });
    if wanted && is_finished && command.is_empty() {
        found.add(
            field.clone(),
            format!("role '{role}' of framework '{}' needs a command", profile.name),
        );
    }
    if command.len() > limits::COMMAND {
        found.add(field.clone(), format!("more than {} elements", limits::COMMAND));
    }
    // Hyper-parameters of tasks are not known yet: what is said here must be right for the template alone or later.
    let mut meaning = Meaning::possible(profile, role);
    meaning.narrow(&spec.hyperparameters, true);
    for (index, element) in command.iter().enumerate() {
        let at = format!("{field}[{index}]");
        found.text(&at, element, limits::TEXT);
        if let Err(error) = meaning.element(element) {
            found.add(at, error.to_string());
        }
    }
}

fn annotations(found: &mut Found, annotations: &Annotations) {
    if annotations.len() > limits::ANNOTATIONS {
        found.add("annotations", format!("more than {}", limits::ANNOTATIONS));
    }
    for (name, text) in annotations {
        let clean = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        if !(1..=63).contains(&name.len()) || !name.chars().all(clean) {
            let name: String = name.chars().take(64).collect();
            let problem = format!("'{name}' is no name: use up to 63 of a-z, A-Z, 0-9, '_', '-', '.' and '/'");
            found.add("annotations", problem);
        }
        found.text("annotations", text, limits::ANNOTATION);
    }
}

fn hyperparameters(found: &mut Found, parameters: &HyperParameters) {
    if parameters.len() > limits::HYPERPARAMETERS {
        found.add("hyperparameters", format!("more than {}", limits::HYPERPARAMETERS));
    }
    for (name, value) in parameters {
        let clean = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts || name.len() > 64 || !name.chars().all(clean) {
            let name: String = name.chars().take(64).collect();
            found.add(
                "hyperparameters",
                format!("'{name}' is no name: use up to 64 of a-z, A-Z, 0-9, '_', '-' and '.', a letter first"),
            );
        }
        if let Scalar::Text(text) = value {
            found.text(&format!("hyperparameters.{name}"), text, limits::TEXT);
        }
    }
}
