//! Authentication exchanges (SASL) as pure steps, both sides, and the checking of stored
//! password hashes.
//!
//! The server side starts with [`Exchange::start`] and is a chain of [`Step`]s: each one says what
//! to send or what to ask the outside. The crate does not know who the users are: it asks
//! ([`PendingVerify`], [`PendingScram`]) and is told. The client side is [`client::Exchange`].
//!
//! ```
//! use sasl::{Exchange, Mechanism, Offer, ServerNonce, Step, password, response};
//!
//! let offer = Offer { tls: true, ..Offer::default() };
//! let stored = password::hash_argon2id(b"secret", [7; 16]);
//! // AUTH PLAIN AHVzZXIAc2VjcmV0
//! let mechanism = offer.select(b"PLAIN").expect("offered over TLS");
//! let initial = response::decode_initial(b"AHVzZXIAc2VjcmV0").expect("base64");
//! let nonce = ServerNonce::from_random([9; 18]);
//! let step = Exchange::start(&offer, mechanism, nonce, Some(initial.expose())).expect("offered");
//! let Step::NeedVerify(pending) = step else { panic!("PLAIN asks for a check") };
//! let verdict = password::verify(&stored, pending.password().expose()).expect("our own form");
//! assert!(matches!(pending.resume(verdict.ok), Step::Done { user } if user == "user"));
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`mechanism`] | the mechanisms, and which of them a connection may be offered |
//! | [`exchange`] | the server side of one authentication |
//! | [`client`] | the client side of one authentication |
//! | [`scram`] | messages, keys and stored secrets of SCRAM-SHA-256 |
//! | [`response`] | the base64 lines that carry an exchange in SMTP, IMAP and POP3 |
//! | [`password`] | hashes: our own argon2id, and the crypt(3) forms of other servers |
//! | [`secret`] | bytes that are never printed and are overwritten when dropped |
//!
//! # Standards
//! SASL: RFC 4422. PLAIN: RFC 4616. LOGIN: draft-murchison-sasl-login-00. SCRAM: RFC 5802 with
//! SHA-256 as in RFC 7677. Channel bindings: RFC 9266 (tls-exporter), RFC 5929 §4
//! (tls-server-end-point). Preparation of names and passwords: RFC 4013. Argon2: RFC 9106.
//!
//! # Hostile input
//! Everything a peer sends is bounded by the limits named in [`limits`] before it is looked at,
//! and is parsed without panics whatever it holds. Names that do not exist take the same steps and
//! the same time as names that do; proofs and hashes are compared in constant time. Passwords and
//! keys live in [`Secret`]s: no `Debug` prints them. Imported hashes whose cost would let one login
//! stall the server are refused when they are imported.

pub mod client;
pub mod exchange;
pub mod failure;
pub mod limits;
pub mod mechanism;
pub mod nonce;
pub mod password;
mod plain;
pub mod prepare;
pub mod response;
pub mod scram;
pub mod secret;

pub use exchange::{Exchange, PendingScram, PendingVerify, Step};
pub use failure::{Failure, Malformed, Refusal};
pub use mechanism::{ChannelBinding, Mechanism, NotOffered, Offer};
pub use nonce::{ClientNonce, ServerNonce};
pub use scram::secret::ScramSecret;
pub use secret::Secret;
