//! TLS towards the server: whose certificates are believed, who we are, and the stream.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{
    Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::binding::end_point;
use super::passfile::read_secret;

/// The name of PostgreSQL's protocol in ALPN (the IANA registry), so that the server's certificate cannot be put to
/// use against another protocol. Servers before version 17 pass it over.
const ALPN: &[u8] = b"postgresql";

/// How connections are made with TLS.
#[derive(Clone)]
pub(super) struct Tls {
    pub trust: Trust,
    pub identity: Option<Identity>,
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anybody's.
    Anybody,
    /// Those of the authorities in this file, whatever name they are for.
    Authority(PathBuf),
    /// Those of these authorities for the name of the host.
    Name(Roots),
}

/// Authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's, or Mozilla's where it has none.
    System,
    /// Those in this file and no others. A server's own certificate may stand in it, too, and is believed as long as it
    /// does, whatever dates it has.
    File(PathBuf),
}

/// What we show to the server.
#[derive(Clone)]
pub(super) struct Identity {
    /// The chain, our own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn connector(&self) -> Result<Connector, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let judge = Judge::new(&self.trust, Arc::clone(&provider))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                let with = builder.with_client_auth_cert(chain, key);
                with.map_err(|error| format!("sslcert and sslkey do not go together: {error}"))?
            }
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Each connection has a configuration of its own.
        config.resumption = Resumption::disabled();
        Ok(Connector { config: Arc::new(config) })
    }
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let chain = certificates("sslcert", &self.certificate)?;
        let file = self.key.display();
        let text = read_secret(&self.key).map_err(|error| format!("sslkey {file}: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes());
        let key = key.map_err(|_| format!("sslkey {file}: holds no key that is not encrypted"))?;
        Ok((chain, key))
    }
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(format!("{key} {}: holds no certificate", file.display())),
        Err(error) => Err(format!("{key} {}: no certificate can be read: {error}", file.display())),
    }
}

/// Judges certificates; that the server holds the key is checked in any case.
#[derive(Debug)]
struct Judge {
    /// Nothing if anybody is believed.
    roots: Option<RootCertStore>,
    /// Certificates that were named themselves: many a server has one that it made itself, which as a rule is no
    /// proper authority's.
    named: Vec<CertificateDer<'static>>,
    wants_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Judge {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Judge, String> {
        let (file, wants_name) = match trust {
            Trust::Anybody => {
                return Ok(Judge { roots: None, named: Vec::new(), wants_name: false, provider });
            }
            Trust::Authority(file) => (Some(file), false),
            Trust::Name(Roots::File(file)) => (Some(file), true),
            Trust::Name(Roots::System) => (None, true),
        };
        let Some(file) = file else {
            return Ok(Judge { roots: Some(system_roots()?), named: Vec::new(), wants_name, provider });
        };
        let named = certificates("sslrootcert", file)?;
        let mut roots = RootCertStore::empty();
        // One that cannot be an authority's may still be the server's own.
        roots.add_parsable_certificates(named.iter().cloned());
        Ok(Judge { roots: Some(roots), named, wants_name, provider })
    }
}

/// The system's authorities, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; Mozilla's where there are none.
fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if let (true, Some(error)) = (roots.is_empty(), found.errors.first()) {
        return Err(format!("the system's authorities cannot be read: {error}"));
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !self.named.contains(end_entity) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        if self.wants_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
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

/// Makes the handshakes of one connection.
pub(super) struct Connector {
    config: Arc<ClientConfig>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Stream<S>;
    type TlsConnect = Handshake;
    type Error = HandshakeError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, HandshakeError> {
        Ok(Handshake { config: Arc::clone(&self.config), host: host.to_owned() })
    }
}

/// A handshake that did not begin yet.
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Stream<S>;
    type Error = HandshakeError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream<S>, HandshakeError>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let Handshake { config, host } = self;
            let failed = |cause: io::Error| HandshakeError { host: host.clone(), cause };
            let name = ServerName::try_from(host.clone())
                .map_err(|_| failed(io::Error::other("this is no name that a certificate could be for")))?;
            let shaken = TlsConnector::from(config).connect(name, stream).await;
            shaken.map(Stream).map_err(failed)
        })
    }
}

/// A handshake that failed, and with whom.
#[derive(Debug)]
pub(super) struct HandshakeError {
    pub host: String,
    pub cause: io::Error,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.cause)
    }
}

impl std::error::Error for HandshakeError {}

/// A connection inside TLS.
pub(super) struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.get_ref().1.peer_certificates();
        let bound = certificates.and_then(|list| list.first()).and_then(|own| end_point(own));
        bound.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use rustls::CertificateError;

    use super::*;

    const HOST: &str = "db.example.org";

    /// What is said of a certificate for `HOST` that its own key signed, if `named` stands in `sslrootcert`.
    fn judged(name: &str, is_authority: bool, ended: bool, named: bool) -> Result<(), rustls::Error> {
        let make = |ended: bool| {
            let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
            if is_authority {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            if ended {
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            params.self_signed(&KeyPair::generate().unwrap()).unwrap()
        };
        let (own, another) = (make(ended), make(false));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, if named { own.pem() } else { another.pem() }).unwrap();
        let judge = Judge::new(&Trust::Name(Roots::File(file)), Arc::new(aws_lc_rs::default_provider()));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        judge.unwrap().verify_server_cert(own.der(), &[], &name, &[], UnixTime::now()).map(|_| ())
    }

    #[test]
    fn a_certificate_that_is_named_itself_is_believed_for_its_name() {
        for is_authority in [false, true] {
            assert_eq!(judged(HOST, is_authority, false, true), Ok(()));
            // Whoever names the very certificate means this one, as long as it stands there.
            assert_eq!(judged(HOST, is_authority, true, true), Ok(()));
            let wrong = judged("elsewhere.example.org", is_authority, false, true);
            let is_about_name = matches!(
                wrong,
                Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
            );
            assert!(is_about_name, "{wrong:?}");
            let stranger = judged(HOST, is_authority, false, false);
            assert!(matches!(stranger, Err(rustls::Error::InvalidCertificate(_))), "{stranger:?}");
        }
        let ended = judged(HOST, false, true, false);
        let is_about_time =
            matches!(ended, Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. })));
        assert!(is_about_time, "{ended:?}");
    }
}
