//! Hyper-parameters as `/api/v1` has them: a list of texts like `lr=0.1`.

use flow_domain::template::{HyperParameters, Scalar};

use super::Denied;

/// What a list says.
///
/// # Errors
/// If an element names nothing, or one is there twice.
pub(super) fn parse(list: &[String]) -> Result<HyperParameters, Denied> {
    let mut parameters = HyperParameters::new();
    for (index, element) in list.iter().enumerate() {
        let bare = element.trim().trim_start_matches('-');
        let Some((name, value)) = bare.split_once('=') else {
            return Err(Denied::invalid(format!(
                "hyper_parameter[{index}]: '{}' reaches the command as --name=value: write name=value",
                element.chars().take(80).collect::<String>()
            )));
        };
        // As text, it reaches the command as it was written.
        let before = parameters.insert(name.trim().to_owned(), Scalar::Text(value.to_owned()));
        if before.is_some() {
            return Err(Denied::invalid(format!(
                "hyper_parameter[{index}]: '{}' is there twice",
                name.trim()
            )));
        }
    }
    Ok(parameters)
}

/// The list that says the same.
pub(super) fn list(parameters: &HyperParameters) -> Vec<String> {
    parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &[&str]) -> Result<Vec<String>, String> {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        match parse(&list) {
            Ok(parameters) => Ok(super::list(&parameters)),
            Err(Denied::Said(_, message)) => Err(message),
            Err(Denied::Failed(_)) => Err(String::new()),
        }
    }

    #[test]
    fn each_element_is_a_name_and_a_value() {
        assert_eq!(
            parsed(&["epoch=1", "--lr=0.10", "note=a=b"]).unwrap(),
            ["epoch=1", "lr=0.10", "note=a=b"]
        );
        assert!(parsed(&["fast"]).unwrap_err().contains("hyper_parameter[0]: 'fast'"));
        assert!(parsed(&["a=1", "-a=2"]).unwrap_err().contains("'a' is there twice"));
    }
}
