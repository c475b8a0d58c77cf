//! Certificates and handshakes.

use crate::config::Config;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::server::TlsStream;

/// Why there is no usable certificate.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Shakes hands with the certificate of the day. Clones share it.
#[derive(Clone)]
pub struct Acceptor {
    files: Arc<Files>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    private_key: PathBuf,
}

/// The certificate in the files.
pub struct Offered {
    /// The chain, PEM.
    pub chain_pem: String,
    /// Its key, PEM.
    pub key_pem: String,
    /// The public key of the server's own certificate: a SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

/// What is to be known of a connection's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLS1.3` and the cipher suite, as trace fields and logs show them.
    pub description: String,
    /// The exporter value that binds logins to this connection (RFC 9266 §2); only TLS 1.3 has one
    /// without further conditions (§3).
    pub exporter: Option<[u8; 32]>,
    /// The name that the client called (RFC 6066 §3).
    pub server_name: Option<String>,
}

impl TlsInfo {
    /// Reads it off an established connection.
    pub fn of(connection: &ServerConnection) -> TlsInfo {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS1.3",
            _ => "TLS1.2",
        };
        let suite = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown");
        let exporter = (version == "TLS1.3")
            .then(|| connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok())
            .flatten();
        let server_name = connection.server_name().map(str::to_string);
        TlsInfo { description: format!("{version} {suite}"), exporter, server_name }
    }
}

impl Acceptor {
    /// Loads the configured certificate, or makes a self-signed one in the data directory.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(config: &Config) -> Result<Acceptor, TlsError> {
        let files = match &config.tls {
            Some(tls) => Files { certificate: tls.certificate.clone(), private_key: tls.private_key.clone() },
            None => self_signed(&config.data_dir, &config.hostname)?,
        };
        let current = read(&files)?;
        Ok(Acceptor { files: Arc::new(files), current: Arc::new(RwLock::new(current)) })
    }

    /// Reads the files again; connections that stand keep what they have.
    ///
    /// # Errors
    /// As [`Acceptor::load`]; the certificate in use stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What handshakes go by now.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One that goes by `config`, for a connection that needs settings of its own.
    pub fn with(&self, config: Arc<ServerConfig>) -> Acceptor {
        Acceptor { files: self.files.clone(), current: Arc::new(RwLock::new(config)) }
    }

    /// The certificate in the files: its chain and key as PEM, and the public key (SubjectPublicKeyInfo, DER) of the
    /// server's own certificate. What cannot be served is not offered.
    ///
    /// # Errors
    /// As [`Acceptor::load`].
    pub fn offered(&self) -> Result<Offered, TlsError> {
        read(&self.files)?;
        let fault = |path: &Path, what: &dyn fmt::Display| TlsError(format!("{}: {what}", path.display()));
        let text = |path: &Path| std::fs::read_to_string(path).map_err(|error| fault(path, &error));
        let (chain_pem, key_pem) = (text(&self.files.certificate)?, text(&self.files.private_key)?);
        let first = CertificateDer::from_pem_slice(chain_pem.as_bytes())
            .map_err(|error| fault(&self.files.certificate, &error))?;
        let parsed =
            ParsedCertificate::try_from(&first).map_err(|error| fault(&self.files.certificate, &error))?;
        let public_key = parsed.subject_public_key_info().as_ref().to_vec();
        Ok(Offered { chain_pem, key_pem, public_key })
    }

    /// Serves this certificate from now on; connections that stand keep what they have.
    ///
    /// # Errors
    /// If it is none, or the key does not fit it; the one in use stays.
    pub fn install(&self, chain_pem: &str, key_pem: &str) -> Result<(), TlsError> {
        let fault =
            |error: &dyn fmt::Display| TlsError(format!("the certificate that was in use before: {error}"));
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect();
        let chain = chain.map_err(|error| fault(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| fault(&error))?;
        let config = server_config(chain, key).map_err(|error| fault(&error))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Shakes hands as the server.
    ///
    /// # Errors
    /// What went wrong in it.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config()).accept(socket).await
    }
}

fn read(files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
    let fault = |path: &Path, what: &dyn fmt::Display| TlsError(format!("{}: {what}", path.display()));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| fault(&files.certificate, &format!("no certificate can be read: {error}")))?;
    if chain.is_empty() {
        return Err(fault(&files.certificate, &"holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|error| fault(&files.private_key, &format!("no private key can be read: {error}")))?;
    server_config(chain, key)
        .map_err(|error| fault(&files.private_key, &format!("does not fit the certificate: {error}")))
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, tokio_rustls::rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// The self-signed certificate's files, made at the first start.
fn self_signed(data_dir: &Path, hostname: &str) -> Result<Files, TlsError> {
    let files = Files {
        certificate: data_dir.join("self-signed.crt"),
        private_key: data_dir.join("self-signed.key"),
    };
    if files.certificate.exists() && files.private_key.exists() {
        return Ok(files);
    }
    let names = vec![hostname.to_string(), "localhost".to_string()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| TlsError(error.to_string()))?;
    let write = |path: &Path, text: &str| {
        crate::files::write_private(path, text.as_bytes())
            .map_err(|error| TlsError(format!("{}: {error}", path.display())))
    };
    write(&files.private_key, &made.signing_key.serialize_pem())?;
    write(&files.certificate, &made.cert.pem())?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_fit_is_named_and_offers_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("hostname = \"mx.example.org\"\ndata_dir = {:?}", folder.path());
        let config = Config::parse(&text, folder.path()).unwrap();
        let acceptor = Acceptor::load(&config).unwrap();
        assert!(acceptor.offered().is_ok());
        let other = rcgen::generate_simple_self_signed(vec!["mx.example.org".to_string()]).unwrap();
        let key = folder.path().join("self-signed.key");
        std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
        let said = acceptor.offered().map(|_| ()).unwrap_err().to_string();
        assert!(said.starts_with(&format!("{}: does not fit the certificate", key.display())), "{said}");
        assert!(!said.contains("before"), "{said}");
    }
}
