//! What the cluster looked like when a test failed in it: it is gone soon after.

use std::thread;

use crate::kubectl::Kubectl;

/// Lines of each answer that are shown.
const LINES: usize = 60;

/// Prints the state of the cluster if the test ends by a panic.
pub(crate) struct Evidence(pub(crate) Kubectl);

impl Drop for Evidence {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        for arguments in [
            "get nodes --output=jsonpath={.items[*].status.conditions}",
            "get pods,iflearnerjobs --all-namespaces --output=wide",
            "get events --all-namespaces --sort-by=.lastTimestamp",
        ] {
            let output = self.0.kubectl(arguments).as_std_mut().output();
            let said = output.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stdout).into_owned(),
            );
            eprintln!("\n$ kubectl {arguments}");
            let lines: Vec<&str> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(LINES)..] {
                eprintln!("{line}");
            }
        }
    }
}
