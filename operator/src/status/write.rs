//! The difference between two statuses, as the patch that is sent.

use flow_operator_api::IflearnerJobStatus;
use serde_json::{Map, Value, json};

/// A JSON merge patch for the status subresource, or nothing if the two are equal.
///
/// It names the version that the decision was made on: if the job has changed since, the API server refuses the patch, and the
/// job is looked at again.
pub(crate) fn patch(
    before: Option<&IflearnerJobStatus>,
    after: &IflearnerJobStatus,
    version: Option<&str>,
) -> Option<Value> {
    if before == Some(after) {
        return None;
    }
    let before = serde_json::to_value(before).ok().filter(Value::is_object);
    let after = serde_json::to_value(after).ok()?;
    let difference = difference(&before.unwrap_or_else(|| json!({})), &after)?;
    Some(json!({ "metadata": { "resourceVersion": version }, "status": difference }))
}

fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let gone = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, value)| {
        let difference = old
            .get(key)
            .map_or_else(|| Some(value.clone()), |old| difference(old, value));
        difference.map(|value| (key.clone(), value))
    });
    let patch: Map<String, Value> = gone.chain(changed).collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let before = json!({ "phase": "Pending", "podIP": "1.2.3.4", "conditions": [1, 2], "a": { "b": 1, "c": 2 } });
        let after = json!({ "phase": "Running", "conditions": [1, 2], "a": { "b": 1, "c": 3 } });
        let expected = json!({ "phase": "Running", "podIP": null, "a": { "c": 3 } });
        assert_eq!(difference(&before, &after), Some(expected));
        assert_eq!(difference(&after, &after), None);
    }

    #[test]
    fn equal_statuses_are_not_written() {
        let status = IflearnerJobStatus {
            phase: Some("Running".to_owned()),
            ..IflearnerJobStatus::default()
        };
        assert_eq!(patch(Some(&status), &status, Some("7")), None);
        let first = patch(None, &status, Some("7")).unwrap();
        assert_eq!(
            first,
            json!({ "metadata": { "resourceVersion": "7" }, "status": { "phase": "Running" } })
        );
    }
}
