//! "Did you mean": the nearest right word for a wrong one.

/// The candidate most like `wrong`, if any is like enough to be worth saying.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|right| (strsim::jaro_winkler(wrong, right), right))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, right)| right)
}

/// `; did you mean 'right'?`, or nothing.
pub fn hint<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, candidates).map_or_else(String::new, |right| format!("; did you mean '{right}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_is_near() {
        assert_eq!(
            nearest("hyper.epoch", ["hyper.epochs", "port.grpc"]),
            Some("hyper.epochs")
        );
        assert_eq!(nearest("zzz", ["hyper.epochs", "port.grpc"]), None);
    }
}
