//! `flowctl pki …`: the certificates of a federation, on this machine's disk.

use std::{net::IpAddr, path::Path, time::Duration};

use flow_domain::ErrorCode;
use flow_pki::{Ca, PkiError, Request, Role};

use crate::{Exit, Failure, cli, output::Output};

/// What an authority calls itself.
pub(crate) const SUBJECT: &str = "Iflearner Flow federation";
/// Ten years: longer than any party's certificate, so that those decide.
pub(crate) const AUTHORITY_LIFE: Duration = Duration::from_secs(3_650 * 86_400);

/// Does what was asked about certificates.
pub(super) fn run(output: &Output, command: &cli::Pki) -> Result<Exit, Failure> {
    match command {
        cli::Pki::Init { dir } => {
            let authority = Ca::create(SUBJECT, AUTHORITY_LIFE).map_err(failed)?;
            authority.save(dir).map_err(failed)?;
            output.line(format!(
                "{} made; keep {} secret: who has it can pass for any party",
                dir.join("ca.crt").display(),
                dir.join("ca.key").display()
            ))?;
        }
        cli::Pki::Issue(cli::Issue::Server { hosts, place }) => {
            let (ips, dns_names): (Vec<&String>, Vec<&String>) =
                hosts.iter().partition(|host| host.parse::<IpAddr>().is_ok());
            let role = Role::Server {
                dns_names: dns_names.into_iter().cloned().collect(),
                ips: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
            };
            issue(output, place, role, "server")?;
        }
        cli::Pki::Issue(cli::Issue::Party { name, place }) => {
            let party = name
                .parse()
                .map_err(|error: flow_pki::NameError| Failure::invalid(error.to_string()))?;
            issue(output, place, Role::Party { name: party }, name)?;
        }
    }
    Ok(Exit::OK)
}

fn issue(output: &Output, place: &cli::Place, role: Role, stem: &str) -> Result<(), Failure> {
    let authority = Ca::load(&place.dir).map_err(|error| {
        let missing = !place.dir.join("ca.crt").exists();
        let failure = failed(error);
        if missing {
            failure.hint(format!(
                "make an authority with: flowctl pki init --dir {}",
                place.dir.display()
            ))
        } else {
            failure
        }
    })?;
    let validity = place.valid_for.std();
    let issued = authority.issue(&Request { role, validity }).map_err(failed)?;
    issued.save(&place.out, stem, place.force).map_err(failed)?;
    issued.save_ca(&place.out, place.force).map_err(failed)?;
    let file = |name: String| Path::display(&place.out.join(name)).to_string();
    output.line(format!(
        "{} and {} made, valid until {}",
        file(format!("{stem}.crt")),
        file(format!("{stem}.key")),
        issued.not_after.date()
    ))
}

/// A failure of the certificate library as a command's.
pub(crate) fn failed(error: PkiError) -> Failure {
    let code = match &error {
        PkiError::AuthorityExists(_) | PkiError::Exists(_) => ErrorCode::Conflict,
        PkiError::Request(_) | PkiError::Unusable { .. } | PkiError::File { .. } => ErrorCode::Invalid,
        _ => ErrorCode::Internal,
    };
    let text = error.to_string();
    let failure = Failure::new(code, text);
    match std::error::Error::source(&error) {
        Some(cause) => failure.because(cause.to_string()),
        None => failure,
    }
}
