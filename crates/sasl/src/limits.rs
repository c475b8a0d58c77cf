//! What is accepted at most, and why.

/// Longest base64 response line, in bytes without CRLF. RFC 4954 §4 asks servers to take 12288 and
/// lets them refuse more; nothing here comes near it.
pub const RESPONSE_LEN_MAX_BYTES: usize = 12_288;

/// Longest user name, in bytes of UTF-8, before and after preparation. An address has at most 254
/// (RFC 5321 §4.5.3.1.3 less the angle brackets), and RFC 4616 §2 asks for 255.
pub const USER_LEN_MAX_BYTES: usize = 255;

/// Longest password, in bytes. Some stored forms hash the password thousands of times over, so
/// that a long one is an attack; crypt(3) of most systems stops at 512 as well. RFC 4616 §2 asks
/// for at least 255.
pub const PASSWORD_LEN_MAX_BYTES: usize = 512;

/// Longest nonce that is taken from a peer, in bytes. Usual ones have 24 to 40.
pub const NONCE_LEN_MAX_BYTES: usize = 256;

/// Longest salt of a SCRAM secret, in bytes. Usual ones have 16; this bounds what a stored secret
/// or a server's challenge makes us keep.
pub const SALT_LEN_MAX_BYTES: usize = 64;

/// Fewest iterations of a SCRAM secret (RFC 7677 §4).
pub const SCRAM_ITERATIONS_MIN: u32 = 4096;

/// Most iterations of a SCRAM secret. A server could otherwise keep our client busy for hours; a
/// million takes about half a second.
pub const SCRAM_ITERATIONS_MAX: u32 = 1_000_000;

/// Iterations of new SCRAM secrets. The client spends them at each login, the server once when the
/// password is set. RFC 7677 §4 wants about 0.1 s of a present machine, which it put at 15 000
/// iterations in 2015.
pub const SCRAM_ITERATIONS_DEFAULT: u32 = 65_536;
