//! STARTTLS, AUTHENTICATE and LOGIN (RFC 9051 §6.2).

use super::{Ask, Opened, SaslAnswer, Session, State, TlsState, Waiting};
use crate::command::{Authenticate, Login};
use crate::cursor::Tag;
use crate::error::Fault;
use crate::limits;
use crate::response::{self, Code, Condition};
use sasl::{Exchange, Failure, Malformed, Mechanism, NotOffered, Step};
use wire::literal::CommandLimits;
use wire::{Input, Now, Outputs};

impl Session {
    pub(super) fn start_tls(&mut self, tag: Tag, input: &mut Input, out: &mut Outputs<Ask>) {
        match self.settings.tls {
            TlsState::Available if input.is_empty() => {
                self.ok(&tag, None, "Begin TLS", out);
                out.ask(Ask::StartTls);
                self.waiting = Waiting::Tls;
            }
            // What stands behind STARTTLS was perhaps put there by somebody else, to be taken for
            // the client's words under TLS (RFC 9051 §6.2.1, §11.3).
            TlsState::Available => {
                input.clear();
                let text = "Data behind STARTTLS";
                response::tagged(&tag, Condition::Bad, None, text, out.bytes_mut());
                self.bye(Some(&Code::ClientBug), text, out);
            }
            TlsState::Active => self.refuse(Some(&tag), &Fault::WrongState { needs: "before TLS" }, out),
            TlsState::Unavailable => self.refuse(Some(&tag), &Fault::UnknownCommand, out),
        }
    }

    pub(super) fn tls_started(&mut self, now: Now, bindings: Vec<sasl::ChannelBinding>) {
        self.settings.tls = TlsState::Active;
        self.offer = self.settings.offer(bindings);
        self.active = now;
    }

    pub(super) fn authenticate(&mut self, tag: Tag, command: Authenticate, out: &mut Outputs<Ask>) {
        let mechanism = match self.offer.select(command.mechanism.as_bytes()) {
            Ok(mechanism) => mechanism,
            Err(NotOffered::NeedsTls) => return self.refuse(Some(&tag), &Fault::PrivacyRequired, out),
            Err(NotOffered::Unsupported) => return self.refuse(Some(&tag), &Fault::UnknownMechanism, out),
        };
        let initial = match command.initial.map(|text| sasl::response::decode_initial(text.as_bytes())) {
            Some(Err(failure)) => return self.login_failed(&tag, failure, out),
            Some(Ok(initial)) => Some(initial),
            None => None,
        };
        out.ask(Ask::Nonce);
        self.waiting = Waiting::Nonce { tag, mechanism, initial };
    }

    pub(super) fn nonce_given(
        &mut self,
        tag: Tag,
        mechanism: Mechanism,
        (nonce, initial): (sasl::ServerNonce, Option<sasl::Secret>),
        out: &mut Outputs<Ask>,
    ) {
        match Exchange::start(&self.offer, mechanism, nonce, initial.as_ref().map(sasl::Secret::expose)) {
            Ok(step) => self.exchange(tag, step, out),
            Err(_) => self.refuse(Some(&tag), &Fault::UnknownMechanism, out),
        }
    }

    /// LOGIN is PLAIN in other words, so that names and passwords are prepared the same way.
    pub(super) fn login(&mut self, tag: Tag, login: &Login, out: &mut Outputs<Ask>) {
        if self.offer.check(Mechanism::Plain).is_err() {
            return self.refuse(Some(&tag), &Fault::PrivacyRequired, out);
        }
        let plain = sasl::Secret::new(["\0", &login.user, "\0", &login.password].concat().into_bytes());
        out.ask(Ask::Nonce);
        self.waiting = Waiting::Nonce { tag, mechanism: Mechanism::Plain, initial: Some(plain) };
    }

    pub(super) fn challenge_answered(
        &mut self,
        tag: Tag,
        exchange: Exchange,
        line: &[u8],
        out: &mut Outputs<Ask>,
    ) {
        self.share = self.settings.budget.share();
        self.exchange(tag, exchange.answer_line(line), out);
    }

    fn exchange(&mut self, tag: Tag, step: Step, out: &mut Outputs<Ask>) {
        match step {
            Step::Challenge(exchange, challenge) => {
                response::continuation(&sasl::response::encode(&challenge), out.bytes_mut());
                self.waiting = Waiting::Challenge { tag, exchange };
            }
            Step::NeedVerify(pending) => {
                out.ask(Ask::Verify(pending));
                self.waiting = Waiting::Credentials { tag };
            }
            Step::NeedScram(pending) => {
                out.ask(Ask::Scram(pending));
                self.waiting = Waiting::Credentials { tag };
            }
            Step::Done { user } => {
                out.ask(Ask::Open { user: user.clone() });
                self.waiting = Waiting::Opening { tag, user };
            }
            Step::Failed(failure) => self.login_failed(&tag, failure, out),
        }
    }

    pub(super) fn credentials_checked(&mut self, tag: Tag, answer: SaslAnswer, out: &mut Outputs<Ask>) {
        match answer {
            SaslAnswer::Step(step) => self.exchange(tag, step, out),
            SaslAnswer::Unavailable => self.not_logged_in(&tag, &Fault::LoginUnavailable, out),
            SaslAnswer::Limit => self.not_logged_in(&tag, &Fault::LoginLimit, out),
        }
    }

    pub(super) fn opened(&mut self, tag: &Tag, user: String, opened: Opened, out: &mut Outputs<Ask>) {
        match opened {
            Opened::Yes => {}
            Opened::Forbidden => return self.not_logged_in(tag, &Fault::LoginForbidden, out),
            Opened::Unavailable => return self.not_logged_in(tag, &Fault::LoginUnavailable, out),
            Opened::Limit => return self.not_logged_in(tag, &Fault::LoginLimit, out),
        }
        self.state = State::Authenticated { user };
        self.bad_in_a_row = 0;
        self.reader.set_limits(CommandLimits {
            text_len_max_bytes: limits::TEXT_MAX_BYTES,
            discard_max_bytes: limits::DISCARD_MAX_BYTES,
        });
        let code = Code::Capability(self.capabilities());
        self.ok(tag, Some(&code), "Logged in", out);
    }

    fn login_failed(&mut self, tag: &Tag, failure: Failure, out: &mut Outputs<Ask>) {
        match failure {
            // Not a name or password that anybody could have: wrong, but no broken grammar.
            Failure::Malformed(Malformed::User | Malformed::Password) => {
                self.not_logged_in(tag, &Fault::WrongCredentials, out);
            }
            Failure::Malformed(_) | Failure::TooLong { .. } => {
                self.refuse(
                    Some(tag),
                    &Fault::Syntax { at: 0, expected: "a response of the mechanism" },
                    out,
                );
            }
            Failure::Cancelled => self.refuse(Some(tag), &Fault::Cancelled, out),
            Failure::Refused(_) => self.not_logged_in(tag, &Fault::WrongCredentials, out),
        }
    }

    fn not_logged_in(&mut self, tag: &Tag, fault: &Fault, out: &mut Outputs<Ask>) {
        let (condition, code, text) = fault.to_status();
        response::tagged(tag, condition, code.as_ref(), &text, out.bytes_mut());
        if let State::NotAuthenticated { failed_logins, .. } = &mut self.state {
            *failed_logins += 1;
            if *failed_logins >= limits::FAILED_LOGINS_MAX {
                self.bye(None, "Too many failed logins", out);
            }
        }
    }
}
