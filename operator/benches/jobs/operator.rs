//! The operator's process.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};

use crate::{Options, idle::Counted};

pub(crate) struct Operator(pub(crate) Child);

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until an operator has looked at all that is there: until it needs no processor any more.
pub(crate) async fn settle(operator: &Operator) {
    let mut last = u64::MAX;
    loop {
        let now = operator.ticks();
        if now.saturating_sub(last) <= 2 && last != u64::MAX {
            return;
        }
        last = now;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

impl Operator {
    /// Starts one for the whole cluster: as a user whose requests are counted, and with a lease; or with neither.
    pub(crate) fn start(options: &Options, counted: Option<&Counted>) -> Self {
        let settings = [
            format!("leader.enabled={}", counted.is_some()),
            format!("concurrency={}", options.concurrency),
            "health.enabled=false".to_owned(),
        ];
        let arguments = settings.iter().flat_map(|setting| ["--set", setting]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_flow-operator"));
        command
            .arg("serve")
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null());
        if let Some(counted) = counted {
            command.env("KUBECONFIG", counted.kubeconfig.path());
        }
        Self(command.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }

    /// The processor time that it has used, in clock ticks.
    pub(crate) fn ticks(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, fields) = text.rsplit_once(')').unwrap();
        let fields: Vec<u64> = fields
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // Of the fields after the name, which begin with a letter and the parent: user and system time.
        fields[10] + fields[11]
    }

    /// In megabytes.
    pub(crate) fn memory(&self, field: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}
