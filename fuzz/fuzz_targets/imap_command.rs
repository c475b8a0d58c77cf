//! `CommandReader` and the grammar of every command, in both dialects: no panic, faults that can be
//! shown to a client, and sets that can be resolved.
#![no_main]

mod pieces;
mod words;

use imap::command::{self, Command, Request};
use imap::cursor::Cursor;
use imap::{Dialect, limits};
use libfuzzer_sys::fuzz_target;
use wire::Input;
use wire::literal::{CommandLimits, CommandReader, Step};

/// How large a literal may be.
const LITERAL_MAX_BYTES: u64 = 10_000;

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"a ", b"a UID ", b"FETCH ", b"STORE ", b"SEARCH ", b"COPY ", b"MOVE ", b"EXPUNGE ", b"APPEND ", b"LIST ",
    b"LSUB ", b"STATUS ", b"SELECT ", b"EXAMINE ", b"CREATE ", b"DELETE ", b"RENAME ", b"SUBSCRIBE ",
    b"UNSUBSCRIBE ", b"ENABLE ", b"ID ", b"AUTHENTICATE ", b"LOGIN ", b"IDLE", b"NOOP", b"CAPABILITY", b"CLOSE",
    b" ", b"(", b")", b"((", b"))", b"[", b"]", b"<0.1>", b"<", b">", b"\"", b"\\", b"\\Seen", b"\\*", b"$Junk",
    b"1:*", b"$", b"1,3:5", b"*", b",", b":", b"{3}\r\n", b"{3+}\r\n", b"~{3+}\r\n", b"{0+}\r\n", b"\r\n", b"NIL",
    b"INBOX", b"&ZeVnLIqe-", b"%", b"/", "ü".as_bytes(), b"FLAGS", b"ALL", b"FULL", b"ENVELOPE", b"INTERNALDATE",
    b"BODYSTRUCTURE", b"RFC822.SIZE", b"RFC822.HEADER", b"BODY.PEEK[", b"BODY[", b"BINARY.SIZE[", b"BINARY[",
    b"HEADER.FIELDS", b".NOT", b" (From To)", b"1.2.3", b".MIME", b".TEXT", b"MODSEQ", b"(CHANGEDSINCE 5)",
    b"(UNCHANGEDSINCE 5)", b"CONDSTORE", b"+FLAGS.SILENT", b"-FLAGS", b"RETURN (MIN MAX SAVE)", b"RETURN ()",
    b"CHARSET UTF-8 ", b"NOT ", b"OR ", b"SUBJECT ", b"TEXT ", b"HEADER ", b"SINCE ", b"1-Feb-2026",
    b"\" 1-Feb-2026 01:02:03 +0100\"", b"LARGER ", b"KEYWORD ", b"UNSEEN", b"OLDER ", b"MODSEQ 7",
    b"MESSAGES", b"UIDNEXT", b"HIGHESTMODSEQ", b"SIZE", b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH",
    b"SPECIAL-USE", b"CHILDREN", b"IMAP4rev2", &[b'('; 120], &[b'1'; 300], &[b'x'; 1100],
];

fuzz_target!(|input: (Vec<u8>, Vec<(u8, Vec<u8>)>)| {
    let (lengths, parts) = input;
    let bytes = words::text(WORDS, &parts);
    let limits = CommandLimits { text_len_max_bytes: 20_000, discard_max_bytes: 20_000 };
    let (mut reader, mut input) = (CommandReader::new(limits), Input::new());
    for piece in pieces::pieces(&bytes, &lengths) {
        input.push(piece);
        while let Some(step) = reader.next(&mut input, |_| LITERAL_MAX_BYTES) {
            match step {
                Step::Command(line) => {
                    parse(line.clone(), Dialect::Rev1);
                    parse(line, Dialect::Rev2);
                }
                Step::Undrainable => return,
                _ => {}
            }
        }
    }
});

fn parse(line: Vec<u8>, dialect: Dialect) {
    let mut cursor = Cursor::new(line, dialect);
    let Some(tag) = cursor.tag() else { return };
    assert!((1..=limits::TAG_LEN_MAX_BYTES).contains(&tag.as_str().len()));
    assert!(tag.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    let parsed = command::find(&mut cursor).and_then(|(row, numbering)| (row.parse)(&mut cursor, numbering));
    match parsed {
        Ok(Request::Run(command)) => look_at(&command),
        Ok(_) => {}
        Err(fault) => {
            let (_, _, text) = fault.to_status();
            assert!(text.len() < 200 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
        }
    }
}

/// What every command can be asked, and some more that those who carry it out will ask.
fn look_at(command: &Command) {
    command.enables_condstore();
    command.changes_selected();
    match command {
        Command::Fetch(fetch) => {
            assert!(!fetch.items.is_empty() && fetch.items.len() <= limits::FETCH_ITEMS_MAX);
            fetch.messages.resolve(1000);
        }
        Command::Store(store) => {
            assert!(store.messages.resolve(1000).is_none_or(|set| set.first() != Some(0)))
        }
        Command::Copy(copy) | Command::Move(copy) => drop(copy.messages.resolve(1000)),
        Command::Append(append) => assert!(append.message.len() as u64 <= LITERAL_MAX_BYTES),
        Command::Create(create) => assert!(!create.mailbox.as_str().chars().any(char::is_control)),
        _ => {}
    }
}
