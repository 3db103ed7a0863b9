//! Places at which tests kill the operator.

/// The environment variable that names the place. It has no effect in release builds.
const ABORT_AT: &str = "FLOW_OPERATOR_ABORT_AT";

/// Ends the process as `kill -9` does, if it was started with this place's name in `FLOW_OPERATOR_ABORT_AT`.
pub(crate) fn hit(place: &str) {
    if cfg!(debug_assertions) && std::env::var_os(ABORT_AT).is_some_and(|wanted| wanted == place) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}
