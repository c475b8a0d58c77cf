use super::*;
use crate::command::{BodyFetch, Partial, Rfc822, Search, SearchReturn, Section, SectionText, StatusItem};
use crate::cursor::{Cursor, Numbering};
use crate::flag::Flags;
use crate::search::SearchKey;
use crate::set::NumberSet;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("test data is UTF-8")
}

fn tag(text: &str) -> Tag {
    Cursor::new(format!("{text} ").into(), Dialect::Rev1).tag().unwrap()
}

fn set(numbers: &[u32]) -> NumberSet {
    numbers.iter().copied().collect()
}

#[test]
fn status_responses_have_words_and_no_line_ends() {
    let line =
        |code: Option<&Code>, text: &str| written(|out| tagged(&tag("a1"), Condition::Ok, code, text, out));
    assert_eq!(line(None, "fine"), "a1 OK fine\r\n");
    assert_eq!(line(Some(&Code::HighestModSeq(5)), ""), "a1 OK [HIGHESTMODSEQ 5] done\r\n");
    assert_eq!(line(None, "a\r\nb * BYE ü"), "a1 OK a??b * BYE ??\r\n");
    assert_eq!(written(|out| untagged(Condition::Bye, None, "x", out)), "* BYE x\r\n");
    assert_eq!(written(|out| continuation("", out)), "+ \r\n");
}

#[test]
fn codes() {
    let keywords = vec![Keyword::new("$Junk").unwrap()];
    let flags = Flags { system: SystemFlags::SEEN.union(SystemFlags::DRAFT), keywords };
    for (code, expected) in [
        (Code::Alert, "ALERT"),
        (Code::AppendUid { uid_validity: 7, uids: set(&[5]) }, "APPENDUID 7 5"),
        (
            Code::CopyUid { uid_validity: 7, from: set(&[1, 2, 4]), to: set(&[8, 9, 10]) },
            "COPYUID 7 1:2,4 8:10",
        ),
        (Code::BadCharset, "BADCHARSET (US-ASCII UTF-8)"),
        (Code::Capability(vec!["IMAP4rev1".into(), "IDLE".into()]), "CAPABILITY IMAP4rev1 IDLE"),
        (Code::Modified(set(&[7, 9])), "MODIFIED 7,9"),
        (
            Code::PermanentFlags { flags: flags.clone(), new_keywords: true },
            "PERMANENTFLAGS (\\Seen \\Draft $Junk \\*)",
        ),
        (Code::PermanentFlags { flags: Flags::default(), new_keywords: false }, "PERMANENTFLAGS ()"),
        (Code::UidNext(4), "UIDNEXT 4"),
        (Code::UidValidity(4), "UIDVALIDITY 4"),
        (Code::Unseen(4), "UNSEEN 4"),
        (Code::ReadOnly, "READ-ONLY"),
        (Code::UnknownCte, "UNKNOWN-CTE"),
    ] {
        assert_eq!(written(|out| code.write(out)), expected);
    }
}

#[test]
fn mailbox_data() {
    use Dialect::{Rev1, Rev2};
    let name = |text: &str| MailboxName::new(text).unwrap();
    assert_eq!(written(|out| exists(3, out)), "* 3 EXISTS\r\n");
    assert_eq!(written(|out| recent(3, Rev1, out)), "* 3 RECENT\r\n");
    assert_eq!(written(|out| recent(3, Rev2, out)), "");
    assert_eq!(written(|out| expunge(3, out)), "* 3 EXPUNGE\r\n");
    let all = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $x)\r\n";
    assert_eq!(written(|out| flags(&[Keyword::new("$x").unwrap()], out)), all);
    let values = [(StatusItem::Messages, 3), (StatusItem::HighestModSeq, u64::MAX)];
    let expected = "* STATUS INBOX (MESSAGES 3 HIGHESTMODSEQ 18446744073709551615)\r\n";
    assert_eq!(written(|out| status(&name("inbox"), &values, Rev1, out)), expected);
    for (item, word) in StatusItem::NAMES {
        let expected = format!("* STATUS a ({word} 1)\r\n");
        assert_eq!(written(|out| status(&name("a"), &[(item, 1)], Rev1, out)), expected);
    }
    let (mailbox, old) = (name("Entwürfe"), name("Alt \"x\" ü"));
    let line = |child_info, old_name| ListLine {
        attributes: &[Attribute::HasChildren, Attribute::Drafts],
        mailbox: &mailbox,
        child_info,
        old_name,
    };
    for (line, dialect, expected) in [
        (line(false, None), Rev1, "* LIST (\\HasChildren \\Drafts) \"/\" Entw&APw-rfe\r\n"),
        (line(false, None), Rev2, "* LIST (\\HasChildren \\Drafts) \"/\" \"Entwürfe\"\r\n"),
        (
            line(true, Some(&old)),
            Rev2,
            "* LIST (\\HasChildren \\Drafts) \"/\" \"Entwürfe\" (CHILDINFO (\"SUBSCRIBED\") OLDNAME (\"Alt \\\"x\\\" ü\"))\r\n",
        ),
        (
            line(true, Some(&old)),
            Rev1,
            "* LIST (\\HasChildren \\Drafts) \"/\" Entw&APw-rfe (CHILDINFO (\"SUBSCRIBED\"))\r\n",
        ),
    ] {
        assert_eq!(written(|out| list(&line, dialect, out)), expected);
    }
    assert_eq!(written(|out| lsub(&[], &name("a b"), Rev1, out)), "* LSUB () \"/\" \"a b\"\r\n");
    assert_eq!(written(|out| id(&[("name", "x")], out)), "* ID (\"name\" \"x\")\r\n");
    assert_eq!(written(|out| id(&[], out)), "* ID NIL\r\n");
    assert_eq!(written(|out| enabled(&[], out)), "* ENABLED\r\n");
}

#[test]
fn strings_take_the_safest_form() {
    for (bytes, expected) in [
        (&b"a b"[..], "\"a b\""),
        (b"a\"b\\", "\"a\\\"b\\\\\""),
        (b"", "\"\""),
        (b"a\r\nb", "{4}\r\na\r\nb"),
        ("é".as_bytes(), "{2}\r\né"),
    ] {
        assert_eq!(written(|out| string(bytes, out)), expected);
    }
    for (bytes, expected) in [
        (&b"a"[..], "a"),
        (b"nil", "\"nil\""),
        (b"", "\"\""),
        (b"a b", "\"a b\""),
        (b"a]", "a]"),
        (b"%", "\"%\""),
    ] {
        assert_eq!(written(|out| astring(bytes, out)), expected);
    }
    assert_eq!(written(|out| nstring(None, out)), "NIL");
    let long = "x".repeat(QUOTED_LEN_MAX_BYTES + 1);
    assert!(written(|out| string(long.as_bytes(), out)).starts_with("{201}\r\n"));
}

#[test]
fn searches_are_answered_in_the_form_they_ask_for() {
    use Dialect::{Rev1, Rev2};
    let found = set(&[2, 3, 4, 9]);
    let none = NumberSet::new();
    let all = SearchReturn { all: true, ..SearchReturn::default() };
    let most = SearchReturn { min: true, max: true, count: true, ..SearchReturn::default() };
    let save = SearchReturn { save: true, ..SearchReturn::default() };
    let (uid, sequence) = (Numbering::Uid, Numbering::Sequence);
    for (returns, numbering, found, modseq, dialect, expected) in [
        (None, sequence, &found, None, Rev1, "* SEARCH 2 3 4 9\r\n"),
        (None, sequence, &none, Some(5), Rev1, "* SEARCH\r\n"),
        (None, uid, &found, Some(5), Rev1, "* SEARCH 2 3 4 9 (MODSEQ 5)\r\n"),
        (None, uid, &found, None, Rev2, "* ESEARCH (TAG \"a1\") UID ALL 2:4,9\r\n"),
        (Some(all), sequence, &none, Some(5), Rev1, "* ESEARCH (TAG \"a1\")\r\n"),
        (
            Some(most),
            uid,
            &found,
            Some(5),
            Rev1,
            "* ESEARCH (TAG \"a1\") UID MIN 2 MAX 9 COUNT 4 MODSEQ 5\r\n",
        ),
        (Some(most), sequence, &none, None, Rev2, "* ESEARCH (TAG \"a1\") COUNT 0\r\n"),
        (Some(save), sequence, &found, None, Rev2, ""),
    ] {
        let command = Search { numbering, returns, key: SearchKey::All, unknown_charset: false };
        let answer = SearchAnswer { found, modseq };
        let line = written(|out| search(&command, &tag("a1"), answer, dialect, out));
        assert_eq!(line, expected);
    }
}

fn body_fetch(part: &[u32], text: SectionText, offset: Option<u64>) -> BodyFetch {
    let section = Section { part: part.to_vec(), text };
    BodyFetch { section, peek: true, partial: offset.map(|offset| Partial { offset, len_max: 9 }) }
}

#[test]
fn fetch_items() {
    let fields = SectionText::HeaderFields { names: vec!["From".into(), "X-A".into()], not: true };
    let line = written(|out| {
        let mut writer = FetchWriter::new(12, out);
        writer
            .flags(SystemFlags::SEEN, ["$Junk"], true)
            .uid(7)
            .modseq(65)
            .size(4096)
            .internal_date(0)
            .envelope(b"(NIL)")
            .body_structure(b"(\"text\")")
            .body(b"(x)")
            .section(&body_fetch(&[1, 2], SectionText::Mime, Some(0)), Some(b"hi"))
            .section(&body_fetch(&[], fields, None), Some(b""))
            .section(&body_fetch(&[9], SectionText::Full, None), None)
            .rfc822(Rfc822::Header, Some(b"A: b\r\n\r\n"))
            .binary_size(&[3], 10);
        writer.finish();
    });
    assert_eq!(
        line,
        "* 12 FETCH (FLAGS (\\Seen $Junk \\Recent) UID 7 MODSEQ (65) RFC822.SIZE 4096 \
         INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\" ENVELOPE (NIL) BODYSTRUCTURE (\"text\") BODY (x) \
         BODY[1.2.MIME]<0> \"hi\" BODY[HEADER.FIELDS.NOT (From X-A)] \"\" BODY[9] NIL \
         RFC822.HEADER {8}\r\nA: b\r\n\r\n BINARY.SIZE[3] 10)\r\n"
    );
}

#[test]
fn binary_content_and_empty_responses() {
    let fetch = |offset: Option<u64>| crate::command::BinaryFetch {
        part: vec![2],
        peek: false,
        partial: offset.map(|offset| Partial { offset, len_max: 5 }),
    };
    let line = written(|out| {
        let mut writer = FetchWriter::new(1, out);
        writer
            .binary(&fetch(Some(3)), Some(b"a\0b"))
            .binary(&fetch(None), Some(b""))
            .binary(&fetch(None), None);
        writer.finish();
    });
    assert_eq!(line, "* 1 FETCH (BINARY[2]<3> ~{3}\r\na\0b BINARY[2] \"\" BINARY[2] NIL)\r\n");
    assert_eq!(written(|out| FetchWriter::new(1, out).finish()), "");
    let mut out = Vec::new();
    let mut writer = FetchWriter::new(1, &mut out);
    writer.section(&body_fetch(&[], SectionText::Full, None), Some(b"a\0b"));
    writer.finish();
    assert_eq!(out, b"* 1 FETCH (BODY[] {3}\r\na\x80b)\r\n", "RFC 9051 §4.3: no NUL outside of literal8");
    let line = written(|out| {
        let mut writer = FetchWriter::new(1, out);
        writer.section_start(&body_fetch(&[], SectionText::Text, Some(5)), 2).append(b"ok");
        writer.section_start(&body_fetch(&[], SectionText::Text, None), 0);
        writer.finish();
    });
    assert_eq!(line, "* 1 FETCH (BODY[TEXT]<5> {2}\r\nok BODY[TEXT] \"\")\r\n");
}

proptest! {
    #[test]
    fn numbers_are_decimal(value in any::<u64>()) {
        prop_assert_eq!(written(|out| number64(value, out)), value.to_string());
    }

    #[test]
    fn strings_survive_reading(bytes in proptest::collection::vec(1u8.., 0..300)) {
        let mut out = Vec::new();
        string(&bytes, &mut out);
        let mut cursor = Cursor::new(out, Dialect::Rev1);
        prop_assert_eq!(cursor.string().unwrap(), bytes);
        prop_assert!(cursor.end().is_ok());
    }

    #[test]
    fn mailbox_names_survive_both_dialects(text in "[a-zé&\"\\\\ ]{1,20}(/[a-z日📨~]{1,9}){0,3}") {
        let Ok(name) = MailboxName::new(&text) else { return Ok(()) };
        for dialect in [Dialect::Rev1, Dialect::Rev2] {
            let mut out = Vec::new();
            mailbox(&name, dialect, &mut out);
            prop_assert_eq!(Cursor::new(out, dialect).mailbox().unwrap(), name.clone());
        }
    }
}
