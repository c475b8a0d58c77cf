//! `posthouse dns …`: arguments in, requests out.

use super::Failure;
use crate::admin::Request;
use crate::dns::mail_records::DmarcPolicy;
use crate::dns::request::{DnsRequest, RollWhat};
use clap::{Subcommand, ValueEnum};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

/// The commands about names.
#[derive(Debug, Subcommand)]
pub enum DnsCommand {
    /// Compare the records a domain needs with what the world sees
    #[command(
        after_help = "Examples:\n  posthouse dns status example.org\n  posthouse dns status example.org --no-look    only what is known here\n  posthouse --json dns status example.org\n\nThe domain's zone may be elsewhere: then this is the list of records to enter there, each with a tick when right."
    )]
    Status {
        domain: String,
        /// Ask nobody: show what is wanted, what was seen last, and what happens next
        #[arg(long)]
        no_look: bool,
    },
    /// List the zones, or the records of one, each with its owner
    #[command(
        after_help = "Examples:\n  posthouse dns list\n  posthouse dns list example.org\n\nmanaged records are made and kept up by the server; yours are what you added; ignored ones were left to you."
    )]
    List {
        /// The zone whose records are listed
        zone: Option<String>,
        /// Keys, signatures and proofs, too
        #[arg(long)]
        signing: bool,
    },
    /// Add records to the zones they belong to
    #[command(
        after_help = "Examples:\n  posthouse dns add www.example.org A 192.0.2.7\n  posthouse dns add www.example.org AAAA 2001:db8::7 --ttl 300\n  posthouse dns add example.org TXT '\"some-verification=abc\"'\n  posthouse dns add - < lines-of-a-master-file\n\nData that begins with a hyphen goes behind `--`."
    )]
    Add {
        /// The name, or `-` to read whole lines of a master file from standard input
        name: String,
        /// The type, such as A
        rtype: Option<String>,
        /// The data, as in a master file
        #[arg(allow_negative_numbers = true)]
        data: Vec<String>,
        /// Seconds for which it may be remembered
        #[arg(long, default_value_t = 3600)]
        ttl: u32,
    },
    /// Remove records: all of a name, those of a type, or one
    #[command(
        after_help = "Examples:\n  posthouse dns remove www.example.org\n  posthouse dns remove www.example.org A\n  posthouse dns remove www.example.org A 192.0.2.7"
    )]
    Remove {
        name: String,
        rtype: Option<String>,
        #[arg(allow_negative_numbers = true)]
        data: Vec<String>,
    },
    /// Load a master file into a zone, in place of what is yours there; makes the zone if it is not there
    #[command(
        after_help = "Examples:\n  posthouse dns import example.org example.org.zone\n  posthouse dns import --unsigned example.org - < example.org.zone\n\nManaged records stay. $INCLUDE reaches files in the folder of FILE only. `posthouse dns undo` takes it back."
    )]
    Import {
        zone: String,
        /// The file, or `-`
        file: PathBuf,
        /// Do not sign a zone that this makes
        #[arg(long)]
        unsigned: bool,
    },
    /// Print a zone as a master file
    Export { zone: String },
    /// Undo the newest change of a zone, or its deletion
    #[command(
        after_help = "Examples:\n  posthouse dns undo example.org\n  posthouse dns undo example.org --skip\n\nUndone are changes of records, imports, ignore and manage, settings of mail records, sign and unsign, secondaries and updaters, one by one, the newest first; `posthouse dns log` lists them. Signing that a DS record at the parent speaks of is undone like `unsign`: in the right order, not at once.\n\nA zone that was deleted comes back with its records, settings, secondaries and keys, so that a DS record at the parent stays right, for 30 days; but not while another zone of its name is here.\n\nNot undone can be the replacement of a key (rollover, or sign with --split changed), a key that was taken (key import), and what made the zone. If that is the newest change, undo says so and changes nothing; --skip goes on to the one before. Shared keys (tsig) belong to no zone: what is removed of them is gone."
    )]
    Undo {
        zone: String,
        /// Leave what cannot be undone as it is, and undo the newest change that can
        #[arg(long)]
        skip: bool,
    },
    /// List what was changed in a zone, the newest first
    Log {
        zone: String,
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Remove a zone
    #[command(
        after_help = "Examples:\n  posthouse dns delete example.org\n  posthouse dns delete example.org --for-good\n\n`posthouse dns undo` brings it back, for 30 days. Of several zones deleted under one name, only the last can come back."
    )]
    Delete {
        zone: String,
        /// Also while its parent shows a DS record, which makes the name unusable for validating resolvers
        #[arg(long)]
        force: bool,
        /// Keep nothing of it, nor its keys; a zone of its name that was deleted before can come back then
        #[arg(long)]
        for_good: bool,
    },
    /// Sign a zone from now on
    Sign {
        zone: String,
        /// Deny names by NSEC3 (RFC 5155) instead of NSEC
        #[arg(long)]
        nsec3: bool,
        /// A key-signing and a zone-signing key instead of one for both
        #[arg(long)]
        split: bool,
    },
    /// Stop signing a zone: first the DS goes, then, once nobody remembers it, the signatures
    Unsign {
        zone: String,
        /// Drop signatures at once: for zones whose parent has no DS
        #[arg(long)]
        at_once: bool,
    },
    /// Begin to replace a key
    #[command(
        after_help = "Examples:\n  posthouse dns rollover example.org csk\n  posthouse dns rollover example.org dkim\n  posthouse dns rollover example.org algorithm\n\n`posthouse dns undo` cannot take it back."
    )]
    Rollover { name: String, what: What },
    /// Leave a managed record to you: it is not published any more, yours may be
    Ignore { name: String, rtype: String },
    /// Take a record back that was left to you
    Manage { name: String, rtype: String },
    /// Settings of a domain's mail records
    #[command(
        after_help = "Examples:\n  posthouse dns mail example.org --dmarc quarantine\n  posthouse dns mail example.org --reports dmarc@example.org\n  posthouse dns mail example.org --records off"
    )]
    Mail {
        zone: String,
        /// What receivers should do with forged mail
        #[arg(long)]
        dmarc: Option<Dmarc>,
        /// The address for reports of DMARC and TLS
        #[arg(long, value_name = "ADDRESS")]
        reports: Option<String>,
        /// Whether mail records are managed in this zone
        #[arg(long, value_name = "on|off")]
        records: Option<OnOff>,
    },
    /// Servers that fetch a zone from here, and zones fetched from elsewhere
    #[command(subcommand)]
    Secondary(SecondaryCommand),
    /// Programs that may change a zone by update messages (RFC 2136)
    #[command(subcommand)]
    Updater(UpdaterCommand),
    /// Keys shared with other servers and programs (RFC 8945)
    #[command(subcommand)]
    Tsig(TsigCommand),
    /// Keys that sign zones, for moving zones between servers, and that of the next certificate
    #[command(subcommand)]
    Key(KeyCommand),
}

/// What is rolled.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum What {
    Ksk,
    Zsk,
    Csk,
    Dkim,
    /// From another algorithm, as an imported key may have, to ECDSA P-256
    Algorithm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Dmarc {
    None,
    Quarantine,
    Reject,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OnOff {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub enum SecondaryCommand {
    /// Let a server fetch the zone, and tell it of changes
    #[command(
        after_help = "Example:\n  posthouse dns secondary add example.org 198.51.100.2 --key transfer.example.org"
    )]
    Add {
        zone: String,
        /// Its address, with a port for notifications if that is not 53
        address: String,
        /// The shared key it must prove; without one the address is enough
        #[arg(long)]
        key: Option<String>,
    },
    /// The reverse
    Remove { zone: String, address: String },
    /// List who has to do with a zone
    List { zone: String },
    /// Be a secondary: fetch the zone from a primary
    #[command(
        after_help = "Example:\n  posthouse dns secondary follow example.net 203.0.113.9 --key transfer.example.net"
    )]
    Follow {
        zone: String,
        /// The primary's address, with its port if that is not 53
        primary: String,
        /// The shared key that is proved to it
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum UpdaterCommand {
    /// Let whoever proves a key change what is yours in a zone
    Add {
        zone: String,
        /// The network it must come from
        #[arg(long, default_value = "any")]
        from: String,
        /// The shared key
        #[arg(long)]
        key: String,
    },
    /// The reverse
    Remove {
        zone: String,
        #[arg(long, default_value = "any")]
        from: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum TsigCommand {
    /// Make a key; or take one from standard input
    Add {
        name: String,
        #[arg(long, default_value = "hmac-sha256")]
        algorithm: String,
        /// Read the secret, in base64, from standard input
        #[arg(long)]
        secret: bool,
    },
    /// Remove a key that no zone uses; its secret is gone then, and nothing takes that back
    Remove { name: String },
    /// List keys without their secrets
    List,
    /// Print a key with its secret, for the other side
    Show { name: String },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Print a zone's keys, the secret halves too, in BIND's form
    Export { zone: String },
    /// Take a key in BIND's form: the .key and the .private file; what was there before is destroyed
    Import { zone: String, public: PathBuf, private: PathBuf },
    /// Print the key that the mail host's next certificate should have, as PEM
    #[command(
        after_help = "Its digest is published already (TLSA 3 1 1), so that the change breaks no mail:\n  posthouse dns key next > next.pem\n  openssl req -new -key next.pem -subj /CN=mx.example.org > request.pem"
    )]
    Next,
}

/// The request behind a command.
///
/// # Errors
/// A sentence about a file or standard input.
pub fn request(command: DnsCommand) -> Result<Request, Failure> {
    Ok(Request::Dns(match command {
        DnsCommand::Status { domain, no_look } => DnsRequest::Status { zone: domain, look: !no_look },
        DnsCommand::List { zone, signing } => DnsRequest::List { zone, signing },
        DnsCommand::Add { name, rtype, data, ttl } => add(&name, rtype.as_deref(), &data, ttl)?,
        DnsCommand::Remove { name, rtype, data } => {
            DnsRequest::Remove { name, rtype, data: (!data.is_empty()).then(|| data.join(" ")) }
        }
        DnsCommand::Import { zone, file, unsigned } => import(zone, &file, unsigned)?,
        DnsCommand::Export { zone } => DnsRequest::Export { zone },
        DnsCommand::Undo { zone, skip } => DnsRequest::Undo { zone, skip },
        DnsCommand::Log { zone, limit } => DnsRequest::Log { zone, limit },
        DnsCommand::Delete { zone, force, for_good } => DnsRequest::Delete { zone, force, for_good },
        DnsCommand::Sign { zone, nsec3, split } => DnsRequest::Sign { zone, nsec3, split },
        DnsCommand::Unsign { zone, at_once } => DnsRequest::Unsign { zone, at_once },
        DnsCommand::Rollover { name, what } => DnsRequest::Rollover { name, what: what.into() },
        DnsCommand::Ignore { name, rtype } => DnsRequest::Ignore { name, rtype, ignore: true },
        DnsCommand::Manage { name, rtype } => DnsRequest::Ignore { name, rtype, ignore: false },
        DnsCommand::Mail { zone, dmarc, reports, records } => DnsRequest::Mail {
            zone,
            dmarc: dmarc.map(DmarcPolicy::from),
            reports_to: reports,
            records: records.map(|records| matches!(records, OnOff::On)),
        },
        DnsCommand::Secondary(command) => secondary(command),
        DnsCommand::Updater(UpdaterCommand::Add { zone, from, key }) => {
            DnsRequest::UpdaterAdd { zone, address: from, key }
        }
        DnsCommand::Updater(UpdaterCommand::Remove { zone, from }) => {
            DnsRequest::UpdaterRemove { zone, address: from }
        }
        DnsCommand::Tsig(command) => tsig(command)?,
        DnsCommand::Key(KeyCommand::Export { zone }) => DnsRequest::KeyExport { zone },
        DnsCommand::Key(KeyCommand::Import { zone, public, private }) => {
            DnsRequest::KeyImport { zone, public: text_of(&public)?, private: text_of(&private)? }
        }
        DnsCommand::Key(KeyCommand::Next) => DnsRequest::NextCertificateKey,
    }))
}

fn secondary(command: SecondaryCommand) -> DnsRequest {
    match command {
        SecondaryCommand::Add { zone, address, key } => DnsRequest::SecondaryAdd { zone, address, key },
        SecondaryCommand::Remove { zone, address } => DnsRequest::SecondaryRemove { zone, address },
        SecondaryCommand::List { zone } => DnsRequest::Peers { zone },
        SecondaryCommand::Follow { zone, primary, key } => DnsRequest::Follow { zone, primary, key },
    }
}

fn tsig(command: TsigCommand) -> Result<DnsRequest, Failure> {
    Ok(match command {
        TsigCommand::Add { name, algorithm, secret } => {
            let secret = match secret {
                true => Some(first_line()?),
                false => None,
            };
            DnsRequest::TsigAdd { name, algorithm, secret }
        }
        TsigCommand::Remove { name } => DnsRequest::TsigRemove { name },
        TsigCommand::List => DnsRequest::TsigList,
        TsigCommand::Show { name } => DnsRequest::TsigShow { name },
    })
}

fn first_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn add(name: &str, rtype: Option<&str>, data: &[String], ttl: u32) -> Result<DnsRequest, Failure> {
    let lines = match (name, rtype) {
        ("-", None) => io::stdin().lock().lines().collect::<io::Result<Vec<String>>>()?,
        (_, Some(rtype)) if !data.is_empty() => {
            vec![format!("{}. {ttl} IN {rtype} {}", name.trim_end_matches('.'), data.join(" "))]
        }
        _ => return Err("say NAME TYPE DATA, for example: www.example.org A 192.0.2.7".into()),
    };
    Ok(DnsRequest::Add { lines })
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    Ok(std::fs::read_to_string(file).map_err(named)?)
}

/// Reads the file here, as the person who asks: the server then never opens files that others name.
fn import(zone: String, file: &Path, unsigned: bool) -> Result<DnsRequest, Failure> {
    let records = match file.to_str() {
        Some("-") => crate::dns::import::read(&zone, io::stdin().lock(), file)?,
        _ => {
            let open = std::fs::File::open(file)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
            crate::dns::import::read(&zone, open, file)?
        }
    };
    Ok(DnsRequest::Import { zone, records, unsigned })
}

impl From<What> for RollWhat {
    fn from(what: What) -> RollWhat {
        match what {
            What::Ksk => RollWhat::Ksk,
            What::Zsk => RollWhat::Zsk,
            What::Csk => RollWhat::Csk,
            What::Dkim => RollWhat::Dkim,
            What::Algorithm => RollWhat::Algorithm,
        }
    }
}

impl From<Dmarc> for DmarcPolicy {
    fn from(policy: Dmarc) -> DmarcPolicy {
        match policy {
            Dmarc::None => DmarcPolicy::None,
            Dmarc::Quarantine => DmarcPolicy::Quarantine,
            Dmarc::Reject => DmarcPolicy::Reject,
        }
    }
}
