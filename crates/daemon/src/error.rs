//! Errors as people read them: the whole chain of causes in one line.

use std::error::Error;

/// The error and all its causes, as `what: because: because`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        // Transparent wrappers would say everything twice.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}
