//! Bytes that have arrived and are not yet consumed.

/// A queue of received bytes: pushed at the end, consumed from the front.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    /// An empty queue that owns no memory yet.
    pub const fn new() -> Input {
        Input { bytes: Vec::new(), start: 0 }
    }

    /// Adds what the peer sent.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reclaim();
        self.bytes.extend_from_slice(bytes);
    }

    /// The unconsumed bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How many bytes are unconsumed.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// True when nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the first `count` bytes (all, if there are fewer).
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Drops everything, as is due when TLS starts (RFC 3207 §4.2).
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// The buffer to read a socket into; what is appended counts as pushed.
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        self.reclaim();
        &mut self.bytes
    }

    /// Gives the memory back when nothing is held, so that idle connections cost little.
    pub fn shrink_if_empty(&mut self) {
        if self.is_empty() {
            *self = Input::new();
        }
    }

    /// Moves the unconsumed bytes to the front once more is wasted than kept.
    fn reclaim(&mut self) {
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}
