//! The client side of one authentication, for sending through a smarthost and for tests.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::failure::Malformed;
use crate::limits::{PASSWORD_LEN_MAX_BYTES, USER_LEN_MAX_BYTES};
use crate::mechanism::{ChannelBinding, Mechanism};
use crate::nonce::ClientNonce;
use crate::prepare;
use crate::scram::keys::{self, Key};
use crate::scram::message::{ServerFinal, ServerFirst, escape_name};
use crate::secret::{Secret, same_bytes};

/// Who logs in, and with what.
#[derive(Debug)]
pub struct Credentials {
    user: String,
    password: Secret,
}

impl Credentials {
    /// Takes a name and a password that every mechanism can carry.
    ///
    /// # Errors
    /// [`Malformed::User`] or [`Malformed::Password`] when empty, too long or with NUL or, in the
    /// name, with another prohibited character.
    pub fn new(user: &str, password: Secret) -> Result<Credentials, Malformed> {
        if user.len() > USER_LEN_MAX_BYTES {
            return Err(Malformed::User);
        }
        let user = prepare::user(user)?;
        let bytes = password.expose();
        if bytes.is_empty() || bytes.len() > PASSWORD_LEN_MAX_BYTES || bytes.contains(&0) {
            return Err(Malformed::Password);
        }
        Ok(Credentials { user, password })
    }
}

/// What the client can say of the channel (RFC 5802 §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It cannot compute any: `n`.
    Cannot,
    /// It could, but the server offered no -PLUS mechanism: `y`, with which a server that did
    /// offer one notices the attack.
    NotOffered,
    /// This one; needed for, and only for, -PLUS.
    Use(ChannelBinding),
}

/// Why the client gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerFault {
    /// A challenge that the mechanism does not allow here.
    Malformed(Malformed),
    /// Its nonce does not begin with ours, or does not add to it: an answer to something else.
    Nonce,
    /// It does not know the password itself: somebody poses as the server.
    NotProven,
    /// It said `e=`: it refuses.
    Refused,
}

/// The mechanism and the binding do not fit: -PLUS without [`Binding::Use`], or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch;

/// A client that waits for a challenge, or for the end.
#[derive(Debug)]
pub struct Exchange(State);

enum State {
    LoginUser(Credentials),
    LoginPassword(Secret),
    ScramFirst {
        credentials: Credentials,
        nonce: String,
        binding: Vec<u8>,
        first_bare: String,
    },
    ScramFinal {
        server_signature: Key,
    },
    /// All is said; success may be believed.
    Over,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::LoginUser(_) => "LoginUser",
            State::LoginPassword(_) => "LoginPassword",
            State::ScramFirst { .. } => "ScramFirst",
            State::ScramFinal { .. } => "ScramFinal",
            State::Over => "Over",
        })
    }
}

impl Exchange {
    /// Starts; gives the initial response, not yet base64, `None` when the server speaks first.
    ///
    /// Where the protocol takes no initial response, wait for the server's empty challenge and
    /// send it then.
    ///
    /// # Errors
    /// [`Mismatch`] when `binding` is not what the mechanism needs.
    pub fn start(
        mechanism: Mechanism,
        credentials: Credentials,
        nonce: ClientNonce,
        binding: &Binding,
    ) -> Result<(Exchange, Option<Secret>), Mismatch> {
        let plus = mechanism == Mechanism::ScramSha256Plus;
        let scram = plus || mechanism == Mechanism::ScramSha256;
        if scram && plus != matches!(binding, Binding::Use(_)) {
            return Err(Mismatch);
        }
        Ok(match mechanism {
            Mechanism::Login => (Exchange(State::LoginUser(credentials)), None),
            Mechanism::Plain => {
                let mut message = Vec::with_capacity(2 + USER_LEN_MAX_BYTES + PASSWORD_LEN_MAX_BYTES);
                message.push(0);
                message.extend_from_slice(credentials.user.as_bytes());
                message.push(0);
                message.extend_from_slice(credentials.password.expose());
                (Exchange(State::Over), Some(Secret::new(message)))
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => scram_first(credentials, &nonce, binding),
        })
    }

    /// Takes a challenge, decoded; gives the response to send.
    ///
    /// # Errors
    /// [`ServerFault`]; then cancel with `*`.
    pub fn answer(self, challenge: &[u8]) -> Result<(Exchange, Secret), ServerFault> {
        match self.0 {
            // What LOGIN's prompts say varies between servers; only their order counts.
            State::LoginUser(Credentials { user, password }) => {
                Ok((Exchange(State::LoginPassword(password)), Secret::new(user.into_bytes())))
            }
            State::LoginPassword(password) => Ok((Exchange(State::Over), password)),
            State::ScramFirst { credentials, nonce, binding, first_bare } => {
                let server_first = std::str::from_utf8(challenge).map_err(|_| Malformed::Utf8)?;
                let first = ServerFirst::parse(challenge)?;
                if first.nonce.len() <= nonce.len() || !first.nonce.starts_with(&nonce) {
                    return Err(ServerFault::Nonce);
                }
                let without_proof = format!("c={},r={}", STANDARD.encode(binding), first.nonce);
                let auth_message = format!("{first_bare},{server_first},{without_proof}");
                let (proof, server_signature) = prove(credentials.password.expose(), &first, &auth_message);
                let message = format!("{without_proof},p={}", STANDARD.encode(proof));
                let next = Exchange(State::ScramFinal { server_signature });
                Ok((next, Secret::new(message.into_bytes())))
            }
            State::ScramFinal { server_signature } => match ServerFinal::parse(challenge)? {
                ServerFinal::Error => Err(ServerFault::Refused),
                ServerFinal::Verifier(signature) if same_bytes(&signature, &*server_signature) => {
                    Ok((Exchange(State::Over), Secret::new(Vec::new())))
                }
                ServerFinal::Verifier(_) => Err(ServerFault::NotProven),
            },
            State::Over => Err(ServerFault::Malformed(Malformed::Fields)),
        }
    }

    /// Takes the server's word that the authentication succeeded.
    ///
    /// # Errors
    /// [`ServerFault::NotProven`] when the server has not yet shown what the mechanism asks of it:
    /// its success is not to be believed.
    pub fn succeed(self) -> Result<(), ServerFault> {
        match self.0 {
            State::Over => Ok(()),
            _ => Err(ServerFault::NotProven),
        }
    }
}

/// Makes client-first-message: `gs2-header n=user,r=nonce`.
fn scram_first(
    credentials: Credentials,
    nonce: &ClientNonce,
    binding: &Binding,
) -> (Exchange, Option<Secret>) {
    let (gs2_header, data) = match binding {
        Binding::Cannot => ("n,,".to_owned(), &[][..]),
        Binding::NotOffered => ("y,,".to_owned(), &[][..]),
        Binding::Use(channel) => (format!("p={},,", channel.name()), channel.data()),
    };
    let nonce = nonce.as_str().to_owned();
    let first_bare = format!("n={},r={nonce}", escape_name(&credentials.user));
    let message = Secret::from(format!("{gs2_header}{first_bare}").as_str());
    let binding = [gs2_header.as_bytes(), data].concat();
    (Exchange(State::ScramFirst { credentials, nonce, binding, first_bare }), Some(message))
}

/// ClientProof and ServerSignature (RFC 5802 §3).
fn prove(password: &[u8], first: &ServerFirst<'_>, auth_message: &str) -> ([u8; 32], Key) {
    let salted = keys::salted_password(prepare::password(password).expose(), &first.salt, first.iterations);
    let (client_key, server_key) = keys::client_and_server_key(&salted);
    let client_signature = keys::hmac(&*keys::hash(&*client_key), auth_message.as_bytes());
    let proof = keys::xor(&client_key, &client_signature);
    (proof, keys::hmac(&*server_key, auth_message.as_bytes()))
}

impl From<Malformed> for ServerFault {
    fn from(what: Malformed) -> ServerFault {
        ServerFault::Malformed(what)
    }
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerFault::Malformed(what) => write!(f, "malformed challenge: {what}"),
            ServerFault::Nonce => f.write_str("the server answered another exchange"),
            ServerFault::NotProven => f.write_str("the server did not prove that it knows the password"),
            ServerFault::Refused => f.write_str("the server refused"),
        }
    }
}

impl std::error::Error for ServerFault {}
