//! Profiles from TOML, with the line of what is wrong.

use super::{Profile, ProfileError, expand::TemplateError};

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    /// Says line and key of what is not TOML, is unknown, or contradicts itself.
    pub fn parse(source: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(source).map_err(|error| ProfileError::Syntax {
            line: error.span().map_or(1, |span| line_at(source, span.start)),
            source: Box::new(error),
        })?;
        profile.check().map_err(|error| locate(source, error))?;
        Ok(profile)
    }
}

fn line_at(source: &str, offset: usize) -> usize {
    source.as_bytes()[..offset.min(source.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// Adds the line to an error about a text that stands in the source as it is.
fn locate(source: &str, error: ProfileError) -> ProfileError {
    let ProfileError::Template { key, source: cause, .. } = error else {
        return error;
    };
    let wanted = match &cause {
        TemplateError::Unknown { placeholder, .. } => format!("{{{placeholder}}}"),
        TemplateError::Splice { placeholder } => format!("{{{placeholder}}}"),
        TemplateError::Unbalanced { text } => text.clone(),
    };
    let line = source.find(&wanted).map(|offset| line_at(source, offset));
    ProfileError::Template {
        key,
        line,
        source: cause,
    }
}

#[cfg(test)]
mod tests {
    use crate::profile::{Profile, builtin};

    const SMALL: &str = r#"name = "small"
completion = { roles = ["worker"] }
[roles.worker]
placement = "each-party"
argv = ["{command}", "--n={parties.count}"]
"#;

    fn refusal(change: (&str, &str)) -> String {
        assert!(SMALL.contains(change.0), "{}", change.0);
        let error = Profile::parse(&SMALL.replace(change.0, change.1)).unwrap_err();
        let mut text = error.to_string();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        text
    }

    #[test]
    fn a_small_profile_is_enough() {
        assert_eq!(Profile::parse(SMALL).unwrap().data_role(), Some("worker"));
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_line_and_key() {
        let said = refusal(("{parties.count}", "{parties.cuont}"));
        assert!(said.contains("line 5"), "{said}");
        assert!(said.contains("roles.worker.argv[1]"), "{said}");
        assert!(said.contains("did you mean 'parties.count'"), "{said}");
    }

    #[test]
    fn contradictions_are_named() {
        for (change, part) in [
            (("roles = [\"worker\"]", "roles = [\"nobody\"]"), "nobody"),
            (
                (
                    "placement = \"each-party\"",
                    "placement = \"each-party\"\nready = { kind = \"tcp\", port = \"grpc\" }",
                ),
                "grpc",
            ),
            (
                (
                    "placement = \"each-party\"",
                    "placement = \"each-party\"\nstart_after = [\"worker\"]",
                ),
                "itself",
            ),
            (
                (
                    "placement = \"each-party\"",
                    "placement = \"each-party\"\nmetrics = [\"(\"]",
                ),
                "metrics",
            ),
            (
                ("placement = \"each-party\"", "placement = \"aggregator\""),
                "each-party",
            ),
            (("name = \"small\"", "name = \"small\"\ncolour = \"red\""), "line 2"),
            (("\"{command}\", ", ""), "no program"),
            (
                ("name = \"small\"", "name = \"small\"\nlauncher = \"magic\""),
                "no launcher 'magic'",
            ),
        ] {
            let said = refusal(change);
            assert!(said.contains(part), "{change:?}: {said}");
        }
    }

    #[test]
    fn builtin_profiles_survive_json() {
        let profile = builtin("iflearner").unwrap();
        let json = serde_json::to_string(profile).unwrap();
        assert_eq!(&serde_json::from_str::<Profile>(&json).unwrap(), profile);
    }
}
