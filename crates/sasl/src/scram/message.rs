//! The grammar of SCRAM messages (RFC 5802 §5.1, §7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys::KEY_LEN_BYTES;
use super::secret::{check_parameters, parse_count};
use crate::failure::Malformed;
use crate::nonce::is_nonce;

/// What a client says of channel binding: the first field of the GS2 header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingFlag<'a> {
    /// `n`: it cannot.
    Cannot,
    /// `y`: it could, but thinks that the server cannot.
    NotOffered,
    /// `p=`: it does, with the binding of that name.
    Uses(&'a str),
}

/// client-first-message, borrowed from its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst<'a> {
    pub binding: BindingFlag<'a>,
    /// Unescaped; empty when absent.
    pub authzid: String,
    /// The header as sent, which the final message repeats: `n,,`.
    pub gs2_header: &'a str,
    /// All that follows the header.
    pub bare: &'a str,
    /// Unescaped, not yet prepared.
    pub user: String,
    pub nonce: &'a str,
}

/// client-final-message, borrowed from its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFinal<'a> {
    /// The GS2 header and the binding's data.
    pub binding: Vec<u8>,
    pub nonce: &'a str,
    pub proof: [u8; KEY_LEN_BYTES],
    /// The message up to the proof, which the proof is over.
    pub without_proof: &'a str,
}

/// server-first-message, borrowed from its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerFirst<'a> {
    pub nonce: &'a str,
    pub salt: Vec<u8>,
    pub iterations: u32,
}

/// server-final-message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerFinal {
    /// `v=`: the server's signature.
    Verifier([u8; KEY_LEN_BYTES]),
    /// `e=`: the server's reason to refuse.
    Error,
}

/// Takes `text` apart at commas; a comma inside of a value is always escaped.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Fields<'a> {
        Fields(text.split(','))
    }

    /// The next field, which has to be `name=value` with this name.
    fn attribute(&mut self, name: char) -> Result<&'a str, Malformed> {
        let field = self.0.next().ok_or(Malformed::Fields)?;
        if field.starts_with("m=") {
            // A mandatory extension that is not understood ends the exchange (§5.1).
            return Err(Malformed::Extension);
        }
        field.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or(Malformed::Fields)
    }

    fn nonce(&mut self) -> Result<&'a str, Malformed> {
        let nonce = self.attribute('r')?;
        if is_nonce(nonce) { Ok(nonce) } else { Err(Malformed::Nonce) }
    }

    /// What is left has to be optional extensions: `ALPHA "=" 1*value-char`, ignored (§5.1).
    fn extensions(self) -> Result<(), Malformed> {
        for field in self.0 {
            let [name, b'=', _, ..] = field.as_bytes() else { return Err(Malformed::Fields) };
            match name {
                b'm' => return Err(Malformed::Extension),
                _ if !name.is_ascii_alphabetic() || field.contains('\0') => return Err(Malformed::Fields),
                _ => {}
            }
        }
        Ok(())
    }
}

fn text(message: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(message).map_err(|_| Malformed::Utf8)
}

fn base64(value: &str) -> Result<Vec<u8>, Malformed> {
    STANDARD.decode(value).map_err(|_| Malformed::Base64)
}

fn base64_key(value: &str) -> Result<[u8; KEY_LEN_BYTES], Malformed> {
    base64(value)?.try_into().map_err(|_| Malformed::Fields)
}

impl<'a> ClientFirst<'a> {
    /// `gs2-header [reserved-mext ","] username "," nonce ["," extensions]`
    pub fn parse(message: &'a [u8]) -> Result<ClientFirst<'a>, Malformed> {
        let message = text(message)?;
        let (flag, rest) = message.split_once(',').ok_or(Malformed::Fields)?;
        let (authzid, bare) = rest.split_once(',').ok_or(Malformed::Fields)?;
        let gs2_header = &message[..message.len() - bare.len()];
        let authzid = match authzid.strip_prefix("a=") {
            Some(name) => unescape_name(name)?,
            None if authzid.is_empty() => String::new(),
            None => return Err(Malformed::Fields),
        };
        let mut fields = Fields::of(bare);
        let user = unescape_name(fields.attribute('n')?)?;
        let nonce = fields.nonce()?;
        fields.extensions()?;
        Ok(ClientFirst { binding: BindingFlag::parse(flag)?, authzid, gs2_header, bare, user, nonce })
    }
}

impl<'a> BindingFlag<'a> {
    fn parse(flag: &'a str) -> Result<BindingFlag<'a>, Malformed> {
        // cb-name = 1*(ALPHA / DIGIT / "." / "-")
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        };
        match flag {
            "n" => Ok(BindingFlag::Cannot),
            "y" => Ok(BindingFlag::NotOffered),
            _ => match flag.strip_prefix("p=") {
                Some(name) if is_name(name) => Ok(BindingFlag::Uses(name)),
                _ => Err(Malformed::Fields),
            },
        }
    }
}

impl<'a> ClientFinal<'a> {
    /// `channel-binding "," nonce ["," extensions] "," proof`
    pub fn parse(message: &'a [u8]) -> Result<ClientFinal<'a>, Malformed> {
        let message = text(message)?;
        let (without_proof, proof) = message.rsplit_once(',').ok_or(Malformed::Fields)?;
        let mut fields = Fields::of(without_proof);
        let binding = base64(fields.attribute('c')?)?;
        let nonce = fields.nonce()?;
        fields.extensions()?;
        let proof = base64_key(proof.strip_prefix("p=").ok_or(Malformed::Fields)?)?;
        Ok(ClientFinal { binding, nonce, proof, without_proof })
    }
}

impl<'a> ServerFirst<'a> {
    /// `[reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]`; salt and
    /// iterations outside of [`limits`](crate::limits) are malformed.
    pub fn parse(message: &'a [u8]) -> Result<ServerFirst<'a>, Malformed> {
        let mut fields = Fields::of(text(message)?);
        let nonce = fields.nonce()?;
        let salt = base64(fields.attribute('s')?)?;
        let iterations = parse_count(fields.attribute('i')?).ok_or(Malformed::Fields)?;
        fields.extensions()?;
        check_parameters(&salt, iterations).map_err(|_| Malformed::Fields)?;
        Ok(ServerFirst { nonce, salt, iterations })
    }
}

impl ServerFinal {
    /// `(server-error / verifier) ["," extensions]`
    pub fn parse(message: &[u8]) -> Result<ServerFinal, Malformed> {
        let message = text(message)?;
        let mut fields = Fields::of(message);
        if message.starts_with("e=") {
            fields.attribute('e')?;
            fields.extensions()?;
            return Ok(ServerFinal::Error);
        }
        let verifier = base64_key(fields.attribute('v')?)?;
        fields.extensions()?;
        Ok(ServerFinal::Verifier(verifier))
    }
}

/// A saslname with `=2C` and `=3D` undone; any other `=` is an error (§5.1).
pub(crate) fn unescape_name(name: &str) -> Result<String, Malformed> {
    let mut parts = name.split('=');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(Malformed::User),
        };
        plain.push(character);
        plain.push_str(rest);
    }
    if plain.is_empty() || plain.contains('\0') { Err(Malformed::User) } else { Ok(plain) }
}

/// A saslname with `,` and `=` escaped.
pub(crate) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}
