//! Every limit on what is interpreted, with its unit and its reason.

/// Levels of multipart and message nesting that are cut into parts; deeper entities are leaves.
/// Real mail stays under 20; the number bounds recursion and so the stack.
pub const DEPTH_MAX: usize = 100;

/// Parts in one message; what follows the last of them is left uncut, as an epilogue is.
pub const PARTS_MAX: usize = 10_000;

/// Bytes of one field's value that are interpreted; the rest of a longer value is ignored by the
/// structured parsers and renderings, though not by sections. Large lists of recipients fit.
pub const VALUE_LEN_MAX_BYTES: usize = 256 * 1024;

/// Fields of one header that are interpreted. Long chains of Received stay under 200.
pub const FIELDS_MAX: usize = 4_000;

/// Bytes of one header that are interpreted: fields that end behind them are only bytes. Mail
/// servers refuse headers of a tenth of this.
pub const HEADER_LEN_MAX_BYTES: usize = 1024 * 1024;

/// Bytes of a media type, subtype, disposition or encoding (RFC 6838 §4.2); longer ones are invalid.
pub const TOKEN_LEN_MAX_BYTES: usize = 127;

/// Bytes of a BODY or BODYSTRUCTURE after which optional things in it (parameters, identifiers,
/// envelopes of messages inside) become NIL, so that stored overviews stay in bounds. It is
/// checked before each part, field and envelope.
pub const STRUCTURE_LEN_MAX_BYTES: usize = 1024 * 1024;

/// Entries (mailboxes, starts and ends of groups) taken from one kind of address field.
pub const ADDRESSES_MAX: usize = 4_096;

/// Parameters of one field, each continuation of RFC 2231 §3 counted. Many of them were the fault
/// of CVE-2026-27859 elsewhere: joining them is quadratic.
pub const PARAMS_MAX: usize = 64;

/// Message identifiers taken from one References or In-Reply-To field; the last ones count, since
/// they are the nearest ancestors.
pub const MESSAGE_IDS_MAX: usize = 1_000;

/// Language tags taken from one Content-Language field.
pub const LANGUAGES_MAX: usize = 64;

/// Bytes of a subject that are looked at for its base; finding it is quadratic in the marks that
/// stand before it.
pub const SUBJECT_LEN_MAX_BYTES: usize = 4 * 1024;

/// Bytes of a quoted string in an IMAP response; longer ones are sent as literals, since clients
/// have line limits (RFC 7162 §4 names 8192 bytes).
pub const QUOTED_LEN_MAX_BYTES: usize = 1_000;

/// Bytes of raw fields kept in an overview; mail of people stays under 8 KiB.
pub const CACHED_FIELDS_MAX_BYTES: usize = 32 * 1024;

/// Bytes of the preview.
pub const PREVIEW_MAX_BYTES: usize = 256;

/// Bytes of the encoded body of plain text that are read to make a preview.
pub const PREVIEW_PLAIN_SOURCE_MAX_BYTES: usize = 4 * 1024;

/// Bytes of the encoded body of HTML that are read to make a preview: style sheets stand before
/// the text.
pub const PREVIEW_SOURCE_MAX_BYTES: usize = 64 * 1024;

/// Bytes of folded header text for searching.
pub const SEARCH_HEADERS_MAX_BYTES: usize = 1024 * 1024;

/// Bytes of folded body text for searching. Text parts larger than this are logs, not letters.
pub const SEARCH_BODY_MAX_BYTES: usize = 16 * 1024 * 1024;
