//! What may be asked of flowctl that needs no server.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use flow_domain::Span;

/// What can be done about certificates.
#[derive(Debug, Subcommand)]
pub enum Pki {
    /// Make the federation's certificate authority
    Init {
        /// The folder to put ca.crt and ca.key into
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Make a certificate
    #[command(subcommand)]
    Issue(Issue),
}

/// Whom a certificate is for.
#[derive(Debug, Subcommand)]
pub enum Issue {
    /// For flow-server
    Server {
        /// A host name or address that agents reach it under; may be repeated
        #[arg(long = "host", value_name = "HOST", required = true)]
        hosts: Vec<String>,
        /// Where from and where to.
        #[command(flatten)]
        place: Place,
    },
    /// For a party's agent
    Party {
        /// The party's name
        name: String,
        /// Where from and where to.
        #[command(flatten)]
        place: Place,
    },
}

/// Where a certificate comes from and goes to.
#[derive(Debug, Args)]
pub struct Place {
    /// The folder of the certificate authority
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The folder to put the certificate, its key and ca.crt into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How long it is valid
    #[arg(long, value_name = "SPAN", default_value = "365d")]
    pub valid_for: Span,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// How the platform is run in this process.
#[derive(Debug, Args)]
pub struct Up {
    /// Where everything is kept [default: $XDG_DATA_HOME/iflearner-flow/up]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many parties there are
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = parties())]
    pub parties: u8,
    /// Where the REST API listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1235")]
    pub rest: SocketAddr,
    /// Also serve /api/v1, for existing clients of Iflearner Flow; on 127.0.0.1:1234 if no address is given
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:1234")]
    pub legacy: Option<SocketAddr>,
}

/// How the demo is run.
#[derive(Debug, Args)]
pub struct Demo {
    /// How many parties train together
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = parties())]
    pub parties: u8,
    /// How many epochs they train
    #[arg(long, value_name = "E", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub epochs: u32,
    /// Keep data and logs
    #[arg(long)]
    pub keep: bool,
    /// Only write each party's share of the data below DIR, to train with it elsewhere
    #[arg(long, value_name = "DIR", conflicts_with = "keep")]
    pub data: Option<PathBuf>,
}

/// Parties are named by letters: party-a to party-z.
fn parties() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=26)
}
