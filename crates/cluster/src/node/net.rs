//! The node's network: a namespace of its own, and one interface of the machine that leads to it.

use std::{fs::File, net::Ipv4Addr, path::PathBuf, process::Command, time::Duration};

use super::claim;
use crate::{ClusterError, building::Building, command, leftovers::mounts_under, process::prefixed, teardown};

/// The node's address.
pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);

/// The machine's address as the node sees it.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 2);

/// Both fit in, and nothing else.
const LENGTH: u8 = 30;

/// Where pods get their addresses from.
pub(crate) const PODS: &str = "10.214.0.0/16";

/// The part of it that this node's pods get.
pub(super) const POD_SUBNET: &str = "10.214.0.0/24";

/// Where services get theirs from.
pub(crate) const SERVICES: &str = "10.215.0.0/16";

/// The API server's, which is the first of them.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 215, 0, 1);

/// The machine's end; the node's is called eth0.
const LINK: &str = "flow-cluster0";

/// Ten times what `ip` takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The namespace's file.
pub(crate) fn namespace() -> PathBuf {
    claim::network()
}

/// Makes it. From here on the cluster's parts start in it.
pub(super) fn up(building: &mut Building<'_>) -> Result<(), ClusterError> {
    let file = namespace();
    File::create(&file).map_err(ClusterError::file("create", &file))?;
    let mut unshare = Command::new("unshare");
    building.run(unshare.arg(prefixed("--net=", &file)).arg("true"))?;
    building.namespaces.net = Some(file);

    let (node, host) = (format!("{NODE}/{LENGTH}"), format!("{HOST}/{LENGTH}"));
    let via = NODE.to_string();
    // A link is made in the namespace, with the other end handed to where this process is.
    let own = std::process::id().to_string();
    let inside: [&[&str]; 6] = [
        &[
            "ip", "link", "add", "eth0", "type", "veth", "peer", "name", LINK, "netns", &own,
        ],
        &["ip", "link", "set", "lo", "up"],
        &["ip", "address", "add", &node, "dev", "eth0"],
        &["ip", "link", "set", "eth0", "up"],
        // There is nothing beyond the machine, and packets for elsewhere end here.
        &["ip", "route", "add", "unreachable", "default"],
        // Of its own in each namespace, so the machine's is not touched.
        &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
    ];
    let outside: [&[&str]; 4] = [
        &["address", "add", &host, "dev", LINK],
        &["link", "set", LINK, "up"],
        &["route", "add", PODS, "via", &via, "dev", LINK],
        &["route", "add", SERVICES, "via", &via, "dev", LINK],
    ];
    for args in inside {
        building.run(enter().args(args))?;
    }
    for args in outside {
        building.run(Command::new("ip").args(args))?;
    }
    Ok(())
}

/// Runs what is added to it in the namespace.
pub(super) fn enter() -> Command {
    let mut command = Command::new("nsenter");
    command.arg(prefixed("--net=", &namespace()));
    command
}

/// Removes it, with everything that is in it. Its file's mount goes with the others.
pub(super) fn down() -> Result<(), ClusterError> {
    if link().exists() {
        let cancel = crate::wait::Cancel::default();
        command::run(Command::new("ip").args(["link", "delete", LINK]), LIMIT, &cancel)?;
    }
    teardown::unmount(&namespace())
}

/// What there is of it.
pub(super) fn leftovers() -> impl Iterator<Item = String> {
    let link = link().exists().then(|| format!("interface {LINK}"));
    let mounts = mounts_under(&namespace()).into_iter();
    link.into_iter()
        .chain(mounts.map(|mount| format!("network namespace {}", mount.display())))
}

fn link() -> PathBuf {
    PathBuf::from("/sys/class/net").join(LINK)
}
