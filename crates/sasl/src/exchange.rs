//! The server side of one authentication.

use std::fmt;

use crate::failure::{Failure, Malformed, Refusal};
use crate::limits::PASSWORD_LEN_MAX_BYTES;
use crate::mechanism::{Mechanism, NotOffered, Offer};
use crate::nonce::ServerNonce;
use crate::scram::secret::ScramSecret;
use crate::scram::server::{AwaitFinal, AwaitFirst, AwaitLookup};
use crate::secret::Secret;
use crate::{plain, prepare, response};

/// An authentication that waits for the client's answer to a challenge.
///
/// It is made only by steps that send a challenge and is consumed by the answer, so that no step
/// can be left out, repeated or taken out of order.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Plain,
    LoginUser,
    LoginPassword { user: String },
    ScramFirst(AwaitFirst),
    ScramFinal(AwaitFinal),
    ScramOver { user: String },
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Send these bytes (base64-encoded) as a challenge, and give the client's answer to
    /// [`Exchange::answer`] or [`Exchange::answer_line`].
    Challenge(Exchange, Vec<u8>),
    /// Check a password, then [`PendingVerify::resume`].
    NeedVerify(PendingVerify),
    /// Look up a SCRAM secret, then [`PendingScram::resume`] or
    /// [`PendingScram::resume_unknown`].
    NeedScram(PendingScram),
    /// The client is this user, in the spelling of [`prepare::user`].
    Done {
        /// The authenticated user.
        user: String,
    },
    /// It is over, without a user.
    Failed(Failure),
}

impl Exchange {
    /// Starts an authentication.
    ///
    /// - `offer`: what the connection was offered; also decides which channel bindings count, and
    ///   whether a client's claim that there were none is a sign of an attack.
    /// - `nonce`: random, for this exchange only. Taken for every mechanism, so that a driver has
    ///   one way to start; only SCRAM uses it.
    /// - `initial`: the decoded initial response. `None`: the command had none; an empty one
    ///   (`=` on the wire) is something else (RFC 4954 §4).
    ///
    /// # Errors
    /// [`NotOffered`] when `offer` does not include the mechanism.
    pub fn start(
        offer: &Offer,
        mechanism: Mechanism,
        nonce: ServerNonce,
        initial: Option<&[u8]>,
    ) -> Result<Step, NotOffered> {
        offer.check(mechanism)?;
        // Where the client has to speak first but did not, an empty challenge asks it to
        // (RFC 4422 §3, RFC 4954 §4). LOGIN's server speaks first.
        let (state, challenge) = match mechanism {
            Mechanism::Plain => (State::Plain, &b""[..]),
            Mechanism::Login => (State::LoginUser, &b"Username:"[..]),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                let plus = mechanism == Mechanism::ScramSha256Plus;
                (State::ScramFirst(AwaitFirst::new(offer, plus, nonce)), &b""[..])
            }
        };
        let waiting = Exchange(state);
        Ok(match initial {
            Some(initial) => waiting.answer(initial),
            None => Step::Challenge(waiting, challenge.to_vec()),
        })
    }

    /// Takes the client's answer to the challenge, decoded.
    pub fn answer(self, response: &[u8]) -> Step {
        self.advance(response).unwrap_or_else(Step::Failed)
    }

    /// Takes the client's answer as it stands on the wire, without CRLF: base64, or `*` to cancel.
    pub fn answer_line(self, line: &[u8]) -> Step {
        match response::decode_line(line) {
            Ok(response) => self.answer(response.expose()),
            Err(failure) => Step::Failed(failure),
        }
    }

    fn advance(self, response: &[u8]) -> Result<Step, Failure> {
        match self.0 {
            State::Plain => {
                let (user, password) = plain::parse(response)?;
                Ok(Step::NeedVerify(PendingVerify { user, password }))
            }
            State::LoginUser => {
                let user = std::str::from_utf8(response).map_err(|_| Malformed::Utf8)?;
                let user = prepare::user(user)?;
                Ok(Step::Challenge(Exchange(State::LoginPassword { user }), b"Password:".to_vec()))
            }
            State::LoginPassword { user } => {
                Ok(Step::NeedVerify(PendingVerify { user, password: check_password(response)? }))
            }
            State::ScramFirst(state) => Ok(Step::NeedScram(PendingScram(state.client_first(response)?))),
            State::ScramFinal(state) => {
                let (user, server_final) = state.client_final(response)?;
                Ok(Step::Challenge(Exchange(State::ScramOver { user }), server_final))
            }
            State::ScramOver { user } if response.is_empty() => Ok(Step::Done { user }),
            State::ScramOver { .. } => Err(Malformed::NotEmpty.into()),
        }
    }
}

/// A password as it may come over the wire.
pub(crate) fn check_password(bytes: &[u8]) -> Result<Secret, Malformed> {
    let length_ok = (1..=PASSWORD_LEN_MAX_BYTES).contains(&bytes.len());
    if length_ok && !bytes.contains(&0) { Ok(Secret::from(bytes)) } else { Err(Malformed::Password) }
}

/// A name and a password to be checked outside, with
/// [`password::verify`](crate::password::verify), or
/// [`password::verify_dummy`](crate::password::verify_dummy) when there is no such user.
#[derive(Debug)]
pub struct PendingVerify {
    user: String,
    password: Secret,
}

impl PendingVerify {
    /// Who the client says it is, in the spelling of [`prepare::user`].
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the client gave as the password.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// Goes on with the result of the check.
    pub fn resume(self, matches: bool) -> Step {
        if matches { Step::Done { user: self.user } } else { Step::Failed(Refusal::Credentials.into()) }
    }
}

/// A name whose SCRAM secret is to be looked up outside.
#[derive(Debug)]
pub struct PendingScram(AwaitLookup);

impl PendingScram {
    /// Who the client says it is, in the spelling of [`prepare::user`].
    pub fn user(&self) -> &str {
        self.0.user()
    }

    /// Goes on with the user's secret.
    pub fn resume(self, secret: ScramSecret) -> Step {
        let (state, challenge) = self.0.found(secret);
        Step::Challenge(Exchange(State::ScramFinal(state)), challenge)
    }

    /// Goes on without a secret: the client sees the same steps and then a refusal, and the same
    /// salt whenever it asks for this name again (RFC 5802 §5.1 leaves this to servers).
    ///
    /// - `server_key_material`: random, made once per installation and never changed, so that a
    ///   name's salt stays the same.
    pub fn resume_unknown(self, server_key_material: &[u8; 32]) -> Step {
        let fake = ScramSecret::fake(self.0.user(), server_key_material);
        let (state, challenge) = self.0.missing(fake);
        Step::Challenge(Exchange(State::ScramFinal(state)), challenge)
    }
}

impl fmt::Display for Step {
    /// The kind of the step, for traces; no contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Challenge(..) => "challenge",
            Step::NeedVerify(_) => "password check",
            Step::NeedScram(_) => "secret look-up",
            Step::Done { .. } => "done",
            Step::Failed(_) => "failed",
        })
    }
}
