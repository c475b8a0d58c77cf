//! A session and a made-up world around it, in memory.

use crate::Peer;
use std::time::Duration;
use wire::{Input, Now, Outputs, Session};

/// What a world makes of a question.
pub enum Reaction<A> {
    /// The answer.
    Answer(A),
    /// What is sent so far goes out, TLS starts, then this is the answer. Bytes that arrive before
    /// the script's `TLS` step are not shown to the session.
    StartTls(A),
}

/// Answers a session's questions as the real world would.
pub trait World<S: Session> {
    /// Answers one question; `out` takes what is sent while answering.
    fn answer(&mut self, ask: S::Ask, out: &mut Vec<u8>) -> Reaction<S::Answer>;

    /// Something happens outside, as an `E:` step says.
    fn event(&mut self, event: &str, _session: &mut S, _now: Now, _out: &mut Outputs<S::Ask>) {
        panic!("this world knows no events, but was told: {event}");
    }
}

/// The in-memory peer: a session, its world, and the clock.
pub struct MemoryPeer<S: Session, W> {
    session: S,
    world: W,
    now: Now,
    input: Input,
    sent: Vec<u8>,
    handshake: Option<S::Answer>,
    closed: bool,
}

impl<S: Session, W: World<S>> MemoryPeer<S, W> {
    /// Opens the connection at the clock's zero plus one hour: the session greets.
    pub fn open(session: S, world: W) -> Self {
        let now = Now::from_millis(3_600_000);
        let mut peer = MemoryPeer {
            session,
            world,
            now,
            input: Input::new(),
            sent: Vec::new(),
            handshake: None,
            closed: false,
        };
        peer.call(|session, now, _, out| session.start(now, out));
        peer
    }

    /// The world, to see what it was asked.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Stops the server between two questions.
    pub fn stop(&mut self) {
        self.call(|session, now, _, out| session.stop(now, out));
    }

    /// Calls into the session and carries out what it wants until it waits for input.
    fn call(&mut self, enter: impl FnOnce(&mut S, Now, &mut Input, &mut Outputs<S::Ask>)) {
        if self.closed {
            return;
        }
        let mut out = Outputs::new();
        enter(&mut self.session, self.now, &mut self.input, &mut out);
        loop {
            self.sent.extend(out.take_bytes());
            let Some(ask) = out.take_ask() else { break };
            match self.world.answer(ask, &mut self.sent) {
                Reaction::Answer(answer) => self.session.answer(self.now, answer, &mut out),
                Reaction::StartTls(answer) => {
                    self.handshake = Some(answer);
                    return;
                }
            }
            if !out.has_ask() && !out.is_closed() {
                self.session.input(self.now, &mut self.input, &mut out);
            }
        }
        self.closed |= out.is_closed();
    }

    fn expire_until(&mut self, end: Now) {
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end && !self.closed)
        {
            self.now = self.now.max(deadline);
            self.call(|session, now, _, out| session.expired(now, out));
        }
        self.now = end;
    }
}

impl<S: Session, W: World<S>> Peer for MemoryPeer<S, W> {
    fn send(&mut self, bytes: &[u8]) {
        if self.handshake.is_some() {
            return;
        }
        self.input.push(bytes);
        self.call(|session, now, input, out| session.input(now, input, out));
    }

    fn receive_line(&mut self) -> Option<Vec<u8>> {
        let end = self.sent.windows(2).position(|pair| pair == b"\r\n")?;
        let line = self.sent[..end].to_vec();
        self.sent.drain(..end + 2);
        Some(line)
    }

    fn is_closed(&mut self) -> bool {
        self.closed && self.sent.is_empty()
    }

    fn advance(&mut self, time: Duration) {
        self.expire_until(self.now + time);
    }

    fn start_tls(&mut self) {
        let answer = self.handshake.take().expect("the server has offered to start TLS");
        self.call(|session, now, _, out| session.answer(now, answer, out));
    }

    fn event(&mut self, event: &str) {
        let mut out = Outputs::new();
        self.world.event(event, &mut self.session, self.now, &mut out);
        self.call(|_, _, _, later| *later = out);
    }
}
