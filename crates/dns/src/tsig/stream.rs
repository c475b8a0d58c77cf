//! Signing and checking chains of messages: a request, its answer, a transfer of many messages.

use super::find::feed_unsigned;
use super::mac::Hasher;
use super::{FUDGE_S, Fault, Found, Key, Variables, find};
use subtle::ConstantTimeEq;

/// How many messages of a transfer may pass unsigned one after another (RFC 8945 §5.3.1).
pub const UNSIGNED_IN_ROW_MAX: u32 = 99;

/// Signs messages that go out one after another.
#[derive(Debug)]
pub struct Signer {
    key: Key,
    /// The MAC before: of the request, or of our last message. Empty for a request of our own.
    pub(super) prior: Vec<u8>,
    sent: u32,
}

impl Signer {
    /// Of a request of our own.
    pub fn requesting(key: Key) -> Signer {
        Signer { key, prior: Vec::new(), sent: 0 }
    }

    /// Of the answers to a request that had this MAC.
    pub fn answering(key: Key, request_mac: &[u8]) -> Signer {
        Signer { key, prior: request_mac.to_vec(), sent: 0 }
    }

    /// Signs the next message at `unix_s`, in seconds since 1970, by appending the record.
    pub fn sign(&mut self, unix_s: u64, message: &mut Vec<u8>) {
        let name = self.key.algorithm().name();
        let variables = Variables {
            key_name: self.key.name(),
            algorithm_name: name,
            time_s: unix_s,
            fudge_s: FUDGE_S,
            error: 0,
            other: &[],
        };
        let mut hasher = Hasher::new(&self.key);
        if !self.prior.is_empty() {
            hasher.sized(&self.prior);
        }
        hasher.feed(message);
        match self.sent {
            0 => hasher.variables(&variables),
            _ => hasher.timers(unix_s, FUDGE_S),
        }
        let mac = hasher.finish();
        let id = u16::from_be_bytes([message[0], message[1]]);
        variables.append(&mac, id, message);
        self.prior = mac;
        self.sent = self.sent.saturating_add(1);
    }

    /// The checker of the answers to the request that was signed last.
    pub fn verifier(&self) -> StreamVerifier {
        StreamVerifier::new(self.key.clone(), &self.prior)
    }
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFault {
    /// It cannot be read.
    Malformed,
    /// It has no signature where it must have one.
    Unsigned,
    /// It is signed by another key, or wrongly, or at another time.
    Wrong(Fault),
    /// It is in order and says that our request was not: the error field's number.
    Refused(u16),
}

/// Checks the answers to a signed request.
#[derive(Debug)]
pub struct StreamVerifier {
    key: Key,
    /// Begun with the MAC before, fed with what came unsigned since.
    hasher: Hasher,
    is_first: bool,
    unsigned: u32,
}

impl StreamVerifier {
    fn new(key: Key, request_mac: &[u8]) -> StreamVerifier {
        let mut hasher = Hasher::new(&key);
        hasher.sized(request_mac);
        StreamVerifier { key, hasher, is_first: true, unsigned: 0 }
    }

    /// Checks the next message; gives its length without the record, in bytes. Unsigned messages are
    /// taken between signed ones only, so the last must be followed by [`StreamVerifier::is_settled`].
    ///
    /// # Errors
    /// See [`StreamFault`]; the stream is to be given up then.
    pub fn check(&mut self, message: &[u8], unix_s: u64) -> Result<usize, StreamFault> {
        let found = find(message).map_err(|_| StreamFault::Malformed)?;
        let Some(found) = found else {
            self.unsigned += 1;
            if self.is_first || self.unsigned > UNSIGNED_IN_ROW_MAX {
                return Err(StreamFault::Unsigned);
            }
            self.hasher.feed(message);
            return Ok(message.len());
        };
        self.judge(message, &found, unix_s)?;
        Ok(found.start)
    }

    /// Whether all that came was signed: true at the end of a transfer that may be believed.
    pub fn is_settled(&self) -> bool {
        !self.is_first && self.unsigned == 0
    }

    fn judge(&mut self, message: &[u8], found: &Found<'_>, unix_s: u64) -> Result<(), StreamFault> {
        if found.key_name != self.key.name() || found.algorithm_name != self.key.algorithm().name() {
            return Err(StreamFault::Wrong(Fault::BadKey));
        }
        if found.mac.is_empty() && found.error != 0 {
            // BADKEY and BADSIG come unsigned: no proof, but the only hint there is.
            return Err(StreamFault::Refused(found.error));
        }
        let mut hasher = self.hasher.clone();
        feed_unsigned(&mut hasher, message, found);
        match self.is_first {
            true => hasher.variables(&Variables::of(found)),
            false => hasher.timers(found.time_s, found.fudge_s),
        }
        let mac = hasher.finish();
        if !bool::from(mac.ct_eq(found.mac)) {
            return Err(StreamFault::Wrong(Fault::BadSig));
        }
        if found.error != 0 {
            return Err(StreamFault::Refused(found.error));
        }
        if unix_s.abs_diff(found.time_s) > u64::from(found.fudge_s) {
            return Err(StreamFault::Wrong(Fault::BadTime));
        }
        self.hasher = Hasher::new(&self.key);
        self.hasher.sized(&mac);
        (self.is_first, self.unsigned) = (false, 0);
        Ok(())
    }
}
