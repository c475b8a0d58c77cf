//! Response codes (RFC 9051 §7.1; RFC 5530; RFC 7162 §3.1.2).

use super::{flag_list, number, number64};
use crate::flag::{Flags, Keyword};
use crate::set::NumberSet;

/// What a status response says to programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// ALERT
    Alert,
    /// ALREADYEXISTS
    AlreadyExists,
    /// APPENDUID
    AppendUid {
        /// The UIDVALIDITY of the mailbox.
        uid_validity: u32,
        /// The UIDs of the new messages; not empty.
        uids: NumberSet,
    },
    /// AUTHENTICATIONFAILED
    AuthenticationFailed,
    /// AUTHORIZATIONFAILED
    AuthorizationFailed,
    /// BADCHARSET, with the charsets that are known
    BadCharset,
    /// CANNOT
    Cannot,
    /// CAPABILITY
    Capability(Vec<String>),
    /// CLIENTBUG
    ClientBug,
    /// CLOSED
    Closed,
    /// CONTACTADMIN
    ContactAdmin,
    /// COPYUID
    CopyUid {
        /// The UIDVALIDITY of the target.
        uid_validity: u32,
        /// The UIDs of the sources; not empty.
        from: NumberSet,
        /// The UIDs of the copies, as many, in the same order; not empty.
        to: NumberSet,
    },
    /// CORRUPTION
    Corruption,
    /// EXPIRED
    Expired,
    /// EXPUNGEISSUED
    ExpungeIssued,
    /// HASCHILDREN
    HasChildren,
    /// HIGHESTMODSEQ
    HighestModSeq(u64),
    /// INUSE
    InUse,
    /// LIMIT
    Limit,
    /// MODIFIED, with the messages that a STORE left alone; not empty
    Modified(NumberSet),
    /// NOMODSEQ
    NoModSeq,
    /// NONEXISTENT
    NonExistent,
    /// NOPERM
    NoPerm,
    /// NOTSAVED
    NotSaved,
    /// OVERQUOTA
    OverQuota,
    /// PARSE
    Parse,
    /// PERMANENTFLAGS
    PermanentFlags {
        /// The flags that can be changed for good.
        flags: Flags,
        /// `\*`: new keywords can be made.
        new_keywords: bool,
    },
    /// PRIVACYREQUIRED
    PrivacyRequired,
    /// READ-ONLY
    ReadOnly,
    /// READ-WRITE
    ReadWrite,
    /// SERVERBUG
    ServerBug,
    /// TOOBIG
    TooBig,
    /// TRYCREATE
    TryCreate,
    /// UIDNEXT
    UidNext(u32),
    /// UIDNOTSTICKY
    UidNotSticky,
    /// UIDVALIDITY
    UidValidity(u32),
    /// UNAVAILABLE
    Unavailable,
    /// UNKNOWN-CTE
    UnknownCte,
    /// UNSEEN: the first unseen message (RFC 3501 only)
    Unseen(u32),
}

impl Code {
    /// Appends what stands between the brackets.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Code::AppendUid { uid_validity, uids } => {
                word_number(b"APPENDUID ", *uid_validity, out);
                out.push(b' ');
                uids.write(out);
            }
            Code::CopyUid { uid_validity, from, to } => {
                word_number(b"COPYUID ", *uid_validity, out);
                out.push(b' ');
                from.write(out);
                out.push(b' ');
                to.write(out);
            }
            Code::Capability(names) => {
                out.extend_from_slice(b"CAPABILITY");
                super::words(names, out);
            }
            Code::HighestModSeq(modseq) => {
                out.extend_from_slice(b"HIGHESTMODSEQ ");
                number64(*modseq, out);
            }
            Code::Modified(messages) => {
                out.extend_from_slice(b"MODIFIED ");
                messages.write(out);
            }
            Code::PermanentFlags { flags, new_keywords } => {
                out.extend_from_slice(b"PERMANENTFLAGS ");
                let extra: &[&str] = if *new_keywords { &["\\*"] } else { &[] };
                flag_list(flags.system, flags.keywords.iter().map(Keyword::as_str), extra, out);
            }
            Code::UidNext(uid) => word_number(b"UIDNEXT ", *uid, out),
            Code::UidValidity(value) => word_number(b"UIDVALIDITY ", *value, out),
            Code::Unseen(sequence) => word_number(b"UNSEEN ", *sequence, out),
            _ => out.extend_from_slice(self.word().as_bytes()),
        }
    }

    /// The text of codes without arguments.
    fn word(&self) -> &'static str {
        match self {
            Code::Alert => "ALERT",
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Code::BadCharset => "BADCHARSET (US-ASCII UTF-8)",
            Code::Cannot => "CANNOT",
            Code::ClientBug => "CLIENTBUG",
            Code::Closed => "CLOSED",
            Code::ContactAdmin => "CONTACTADMIN",
            Code::Corruption => "CORRUPTION",
            Code::Expired => "EXPIRED",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::HasChildren => "HASCHILDREN",
            Code::InUse => "INUSE",
            Code::Limit => "LIMIT",
            Code::NoModSeq => "NOMODSEQ",
            Code::NonExistent => "NONEXISTENT",
            Code::NoPerm => "NOPERM",
            Code::NotSaved => "NOTSAVED",
            Code::OverQuota => "OVERQUOTA",
            Code::Parse => "PARSE",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::ServerBug => "SERVERBUG",
            Code::TooBig => "TOOBIG",
            Code::TryCreate => "TRYCREATE",
            Code::UidNotSticky => "UIDNOTSTICKY",
            Code::Unavailable => "UNAVAILABLE",
            Code::UnknownCte => "UNKNOWN-CTE",
            Code::AppendUid { .. } => "APPENDUID",
            Code::Capability(_) => "CAPABILITY",
            Code::CopyUid { .. } => "COPYUID",
            Code::HighestModSeq(_) => "HIGHESTMODSEQ",
            Code::Modified(_) => "MODIFIED",
            Code::PermanentFlags { .. } => "PERMANENTFLAGS",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::Unseen(_) => "UNSEEN",
        }
    }
}

fn word_number(word: &[u8], value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(word);
    number(value, out);
}
