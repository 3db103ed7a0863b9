//! Text as it may go to a terminal.

use std::{
    borrow::Cow,
    time::{SystemTime, UNIX_EPOCH},
};

use flow_domain::{Span, Timestamp};

/// The present.
pub fn now() -> Timestamp {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros());
    Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// The text without anything that could steer a terminal: names, messages and logs come from other people.
pub fn clean(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\t' && c != '\n';
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// How long ago something was, in its largest one or two units: `45s`, `3m20s`, `5h`, `12d`.
pub fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(since).0 / 1_000;
    // Beyond these, the smaller unit tells nothing any more.
    let kept = match seconds {
        0..600 => seconds,
        600..36_000 => seconds - seconds % 60,
        36_000..864_000 => seconds - seconds % 3_600,
        _ => seconds - seconds % 86_400,
    };
    Span::secs(kept).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(clean("round 1\tok"), "round 1\tok");
        assert_eq!(clean("\u{1b}[31mred\r"), "\\u{1b}[31mred\\u{d}");
    }

    #[test]
    fn an_age_is_as_exact_as_it_is_young() {
        let said = |seconds: i64| age(Timestamp(0), Timestamp(seconds * 1_000_000));
        assert_eq!(said(0), "0s");
        assert_eq!(said(200), "3m20s");
        assert_eq!(said(3_725), "1h2m");
        assert_eq!(said(40_000), "11h");
        assert_eq!(said(900_000), "10d");
    }
}
