//! The server's states between the messages of SCRAM.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::keys;
use super::message::{BindingFlag, ClientFinal, ClientFirst};
use super::secret::ScramSecret;
use crate::failure::{Failure, Malformed, Refusal};
use crate::mechanism::{ChannelBinding, Offer};
use crate::nonce::ServerNonce;
use crate::secret::same_bytes;
use crate::{plain, prepare};

/// Waits for client-first-message.
#[derive(Debug)]
pub(crate) struct AwaitFirst {
    /// The mechanism is the -PLUS one.
    plus: bool,
    /// A -PLUS mechanism was offered as well as this one.
    can_bind: bool,
    bindings: Vec<ChannelBinding>,
    nonce: ServerNonce,
}

/// Waits for the outside to look up the user's secret.
pub(crate) struct AwaitLookup {
    user: String,
    /// What the final message has to hold as `c=`, decoded.
    binding: Vec<u8>,
    /// Both parts of the nonce.
    nonce: String,
    /// client-first-message-bare.
    first_bare: String,
}

/// Waits for client-final-message.
pub(crate) struct AwaitFinal {
    user: String,
    binding: Vec<u8>,
    nonce: String,
    /// AuthMessage up to and with its second comma (RFC 5802 §3).
    auth_message_start: String,
    secret: ScramSecret,
    /// Not a made-up secret of a name that does not exist.
    known: bool,
}

impl AwaitFirst {
    /// Waits for the first message of a client to whom `offer` was made; `plus` for SCRAM-SHA-256-PLUS.
    pub fn new(offer: &Offer, plus: bool, nonce: ServerNonce) -> AwaitFirst {
        AwaitFirst { plus, can_bind: offer.can_bind(), bindings: offer.bindings.clone(), nonce }
    }

    /// Takes client-first-message.
    pub fn client_first(self, message: &[u8]) -> Result<AwaitLookup, Failure> {
        let first = ClientFirst::parse(message)?;
        let user = prepare::user(&first.user)?;
        let mut binding = first.gs2_header.as_bytes().to_vec();
        if let Some(channel) = self.check_binding(first.binding)? {
            binding.extend_from_slice(channel.data());
        }
        plain::check_authorization(&first.authzid, &user)?;
        let nonce = format!("{}{}", first.nonce, self.nonce.as_str());
        Ok(AwaitLookup { user, binding, nonce, first_bare: first.bare.to_owned() })
    }

    /// RFC 5802 §6: with -PLUS the client has to bind, without it may not; and `y` from a client
    /// to which -PLUS was offered means that the offer was cut out on the way.
    fn check_binding(&self, flag: BindingFlag<'_>) -> Result<Option<&ChannelBinding>, Failure> {
        match flag {
            BindingFlag::NotOffered if self.can_bind => Err(Refusal::Downgrade.into()),
            BindingFlag::Cannot | BindingFlag::NotOffered if self.plus => Err(Malformed::Fields.into()),
            BindingFlag::Cannot | BindingFlag::NotOffered => Ok(None),
            BindingFlag::Uses(_) if !self.plus => Err(Malformed::Fields.into()),
            BindingFlag::Uses(name) => match self.bindings.iter().find(|b| b.name() == name) {
                Some(channel) => Ok(Some(channel)),
                None => Err(Refusal::ChannelBinding.into()),
            },
        }
    }
}

impl AwaitLookup {
    /// The name that the client gave, prepared.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user exists and has this secret.
    pub fn found(self, secret: ScramSecret) -> (AwaitFinal, Vec<u8>) {
        self.challenge(secret, true)
    }

    /// There is no such user, or it has no secret.
    pub fn missing(self, fake: ScramSecret) -> (AwaitFinal, Vec<u8>) {
        self.challenge(fake, false)
    }

    /// Makes server-first-message: `r=nonce,s=salt,i=iterations`.
    fn challenge(self, secret: ScramSecret, known: bool) -> (AwaitFinal, Vec<u8>) {
        let salt = STANDARD.encode(secret.salt());
        let server_first = format!("r={},s={salt},i={}", self.nonce, secret.iterations());
        let auth_message_start = format!("{},{server_first},", self.first_bare);
        let AwaitLookup { user, binding, nonce, .. } = self;
        (AwaitFinal { user, binding, nonce, auth_message_start, secret, known }, server_first.into_bytes())
    }
}

impl AwaitFinal {
    /// Takes client-final-message; gives the user and server-final-message.
    pub fn client_final(self, message: &[u8]) -> Result<(String, Vec<u8>), Failure> {
        let last = ClientFinal::parse(message)?;
        if !same_bytes(last.nonce.as_bytes(), self.nonce.as_bytes()) {
            return Err(Refusal::Nonce.into());
        }
        if !same_bytes(&last.binding, &self.binding) {
            return Err(Refusal::ChannelBinding.into());
        }
        let auth_message = format!("{}{}", self.auth_message_start, last.without_proof);
        let client_signature = keys::hmac(self.secret.stored_key(), auth_message.as_bytes());
        let client_key = keys::Key::new(keys::xor(&last.proof, &client_signature));
        let server_signature = keys::hmac(self.secret.server_key(), auth_message.as_bytes());
        let proven = same_bytes(&*keys::hash(&*client_key), self.secret.stored_key());
        if !(proven & self.known) {
            return Err(Refusal::Credentials.into());
        }
        Ok((self.user, format!("v={}", STANDARD.encode(*server_signature)).into_bytes()))
    }
}

impl fmt::Debug for AwaitLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitLookup").field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for AwaitFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitFinal").field("user", &self.user).finish_non_exhaustive()
    }
}
