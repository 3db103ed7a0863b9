//! Static binaries of the workspace's programs: they need nothing of a system beside them.

use std::path::PathBuf;

use super::{Profile, debian, platform::Platform};
use crate::{Outcome, cargo, workspace};

/// Builds these programs in one go; answers the folder that they are in.
///
/// `--workspace` with `--bin` builds only these, but with the features that every other command resolves: what runs on
/// this machine (build scripts, procedural macros) is shared with them.
pub(super) fn build(programs: &[&str], profile: Profile, platform: Platform) -> Outcome<PathBuf> {
    install_target(platform)?;
    // For the C and assembler in ring, SQLite and mimalloc.
    debian::program("musl-gcc", "musl-tools")?;
    let mut build = cargo::cargo(["build", "--locked", "--workspace", "--target", platform.target]);
    build.args(["--profile", name(profile)]);
    for program in programs {
        build.args(["--bin", program]);
    }
    if profile == Profile::Dev {
        // By a flag for the target only: another profile would build for this machine anew.
        build.env(flags_variable(platform.target), "-C strip=symbols");
    }
    cargo::run(&mut build)?;
    let target = workspace::target_directory()?.join(platform.target);
    Ok(target.join(match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    }))
}

/// What cargo calls it.
fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Dev => "dev",
        Profile::Release => "release",
    }
}

/// The variable with the compiler's flags for a target.
fn flags_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"))
}

/// Sees to it that the target's standard library is there.
fn install_target(platform: Platform) -> Outcome {
    let target = platform.target;
    let mut ask = cargo::command("rustc");
    ask.args(["--print", "target-libdir", "--target", target]);
    if PathBuf::from(cargo::output(&mut ask)?.trim()).is_dir() {
        return Ok(());
    }
    if debian::on_path("rustup").is_none() {
        return Err(format!("this Rust has no standard library for {target}, and there is no rustup to add it").into());
    }
    eprintln!("adding Rust's standard library for {target} (once)");
    cargo::run(cargo::command("rustup").args(["target", "add", target]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_for_the_target_only() {
        let variable = flags_variable("x86_64-unknown-linux-musl");
        assert_eq!(variable, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS");
    }
}
