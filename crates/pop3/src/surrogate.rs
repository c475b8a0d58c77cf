//! Stand-ins for messages with non-ASCII headers, for clients that did not send UTF8.

/// The message as a client that knows no UTF-8 headers may see it.
pub fn surrogate(message: &[u8]) -> Vec<u8> {
    message.to_vec()
}
