//! Why there is no connection: a sentence for the person who runs the server, which says what to do.

use std::error::Error;

use tokio_rustls::rustls::{self, CertificateError};

use super::target::Target;
use super::tls::{HandshakeError, Roots, Trust};
use crate::error::{OpenError, StoreError};

/// Why there is no connection. No text holds a password.
pub(crate) enum Refusal {
    /// A file that `store.url` names cannot be used.
    Setting(String),
    /// There is no way to the server, or none that is as safe as `store.url` asks for.
    Way(String),
    /// The server said no.
    Server(StoreError),
}

impl Refusal {
    /// Finds the sentence for what the client says.
    pub fn explain(error: postgres::Error, target: &Target) -> Refusal {
        if error.as_db_error().is_some() {
            return Refusal::Server(error.into());
        }
        let cause = error.source();
        if let Some(failed) = cause.and_then(|cause| cause.downcast_ref::<HandshakeError>()) {
            return Refusal::Way(handshake(failed, target.trust()));
        }
        let (hosts, cause) = (target.hosts(), cause.map(ToString::to_string).unwrap_or_default());
        Refusal::Way(match cause.as_str() {
            // These are the client's words.
            "server does not support TLS" => format!(
                "the PostgreSQL server {hosts} does not offer TLS, without which store.url does not let us speak to it: \
                 set ssl = on there, or write sslmode=disable if nobody can listen or stand in between"
            ),
            "server did not use channel binding" => format!(
                "the PostgreSQL server {hosts} did not bind the login to a TLS connection, as channel_binding=require in \
                 store.url asks for: let it use scram-sha-256 for this user over TLS, with a certificate that is not \
                 signed by Ed25519 or RSASSA-PSS, or leave channel_binding out"
            ),
            "password missing" => format!(
                "the PostgreSQL server {hosts} asks for a password: name one in store.url, or a file by passfile=FILE"
            ),
            _ if is_alert(&error) => format!(
                "the PostgreSQL server {hosts} does not accept our side of TLS ({cause}): is sslcert in store.url a \
                 certificate that it knows?"
            ),
            "" => format!("no connection to the PostgreSQL server {hosts}: {error}"),
            cause => format!("no connection to the PostgreSQL server {hosts}: {error}: {cause}"),
        })
    }
}

/// What is wrong with a server whose handshake failed.
fn handshake(failed: &HandshakeError, trust: Option<&Trust>) -> String {
    let HandshakeError { host, cause } = failed;
    let reason = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match reason {
        Some(rustls::Error::InvalidCertificate(
            what @ (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }),
        )) => format!(
            "the certificate of the PostgreSQL server {host} is for {}, not for the name that store.url has: write a name \
             that it is for (hostaddr=ADDRESS then says where that is), or give the server a certificate for {host}",
            names(what)
        ),
        Some(rustls::Error::InvalidCertificate(
            what @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        )) => format!("the certificate of the PostgreSQL server {host} is out of date ({what}): replace it"),
        Some(rustls::Error::InvalidCertificate(what)) => format!(
            "the certificate of the PostgreSQL server {host} is not believed, because {} ({what}): name the file of its \
             authority, or of the certificate itself, by sslrootcert=FILE in store.url",
            believed(trust)
        ),
        Some(rustls::Error::AlertReceived(alert)) => format!(
            "the PostgreSQL server {host} does not accept our side of TLS ({alert:?}): is sslcert in store.url a \
             certificate that it knows, and does it have TLS 1.2?"
        ),
        _ => format!("the TLS handshake with the PostgreSQL server {host} failed: {cause}"),
    }
}

/// Why a certificate without a known authority is not believed.
fn believed(trust: Option<&Trust>) -> String {
    match trust {
        Some(Trust::Authority(file) | Trust::Name(Roots::File(file))) => {
            format!("no authority in sslrootcert {} vouches for it", file.display())
        }
        _ => "none of the system's authorities vouches for it".to_owned(),
    }
}

/// The names of a certificate that are shown; some have hundreds.
const NAMES_SHOWN_MAX: usize = 5;

/// The names that a certificate is for.
fn names(what: &CertificateError) -> String {
    match what {
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            // Each comes as `DnsName("db.example.org")` or the like.
            let bare = |name: &String| {
                let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
                inner.trim_end_matches(')').trim_matches('"').to_owned()
            };
            let more = if presented.len() > NAMES_SHOWN_MAX { " and others" } else { "" };
            let shown: Vec<String> = presented.iter().take(NAMES_SHOWN_MAX).map(bare).collect();
            format!("{}{more}", shown.join(", "))
        }
        _ => "no name (it has no subjectAltName)".to_owned(),
    }
}

/// True if the server broke TLS off after the handshake, as it does over a client's certificate.
fn is_alert(error: &postgres::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let inner = cause.and_then(std::io::Error::get_ref).and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Refusal {
        Refusal::Server(error.into())
    }
}

impl From<Refusal> for OpenError {
    fn from(refusal: Refusal) -> OpenError {
        match refusal {
            Refusal::Setting(what) => OpenError::Setting(format!("store.url: {what}")),
            Refusal::Way(what) => OpenError::Failed(what),
            Refusal::Server(error) => error.into(),
        }
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> StoreError {
        match refusal {
            Refusal::Setting(what) | Refusal::Way(what) => StoreError::Io(what),
            Refusal::Server(error) => error,
        }
    }
}
