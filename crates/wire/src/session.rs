//! The shape of every line protocol's session, and what it hands to its driver.

use crate::{Input, Now};

/// What a session wants done, in this order: send `bytes`, then answer the question, then close.
///
/// At most one question is open at a time. A session that asked takes no further input until
/// [`Session::answer`] was called, so order on the wire follows from order of calls.
#[derive(Debug)]
pub struct Outputs<A> {
    bytes: Vec<u8>,
    ask: Option<A>,
    closed: bool,
}

impl<A> Default for Outputs<A> {
    fn default() -> Self {
        Outputs { bytes: Vec::new(), ask: None, closed: false }
    }
}

impl<A> Outputs<A> {
    /// Nothing to send, nothing asked, open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes to send.
    pub fn send(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes to send so far, to write into.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes to send so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the bytes to send, leaving none.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Puts a question to the outside. The session must not have one open already.
    pub fn ask(&mut self, ask: A) {
        debug_assert!(self.ask.is_none(), "one question at a time");
        self.ask = Some(ask);
    }

    /// Takes the open question.
    pub fn take_ask(&mut self) -> Option<A> {
        self.ask.take()
    }

    /// True while a question waits to be taken.
    pub fn has_ask(&self) -> bool {
        self.ask.is_some()
    }

    /// Ends the connection once the bytes are sent.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// True once [`Outputs::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// One connection's conversation, free of sockets and clocks.
///
/// The driver calls [`start`](Session::start) once, then [`input`](Session::input) whenever bytes
/// have arrived and whenever an answer was given and bytes are left, and
/// [`expired`](Session::expired) once the moment of [`deadline`](Session::deadline) has come while
/// it waits for the peer. It asks for the deadline again after every call. After
/// [`Outputs::close`] it sends what is to be sent and calls nothing more.
pub trait Session {
    /// Questions to the outside: may this recipient be reached, start TLS, store this message.
    type Ask;
    /// Their answers.
    type Answer;

    /// The connection is open: greet.
    fn start(&mut self, now: Now, out: &mut Outputs<Self::Ask>);

    /// Takes what it can from `input` and stops when it needs more, has asked, or has closed.
    fn input(&mut self, now: Now, input: &mut Input, out: &mut Outputs<Self::Ask>);

    /// The answer to the open question.
    fn answer(&mut self, now: Now, answer: Self::Answer, out: &mut Outputs<Self::Ask>);

    /// When to call [`expired`](Session::expired) if nothing arrives; `None` for never.
    fn deadline(&self) -> Option<Now>;

    /// The peer was silent until the deadline.
    fn expired(&mut self, now: Now, out: &mut Outputs<Self::Ask>);

    /// The server is stopping: take leave in the protocol's words and close. Called only between
    /// questions; what was acknowledged stays so.
    fn stop(&mut self, now: Now, out: &mut Outputs<Self::Ask>);
}
