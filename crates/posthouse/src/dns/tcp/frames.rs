//! Messages with their length before them (RFC 1035 §4.2.2).

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room for the first read in bytes: a query or two.
const FIRST_READ_BYTES: usize = 512;
/// Room that later reads ask for at most: memory follows what has arrived, not what was announced.
const READ_MAX_BYTES: usize = 16 << 10;
/// The shortest message: a header.
const MESSAGE_LEN_MIN_BYTES: usize = 12;

/// What has arrived.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    /// Whether a whole message is there.
    ///
    /// # Errors
    /// When the length before it is shorter than a header: the peer speaks something else.
    pub fn whole(&self) -> io::Result<bool> {
        let Some(len) = self.announced() else { return Ok(false) };
        if len < MESSAGE_LEN_MIN_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a length without a message"));
        }
        Ok(self.bytes.len() - self.start >= 2 + len)
    }

    fn announced(&self) -> Option<usize> {
        let two = self.bytes.get(self.start..self.start + 2)?;
        Some(usize::from(u16::from_be_bytes([two[0], two[1]])))
    }

    /// The whole message at the front.
    pub fn message(&self) -> &[u8] {
        let len = self.announced().unwrap_or(0);
        &self.bytes[self.start + 2..self.start + 2 + len]
    }

    /// Drops the message at the front.
    pub fn consume(&mut self) {
        self.start += 2 + self.announced().unwrap_or(0);
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(FIRST_READ_BYTES);
            self.start = 0;
        }
    }

    /// Memory held.
    #[cfg(test)]
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes what has arrived; false at the end.
    pub async fn read<C: AsyncRead + Unpin>(&mut self, stream: &mut C) -> io::Result<bool> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve(self.bytes.len().clamp(FIRST_READ_BYTES, READ_MAX_BYTES));
        Ok(stream.read_buf(&mut self.bytes).await? > 0)
    }
}

/// Adds a message with its length. One that is too long is none: transfers are cut to size before.
pub(super) fn put(message: &[u8], out: &mut Vec<u8>) {
    if let Ok(len) = u16::try_from(message.len()) {
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(message);
    }
}
