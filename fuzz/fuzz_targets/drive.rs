//! A session with a driver that has no sockets.

use std::time::Duration;
use wire::{Input, Now, Outputs, Session};

/// What a session asks of the outside.
pub trait World<S: Session> {
    /// Answers a question. Starting TLS, the world throws `input` away, as a driver does.
    fn answer(&mut self, ask: S::Ask, input: &mut Input) -> S::Answer;

    /// Looks at every batch of bytes that the session sends.
    fn sent(&mut self, bytes: &[u8]);
}

/// A session, its outside, and what is between them.
pub struct Driven<S: Session, W: World<S>> {
    pub session: S,
    pub world: W,
    pub input: Input,
    pub closed: bool,
    now: Now,
}

impl<S: Session, W: World<S>> Driven<S, W> {
    /// Opens the connection.
    pub fn open(session: S, world: W) -> Driven<S, W> {
        let mut driven =
            Driven { session, world, input: Input::new(), closed: false, now: Now::from_millis(1) };
        driven.call(|session, now, _, out| session.start(now, out));
        driven
    }

    /// The peer sends `piece`.
    pub fn send(&mut self, piece: &[u8]) {
        if !self.closed {
            self.input.push(piece);
            self.call(|session, now, input, out| session.input(now, input, out));
        }
    }

    /// The peer is silent for a while.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        if !self.closed && self.session.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.call(|session, now, _, out| session.expired(now, out));
            let later = self.session.deadline().is_none_or(|deadline| deadline > self.now);
            assert!(self.closed || later, "a deadline that has passed is still to come");
        }
    }

    /// The server stops.
    pub fn stop(&mut self) {
        if !self.closed {
            self.call(|session, now, _, out| session.stop(now, out));
            assert!(self.closed, "a session that is to stop stops");
        }
    }

    /// Something happens outside that the session is told.
    #[allow(dead_code, reason = "not every session is told of events")]
    pub fn tell(&mut self, event: impl FnOnce(&mut S, Now, &mut Outputs<S::Ask>)) {
        if !self.closed {
            self.call(|session, now, _, out| event(session, now, out));
        }
    }

    fn call(&mut self, enter: impl FnOnce(&mut S, Now, &mut Input, &mut Outputs<S::Ask>)) {
        let mut out = Outputs::new();
        enter(&mut self.session, self.now, &mut self.input, &mut out);
        loop {
            self.world.sent(&out.take_bytes());
            let Some(ask) = out.take_ask() else { break };
            let answer = self.world.answer(ask, &mut self.input);
            self.session.answer(self.now, answer, &mut out);
            if !out.has_ask() && !out.is_closed() {
                self.session.input(self.now, &mut self.input, &mut out);
            }
        }
        self.closed |= out.is_closed();
    }
}
