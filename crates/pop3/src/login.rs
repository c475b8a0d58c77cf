//! Logins: PASS and AUTH, from the claim to the open maildrop.

use crate::authorization::Authorization;
use crate::question::{Answer, Ask, ScramLookup, Verdict};
use crate::refusal::Refusal;
use crate::session::{Session, State};
use sasl::{Exchange, Failure, Mechanism, PendingScram, PendingVerify, Secret, Step};
use wire::Outputs;

/// How far a login has come.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// A nonce was asked for.
    Starting { mechanism: Mechanism, initial: Option<Secret> },
    /// The client has a challenge to answer; its name, once it is known.
    Challenged(Exchange, Option<String>),
    /// The check of PASS was asked for.
    Pass { user: String },
    /// The check of an AUTH password was asked for.
    Verifying(PendingVerify),
    /// A SCRAM secret was asked for.
    LookingUp(PendingScram),
    /// The outside takes note of a failure.
    Failing,
}

impl Attempt {
    /// Whether the next line of the client belongs to it.
    pub(crate) fn is_waiting_for_client(&self) -> bool {
        matches!(self, Attempt::Challenged(..))
    }
}

impl Session {
    /// PASS was sent: asks for the check.
    pub(crate) fn verify(
        &mut self,
        state: Authorization,
        user: String,
        password: Secret,
        out: &mut Outputs<Ask>,
    ) {
        let attempt = Attempt::Pass { user: user.clone() };
        self.ask(Ask::Verify { user, password }, State::LoggingIn(state, attempt), out);
    }

    /// A line that should answer a challenge.
    pub(crate) fn response(
        &mut self,
        state: Authorization,
        attempt: Attempt,
        line: Result<&[u8], Refusal>,
        out: &mut Outputs<Ask>,
    ) {
        match (attempt, line) {
            (Attempt::Challenged(exchange, user), Ok(line)) => {
                self.step(state, exchange.answer_line(line), user, out);
            }
            (_, Err(refusal)) => self.refuse(refusal, State::Authorization(state), out),
            (attempt, Ok(_)) => self.state = State::LoggingIn(state, attempt),
        }
    }

    /// An answer of the outside while a login is under way.
    pub(crate) fn login_answer(
        &mut self,
        state: Authorization,
        attempt: Attempt,
        answer: Answer,
        out: &mut Outputs<Ask>,
    ) {
        match (attempt, answer) {
            (Attempt::Starting { mechanism, initial }, Answer::Nonce(nonce)) => {
                let initial = initial.as_ref().map(Secret::expose);
                match Exchange::start(&self.offer, mechanism, nonce, initial) {
                    Ok(step) => self.step(state, step, None, out),
                    Err(_) => self.refuse(Refusal::UnknownMechanism, State::Authorization(state), out),
                }
            }
            (_, Answer::Verified(Verdict::Unavailable) | Answer::Scram(ScramLookup::Unavailable)) => {
                self.refuse(Refusal::Unavailable, State::Authorization(state), out);
            }
            (Attempt::Pass { user }, Answer::Verified(Verdict::Accepted)) => self.open(state, user, out),
            (Attempt::Pass { .. } | Attempt::Verifying(_), Answer::Verified(Verdict::Rejected))
            | (Attempt::Failing, Answer::Noted) => {
                self.refuse(Refusal::BadCredentials, State::Authorization(state), out);
            }
            (Attempt::Verifying(pending), Answer::Verified(Verdict::Accepted)) => {
                self.step(state, pending.resume(true), None, out);
            }
            (Attempt::LookingUp(pending), Answer::Scram(ScramLookup::Found(secret))) => {
                let user = pending.user().to_string();
                self.step(state, pending.resume(secret), Some(user), out);
            }
            (Attempt::LookingUp(pending), Answer::Scram(ScramLookup::Unknown(material))) => {
                let user = pending.user().to_string();
                self.step(state, pending.resume_unknown(&material), Some(user), out);
            }
            // A challenge grew the output over its mark and was sent.
            (attempt @ Attempt::Challenged(..), Answer::Flushed) => {
                self.state = State::LoggingIn(state, attempt);
            }
            _ => self.end(Refusal::Unavailable, out),
        }
    }

    /// Does what an exchange wants next; `user` is who the client claims to be, where known.
    fn step(&mut self, state: Authorization, step: Step, user: Option<String>, out: &mut Outputs<Ask>) {
        match step {
            Step::Challenge(exchange, bytes) => {
                // RFC 5034 §4: plus, space, base64, which may be empty.
                out.send(b"+ ");
                out.send(sasl::response::encode(&bytes).as_bytes());
                out.send(b"\r\n");
                self.state = State::LoggingIn(state, Attempt::Challenged(exchange, user));
            }
            Step::NeedVerify(pending) => {
                let password = Secret::from(pending.password().expose());
                let ask = Ask::Verify { user: pending.user().to_string(), password };
                self.ask(ask, State::LoggingIn(state, Attempt::Verifying(pending)), out);
            }
            Step::NeedScram(pending) => {
                let ask = Ask::ScramSecret { user: pending.user().to_string() };
                self.ask(ask, State::LoggingIn(state, Attempt::LookingUp(pending)), out);
            }
            Step::Done { user } => self.open(state, user, out),
            Step::Failed(failure @ Failure::Refused(_)) => {
                let ask = Ask::LoginFailed { user, failure };
                self.ask(ask, State::LoggingIn(state, Attempt::Failing), out);
            }
            Step::Failed(Failure::Cancelled) => {
                self.refuse(Refusal::Cancelled, State::Authorization(state), out);
            }
            Step::Failed(Failure::Malformed(_) | Failure::TooLong { .. }) => {
                self.refuse(Refusal::BadResponse, State::Authorization(state), out);
            }
        }
    }

    fn open(&mut self, state: Authorization, user: String, out: &mut Outputs<Ask>) {
        self.ask(Ask::OpenMaildrop { user }, State::Opening(state), out);
    }
}
