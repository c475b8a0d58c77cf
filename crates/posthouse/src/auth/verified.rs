//! Passwords found right lately, so that a client with five connections costs one slow check.

use std::collections::HashMap;
use std::time::Duration;
use wire::Now;

/// For this long a password found right is taken without the slow check.
const VALID_FOR: Duration = Duration::from_mins(15);
/// Entries kept, 40 bytes each; when full, all go, and the next logins are checked slowly again.
const ENTRIES_MAX: usize = 100_000;

/// The cache. It holds keyed digests of stored hash and password together: a changed password
/// makes another key, and without the process's secret a copy of the memory's cache tells nothing.
pub struct Verified {
    secret: [u8; 32],
    since: HashMap<[u8; 32], Now>,
}

impl Verified {
    /// An empty cache under a secret of this process.
    pub fn new(secret: [u8; 32]) -> Verified {
        Verified { secret, since: HashMap::new() }
    }

    /// The key of a password against a stored hash.
    pub fn key(&self, stored: &str, password: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&(stored.len() as u64).to_le_bytes());
        hasher.update(stored.as_bytes());
        hasher.update(password);
        *hasher.finalize().as_bytes()
    }

    /// Whether the key was added lately.
    pub fn holds(&self, now: Now, key: &[u8; 32]) -> bool {
        self.since.get(key).is_some_and(|since| now.since(*since) < VALID_FOR)
    }

    /// Remembers a password found right.
    pub fn add(&mut self, now: Now, key: [u8; 32]) {
        if self.since.len() >= ENTRIES_MAX {
            self.since.clear();
        }
        self.since.insert(key, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_for_this_hash_and_this_password_and_for_a_while() {
        let mut verified = Verified::new([7; 32]);
        let now = Now::from_millis(0);
        verified.add(now, verified.key("$a", b"secret"));
        assert!(verified.holds(now, &verified.key("$a", b"secret")));
        assert!(!verified.holds(now, &verified.key("$b", b"secret")));
        assert!(!verified.holds(now, &verified.key("$a", b"secrets")));
        assert!(!verified.holds(now, &verified.key("$as", b"ecret")));
        assert!(!verified.holds(now + VALID_FOR, &verified.key("$a", b"secret")));
    }
}
