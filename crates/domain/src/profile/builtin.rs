//! The profiles that come with the platform.

use std::sync::LazyLock;

use super::Profile;

const SOURCES: [(&str, &str); 2] = [
    ("iflearner", include_str!("../../profiles/iflearner.toml")),
    ("flower", include_str!("../../profiles/flower.toml")),
];

static PARSED: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    SOURCES
        .iter()
        .map(|(name, source)| match Profile::parse(source) {
            Ok(profile) => profile,
            // cannot fail: the sources are part of this program, and a test parses each.
            Err(error) => unreachable!("built-in profile {name}: {error}"),
        })
        .collect()
});

/// The built-in profile of that name.
pub fn builtin(name: &str) -> Option<&'static Profile> {
    PARSED.iter().find(|profile| profile.name == name)
}

/// The names of all built-in profiles.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_profile_parses_under_its_own_name() {
        for name in builtin_names() {
            assert_eq!(builtin(name).unwrap().name, name);
        }
        assert!(builtin("no-such").is_none());
    }
}
