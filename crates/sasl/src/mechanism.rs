//! The mechanisms, and which of them a connection is offered.

use std::fmt;

/// A way to authenticate, as registered with IANA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// SCRAM-SHA-256-PLUS: no password on the wire, bound to the TLS channel (RFC 7677, RFC 5802).
    ScramSha256Plus,
    /// SCRAM-SHA-256: no password on the wire (RFC 7677, RFC 5802).
    ScramSha256,
    /// PLAIN: name and password (RFC 4616).
    Plain,
    /// LOGIN: name and password in two answers; obsolete, but what many devices speak.
    Login,
}

impl Mechanism {
    /// All of them, strongest first: the order in which they are listed and tried.
    pub const ALL: [Mechanism; 4] =
        [Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];

    /// The registered name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
        }
    }

    /// The mechanism of that name, in any case (RFC 4954 §4, RFC 9051 §6.2.2).
    pub fn parse(name: &[u8]) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|m| m.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether the password itself crosses the wire.
    pub fn reveals_password(self) -> bool {
        matches!(self, Mechanism::Plain | Mechanism::Login)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What ties an authentication to one TLS connection.
///
/// Not a secret by itself, but `Debug` of the exporter shows only its kind: there is no need for
/// key material of a connection in logs.
#[derive(Clone, PartialEq, Eq)]
pub enum ChannelBinding {
    /// `tls-exporter` (RFC 9266 §4): 32 bytes exported with the label `EXPORTER-Channel-Binding`
    /// and an empty context.
    TlsExporter([u8; 32]),
    /// `tls-server-end-point` (RFC 5929 §4.1): the hash of the server's certificate, SHA-256
    /// unless its signature uses something longer.
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    /// The name in the registry of RFC 5056 §7, as SCRAM's `p=` says it.
    pub fn name(&self) -> &'static str {
        match self {
            ChannelBinding::TlsExporter(_) => "tls-exporter",
            ChannelBinding::TlsServerEndPoint(_) => "tls-server-end-point",
        }
    }

    /// The bytes that both ends know.
    pub fn data(&self) -> &[u8] {
        match self {
            ChannelBinding::TlsExporter(data) => data,
            ChannelBinding::TlsServerEndPoint(data) => data,
        }
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({})", self.name())
    }
}

/// What is known about a connection, from which follows what may be offered on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The connection is encrypted.
    pub tls: bool,
    /// The bindings that this end can compute; a client may name any one. Ignored without `tls`.
    pub bindings: Vec<ChannelBinding>,
    /// Offer mechanisms without TLS as well: for tests and closed networks.
    pub allow_plaintext: bool,
}

/// Why a mechanism cannot be used here. SMTP's replies (RFC 4954 §4, §6) are named as examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOffered {
    /// Not known, or not possible on this connection. 504 5.5.4, IMAP NO.
    Unsupported,
    /// Known, but only over TLS. 538 5.7.11, IMAP `NO [PRIVACYREQUIRED]`.
    NeedsTls,
}

impl Offer {
    /// The offered mechanisms, strongest first; empty when TLS has to come first.
    pub fn mechanisms(&self) -> impl Iterator<Item = Mechanism> + '_ {
        Mechanism::ALL.into_iter().filter(|m| self.check(*m).is_ok())
    }

    /// Whether that mechanism is offered.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, mechanism: Mechanism) -> Result<(), NotOffered> {
        // SCRAM hides the password but a listener could guess it at leisure (RFC 5802 §9), and the
        // session that follows would be readable: hence TLS for every mechanism.
        if !self.tls && !self.allow_plaintext {
            return Err(NotOffered::NeedsTls);
        }
        match mechanism {
            Mechanism::ScramSha256Plus if !self.can_bind() => Err(NotOffered::Unsupported),
            _ => Ok(()),
        }
    }

    /// The mechanism that a client named.
    ///
    /// # Errors
    /// [`NotOffered`] when there is none of that name, or not on this connection.
    pub fn select(&self, name: &[u8]) -> Result<Mechanism, NotOffered> {
        let mechanism = Mechanism::parse(name).ok_or(NotOffered::Unsupported)?;
        self.check(mechanism).map(|()| mechanism)
    }

    /// Whether -PLUS mechanisms are offered.
    pub(crate) fn can_bind(&self) -> bool {
        self.tls && !self.bindings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_in_any_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::parse(mechanism.name().as_bytes()), Some(mechanism));
            assert_eq!(Mechanism::parse(mechanism.name().to_lowercase().as_bytes()), Some(mechanism));
        }
        for name in [&b""[..], b"PLAI", b"PLAINX", b"SCRAM-SHA-1", b"PLAIN ", b"\xff"] {
            assert_eq!(Mechanism::parse(name), None);
        }
    }

    #[test]
    fn offers() {
        use Mechanism::*;
        let binding = || vec![ChannelBinding::TlsExporter([7; 32])];
        let cases: [(bool, Vec<ChannelBinding>, bool, &[Mechanism]); 6] = [
            (false, vec![], false, &[]),
            (false, binding(), false, &[]),
            (true, vec![], false, &[ScramSha256, Plain, Login]),
            (true, binding(), false, &[ScramSha256Plus, ScramSha256, Plain, Login]),
            (false, vec![], true, &[ScramSha256, Plain, Login]),
            (false, binding(), true, &[ScramSha256, Plain, Login]),
        ];
        for (tls, bindings, allow_plaintext, expected) in cases {
            let offer = Offer { tls, bindings, allow_plaintext };
            assert_eq!(offer.mechanisms().collect::<Vec<_>>(), expected, "{offer:?}");
        }
    }

    #[test]
    fn selection_says_what_is_missing() {
        let bare = Offer::default();
        assert_eq!(bare.select(b"plain"), Err(NotOffered::NeedsTls));
        assert_eq!(bare.select(b"cram-md5"), Err(NotOffered::Unsupported));
        let tls = Offer { tls: true, ..Offer::default() };
        assert_eq!(tls.select(b"plain"), Ok(Mechanism::Plain));
        assert_eq!(tls.select(b"scram-sha-256-plus"), Err(NotOffered::Unsupported));
    }

    #[test]
    fn key_material_is_not_printed() {
        let offer =
            Offer { tls: true, bindings: vec![ChannelBinding::TlsExporter([0x41; 32])], ..Offer::default() };
        assert!(!format!("{offer:?}").contains("65"), "{offer:?}");
    }
}
