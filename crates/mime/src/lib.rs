//! Internet messages: header fields, addresses, dates, encoded words, the tree of MIME parts with
//! byte ranges, transfer encodings and charsets, the IMAP renderings made once at delivery, and
//! building of messages. Everything is a pure function of bytes.
//!
//! Start at [`Message::parse`]; from it come [`envelope()`], [`body_structure`], [`section()`],
//! [`Overview`] and [`SearchText`]. [`Builder`] goes the other way.
//!
//! ```
//! let message = mime::Message::parse(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nGood day\r\n");
//! let subject = message.headers().get(b"subject").map(|field| mime::word::decode(field.value));
//! assert_eq!(subject.as_deref(), Some("Grüße"));
//! assert_eq!(message.decoded_text(&message.root), "Good day\r\n");
//! ```
//!
//! # Standards
//! RFC 5322 with its obsolete syntax; RFC 2045, 2046, 2047, 2231 (MIME); RFC 2183 (disposition);
//! RFC 3282 (language); RFC 2557 (location); RFC 1864 (MD5); RFC 6532 (raw UTF-8 in headers);
//! RFC 5256 §2.1 (base subject);
//! RFC 3501 and 9051 §7.5.2 (ENVELOPE, BODY, BODYSTRUCTURE), §6.4.5 (sections); RFC 3516 (BINARY).
//!
//! # Hostile input
//! Messages come from strangers. No function here panics or recurses without a limit, time is
//! linear in the size of the message (times the depth of nesting where parts are rendered), and
//! every limit on what is read is a named constant in [`limits`]. What is over a limit is kept as bytes and is
//! still served whole; it is only not interpreted. Nothing is ever dropped from a message.

pub mod address;
pub mod build;
pub mod charset;
pub mod content;
pub mod date;
pub mod envelope;
pub mod header;
mod html;
pub mod limits;
pub mod message_id;
mod nstring;
pub mod overview;
pub mod param;
pub mod search;
pub mod section;
mod span;
pub mod structure;
pub mod subject;
mod syntax;
pub mod transfer;
pub mod tree;
pub mod word;

pub use address::{Address, AddressError, Entry, Mailbox};
pub use build::{Body, Builder, FieldError};
pub use content::{ContentType, Disposition, TransferEncoding};
pub use date::Date;
pub use envelope::envelope;
pub use header::{Field, Headers};
pub use overview::{CACHED_FIELDS, Overview, OverviewRef};
pub use search::{SearchText, fold, search_text};
pub use section::{Section, What, section};
pub use span::Span;
pub use structure::body_structure;
pub use tree::{Message, Part};
