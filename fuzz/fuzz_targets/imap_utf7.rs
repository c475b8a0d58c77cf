//! Modified UTF-7: every name comes back, and what is read is exactly what would be written. Mailbox
//! names in both dialects, and patterns.
#![no_main]

use imap::Dialect;
use imap::cursor::Cursor;
use imap::mailbox::MailboxName;
use imap::pattern::Pattern;
use imap::{response, utf7};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, String, &[u8])| {
    let (name, pattern, wire) = input;
    let mut written = Vec::new();
    utf7::encode(&name, &mut written);
    assert!(written.iter().all(|byte| (b' '..=b'~').contains(byte)));
    assert_eq!(utf7::decode(&written).as_deref(), Some(name.as_str()));

    if let Some(read) = utf7::decode(wire) {
        let mut again = Vec::new();
        utf7::encode(&read, &mut again);
        assert_eq!(again, wire, "two spellings of one name");
    }
    if let Ok(mailbox) = MailboxName::new(&name) {
        comes_back(&mailbox);
        assert!(Pattern::new("*").matches(&mailbox));
        let whole = !mailbox.as_str().contains(['*', '%']);
        assert!(!whole || Pattern::new(mailbox.as_str()).matches(&mailbox));
        Pattern::new(&pattern).matches(&mailbox);
        Pattern::from_wire(pattern.as_bytes(), wire, Dialect::Rev1).matches(&mailbox);
        Pattern::from_wire(pattern.as_bytes(), wire, Dialect::Rev2).matches(&mailbox);
    }
    for dialect in [Dialect::Rev1, Dialect::Rev2] {
        if let Ok(mailbox) = MailboxName::from_wire(wire, dialect) {
            comes_back(&mailbox);
        }
    }
});

/// What a LIST response says can be said in a SELECT.
fn comes_back(mailbox: &MailboxName) {
    for dialect in [Dialect::Rev1, Dialect::Rev2] {
        let mut written = Vec::new();
        response::mailbox(mailbox, dialect, &mut written);
        let mut cursor = Cursor::new(written, dialect);
        assert_eq!(cursor.mailbox().as_ref(), Ok(mailbox));
        assert!(cursor.end().is_ok());
    }
}
