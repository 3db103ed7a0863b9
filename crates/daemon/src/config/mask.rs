//! Keeping secrets out of what is shown.

const MASK: &str = "***";

/// Endings of keys whose values are secrets. `password_file` is not one: it is a path.
const SECRET_ENDINGS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "private_key",
    "api_key",
];

/// Whether the value of the dotted `key` must not be shown: when it, or a table that it is in, sounds
/// like a secret or is marked as one.
pub(super) fn is_secret(key: &str, marked: &[String]) -> bool {
    key.split('.').any(sounds_secret)
        || marked.iter().any(|marked| {
            key.strip_prefix(marked.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
}

fn sounds_secret(name: &str) -> bool {
    // `tokens[2]` is as secret as `tokens`, and that as `token`.
    let name = name.split('[').next().unwrap_or(name).to_ascii_lowercase();
    let singular = name.strip_suffix('s').unwrap_or(&name);
    SECRET_ENDINGS
        .iter()
        .any(|ending| name.ends_with(ending) || singular.ends_with(ending))
}

/// The value as it may be shown.
pub(super) fn shown(key: &str, value: &str, marked: &[String]) -> String {
    if is_secret(key, marked) {
        MASK.to_owned()
    } else {
        urls(value)
    }
}

/// Masks the passwords in URLs: `mysql://user:password@host` and `?password=…`.
///
/// Where a URL is malformed this rather masks too much: a password may hold a bare `/` or `@`.
pub(super) fn urls(text: &str) -> String {
    text.split_inclusive(is_delimiter).map(url).collect()
}

fn is_delimiter(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | ',')
}

fn url(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user_info, host)) => match user_info.split_once(':') {
            Some((user, _)) => (format!("{user}:{MASK}@"), host),
            None => (format!("{user_info}@"), host),
        },
        None => (String::new(), rest),
    };
    format!("{scheme}://{user}{}", parameters(rest))
}

fn parameters(rest: &str) -> String {
    let Some((path, query)) = rest.split_once('?') else {
        return rest.to_owned();
    };
    let shown: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) if is_secret(name, &[]) => {
                // The word's last character may be the delimiter that ended it.
                let end = value.chars().next_back().filter(|last| is_delimiter(*last));
                format!("{name}={MASK}{}", end.map_or_else(String::new, String::from))
            }
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{path}?{}", shown.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_sound_secret_are() {
        let marked = ["rest.cookie".to_owned(), "keys".to_owned()];
        for key in [
            "a.password",
            "db_password",
            "admin_token",
            "tokens",
            "a.tokens[1]",
            "SECRET",
            "s3.api_key",
            "tokens.alice",
            "rest.cookie",
            "keys.first",
            "keys[0]",
        ] {
            assert!(is_secret(key, &marked), "{key}");
        }
        for key in ["password_file", "token_lifetime", "tls.key", "rest.cookies", "keyset"] {
            assert!(!is_secret(key, &marked), "{key}");
        }
    }

    #[test]
    fn passwords_in_urls_are_masked() {
        for (text, shown) in [
            ("mysql://u:p@h/db", "mysql://u:***@h/db"),
            ("mysql://u:p/w@x@h:1/db?a=b", "mysql://u:***@h:1/db?a=b"),
            ("mysql://u@h/db", "mysql://u@h/db"),
            ("sqlite://flow.db", "sqlite://flow.db"),
            ("http://h/?token=x&a=b", "http://h/?token=***&a=b"),
            (r#"["a://u:p@h", "b://v:q@i"]"#, r#"["a://u:***@h", "b://v:***@i"]"#),
            (r#"invalid "a://h?password=p", x"#, r#"invalid "a://h?password=***", x"#),
            ("127.0.0.1:80", "127.0.0.1:80"),
        ] {
            assert_eq!(urls(text), shown);
        }
    }
}
