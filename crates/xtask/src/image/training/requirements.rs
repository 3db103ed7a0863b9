//! The lock of `flowctl demo`, read for the image's Python instead of the one that pip runs in.
//!
//! pip can install for another Python, but compares that lock's markers with its own.

use crate::Outcome;

/// The lock, with only what applies to this minor version of Python 3, and without markers.
pub(super) fn for_python(lock: &str, minor: u32) -> Outcome<String> {
    let mut kept = String::new();
    for line in logical_lines(lock) {
        let (requirement, rest) = match line.split_once(" ; ") {
            None => (line.as_str(), None),
            Some((requirement, rest)) => (requirement, Some(rest)),
        };
        let Some(rest) = rest else {
            kept += requirement;
            kept += "\n";
            continue;
        };
        let (marker, hashes) = rest.split_once(" --hash").unwrap_or((rest, ""));
        if applies(marker, minor)? {
            kept += &format!("{requirement} --hash{hashes}\n");
        }
    }
    Ok(kept)
}

/// Lines without comments, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.starts_with('#')) {
        let (part, goes_on) = match part.strip_suffix('\\') {
            Some(part) => (part.trim_end(), true),
            None => (part, false),
        };
        if !line.is_empty() && !part.is_empty() {
            line.push(' ');
        }
        line += part;
        if !goes_on && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
    }
    lines
}

/// Whether `python_version <operator> "3.N"` holds. The lock has no other markers.
fn applies(marker: &str, minor: u32) -> Outcome<bool> {
    let unknown = || format!("the marker `{marker}` in the lock is not known: teach it to cargo xtask image");
    let words: Vec<&str> = marker.split_whitespace().collect();
    let ["python_version", operator, version] = words[..] else {
        return Err(unknown().into());
    };
    let version = version
        .trim_matches('"')
        .strip_prefix("3.")
        .and_then(|minor| minor.parse::<u32>().ok());
    let version = version.ok_or_else(unknown)?;
    match operator {
        "<" => Ok(minor < version),
        "<=" => Ok(minor <= version),
        "==" => Ok(minor == version),
        ">=" => Ok(minor >= version),
        ">" => Ok(minor > version),
        _ => Err(unknown().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
# A comment.
--only-binary :all:

always==1.0 \
    --hash=sha256:aa \
    --hash=sha256:bb
    # via something
older==1.1 ; python_version < "3.13" \
    --hash=sha256:cc
newer==1.2 ; python_version >= "3.13" \
    --hash=sha256:dd
"#;

    #[test]
    fn only_what_applies_is_kept_with_its_hashes() {
        let common = "--only-binary :all:\nalways==1.0 --hash=sha256:aa --hash=sha256:bb\n";
        assert_eq!(
            for_python(LOCK, 11).unwrap(),
            format!("{common}older==1.1 --hash=sha256:cc\n")
        );
        assert_eq!(
            for_python(LOCK, 13).unwrap(),
            format!("{common}newer==1.2 --hash=sha256:dd\n")
        );
    }

    #[test]
    fn the_real_lock_is_understood() {
        let kept = for_python(super::super::LOCK, 11).unwrap();
        let versions = |name: &str| {
            kept.lines()
                .filter(|line| line.starts_with(&format!("{name}==")))
                .count()
        };
        assert_eq!((versions("iflearner"), versions("numpy"), versions("zipp")), (1, 1, 0));
        let of_packages = kept.lines().filter(|line| !line.starts_with("--"));
        assert!(
            of_packages.into_iter().all(|line| line.contains(" --hash=sha256:")),
            "{kept}"
        );
    }

    #[test]
    fn a_marker_that_is_not_known_is_refused() {
        for marker in [
            "sys_platform == \"linux\"",
            "python_version ~= \"3.9\"",
            "python_version < \"four\"",
        ] {
            let lock = format!("a==1 ; {marker} \\\n --hash=sha256:aa\n");
            let error = for_python(&lock, 11).unwrap_err().to_string();
            assert!(error.contains(marker), "{error}");
        }
    }
}
