//! TLS towards a server: whose certificates are believed, and how a data connection shows that it
//! belongs to its session.

use super::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// Tickets kept for one session: each data connection takes one and brings new ones.
const TICKETS_MAX: usize = 32;

/// The name of FTP in ALPN (the IANA registry), so that the server's certificate cannot be put to use
/// against another protocol.
const ALPN: &[u8] = b"ftp";

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The system's authorities, or Mozilla's where it has none.
    System,
    /// Those in this file and no others; a server's own certificate may stand in it, too.
    File(PathBuf),
    /// Anybody's. Said loudly by who chooses it.
    Anybody,
}

/// Makes the configuration of connections.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn config(trust: &Trust) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?;
    let belief = match trust {
        Trust::Anybody => Belief::Anybody,
        trust => {
            let named = if let Trust::File(path) = trust { read(path)? } else { Vec::new() };
            let roots = Arc::new(roots(trust)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| Error::Tls(error.to_string()))?;
            Belief::Known { verifier, named }
        }
    };
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { belief, provider }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn roots(trust: &Trust) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if let Trust::File(path) = trust {
        let (added, _) = roots.add_parsable_certificates(read(path)?);
        if added == 0 {
            return Err(Error::Tls(format!("{}: holds no certificate", path.display())));
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if let (true, Some(error)) = (roots.is_empty(), found.errors.first()) {
        return Err(Error::Tls(format!("the system's authorities cannot be read: {error}")));
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| Error::Tls(format!("{}: no certificate can be read: {error}", path.display())))
}

/// A server as TLS sees it: its name, and what one session with it remembers.
///
/// Each control connection has tickets of its own, and its data connections resume with these and no
/// others: that is how a server knows that they belong together (and ours demands it).
#[derive(Debug, Clone)]
pub struct Peer {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Peer {
    /// A fresh session with `host`.
    ///
    /// # Errors
    /// If no certificate could be for such a name.
    pub fn new(host: &str, config: &ClientConfig) -> Result<Peer, Error> {
        let name = ServerName::try_from(host.to_string())
            .map_err(|_| Error::Tls(format!("{host:?} is no name that a certificate could be for")))?;
        let mut config = config.clone();
        config.resumption = Resumption::in_memory_sessions(TICKETS_MAX);
        Ok(Peer { name, config: Arc::new(config) })
    }

    /// A connection before its handshake.
    ///
    /// # Errors
    /// If the configuration does not do.
    pub fn connection(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
    }
}

/// What to say of a failed handshake, and what to do about it.
pub fn explain(host: &str, error: &std::io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(what)) => format!(
            "the certificate of {host} is not believed: {what} (--ca FILE names an authority, or \
             the certificate itself, to believe; --insecure believes anybody)"
        ),
        _ => format!("the TLS handshake with {host} failed: {error}"),
    }
}

/// Whose certificates are believed.
#[derive(Debug)]
enum Belief {
    /// Authorities, and the very certificates that the person named: many an FTP server has one that it made
    /// itself, which as a rule is no proper authority's.
    Known { verifier: Arc<WebPkiServerVerifier>, named: Vec<CertificateDer<'static>> },
    /// All.
    Anybody,
}

/// Judges certificates; that the peer holds the key is checked in any case.
#[derive(Debug)]
struct Verifier {
    belief: Belief,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.belief {
            Belief::Known { named, .. } if named.iter().any(|known| known == end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            Belief::Known { verifier, .. } => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Belief::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
