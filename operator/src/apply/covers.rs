//! Whether an object is as it should be.
//!
//! Two things are compared. The digest of what was applied, which is in an annotation: it differs when something else is wanted
//! than last time, also if that is *less*, such as an annotation that is not set any more. And every field that is wanted with
//! the field as it is: it differs when somebody has edited the object, who leaves the annotation as it was. Fields that are not
//! wanted are not looked at, as the API server fills in many and controllers add their own; but lists are compared as wholes,
//! and so are selectors, as one more port, rule or label in these changes what the others do.

use serde::Serialize;
use serde_json::Value;

/// Whether `live` is as `wanted` says.
pub(super) fn covers<K: Serialize>(live: &K, wanted: &K) -> bool {
    let json = |object: &K| serde_json::to_value(object).unwrap_or_default();
    includes(&json(live), &json(wanted))
}

fn includes(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, value)| match live.get(key) {
            Some(found) if key == "selector" => found == value,
            Some(found) if key == "ownerReferences" => contains_each(found, value),
            Some(found) => includes(found, value),
            // The API server drops what is empty.
            None => value.is_null(),
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| includes(live, wanted))
        }
        (live, wanted) => live == wanted,
    }
}

/// Others may own the object too, without being its controller.
fn contains_each(live: &Value, wanted: &Value) -> bool {
    let (Some(live), Some(wanted)) = (live.as_array(), wanted.as_array()) else {
        return false;
    };
    wanted
        .iter()
        .all(|wanted| live.iter().any(|live| includes(live, wanted)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn additions_of_the_server_are_fine_and_edits_are_not() {
        let wanted = json!({
            "metadata": { "annotations": { "a": "1" } },
            "spec": { "selector": { "app": "x" }, "ports": [{ "port": 80 }] },
        });
        let live = |change: fn(&mut Value)| {
            let mut live = json!({
                "metadata": { "annotations": { "a": "1", "theirs": "2" }, "uid": "u" },
                "spec": { "selector": { "app": "x" }, "ports": [{ "port": 80, "nodePort": 7 }], "clusterIP": "10.0.0.1" },
            });
            change(&mut live);
            includes(&live, &wanted)
        };
        assert!(live(|_| {}));
        assert!(!live(|live| live["metadata"]["annotations"]["a"] = json!("2")));
        assert!(!live(|live| live["spec"]["selector"]["more"] = json!("y")));
        assert!(!live(
            |live| live["spec"]["ports"] = json!([{ "port": 80 }, { "port": 81 }])
        ));
        assert!(!live(|live| live["spec"]["ports"][0]["port"] = json!(81)));
        assert!(!live(|live| drop(
            live["spec"].as_object_mut().map(|spec| spec.remove("selector"))
        )));
    }
}
