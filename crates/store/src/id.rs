//! Names of things in the store, each its own type, so that one cannot be taken for another.

use std::fmt;
use std::num::NonZeroU32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The bare number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A domain whose mail is kept here.
    DomainId(i64)
);
id!(
    /// An account: one address, one password, one quota.
    AccountId(i64)
);
id!(
    /// A mailbox of an account. Unique within the account and never reused there.
    MailboxId(i64)
);
id!(
    /// A message of an account: 63 bits, unique within the account, never reused, also not after a
    /// backup was restored. It is the OBJECTID (RFC 8474 §4.1) and the UIDL (RFC 1939 §7).
    MessageId(i64)
);
id!(
    /// Stored content, shared by all messages with the same bytes.
    BlobId(i64)
);
id!(
    /// An entry of the outbound queue.
    QueueId(i64)
);
id!(
    /// A zone of the DNS.
    ZoneId(i64)
);
id!(
    /// The events of one message on its way. Chosen by the caller.
    TraceId(u64)
);
id!(
    /// A position in the history of an account; every change moves it (RFC 7162 §3.1).
    ModSeq(u64)
);

/// A message's number in one mailbox (RFC 9051 §2.3.1.1), never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub NonZeroU32);

impl Uid {
    /// The UID `number`, or nothing for zero.
    pub fn new(number: u32) -> Option<Uid> {
        NonZeroU32::new(number).map(Uid)
    }

    /// The bare number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
