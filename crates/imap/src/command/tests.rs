use super::*;
use crate::cursor::Dialect;
use crate::flag::{Flags, Keyword, SystemFlags};
use crate::limits;
use crate::mailbox::MailboxName;
use crate::search::{SearchKey, TextKey};
use crate::set::{Bound, NumberSet, SequenceSet};
use proptest::prelude::*;

/// Reads a command without its tag.
fn parse_as(bytes: &[u8], dialect: Dialect) -> Parsed<Request> {
    let mut cursor = Cursor::new(bytes.to_vec(), dialect);
    let (row, numbering) = find(&mut cursor)?;
    (row.parse)(&mut cursor, numbering)
}

fn parse(text: &str) -> Parsed<Request> {
    parse_as(text.as_bytes(), Dialect::Rev1)
}

fn command(text: &str) -> Command {
    match parse(text) {
        Ok(Request::Run(command)) => command,
        other => panic!("{text}: {other:?}"),
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn one(number: u32) -> SequenceSet {
    SequenceSet::Ranges(vec![(Bound::Number(number), Bound::Number(number))])
}

const GOOD: &[&str] = &[
    "CAPABILITY",
    "capability",
    "NOOP ",
    "ID NIL",
    "ID ()",
    "ID (\"name\" \"x\" \"version\" NIL)",
    "ID (\"name\" {1}\r\nx)",
    "AUTHENTICATE PLAIN",
    "AUTHENTICATE PLAIN =",
    "AUTHENTICATE plain AGEAYg==",
    "LOGIN alice secret",
    "LOGIN \"alice\" \"se\\\"cr\\\\et\"",
    "LOGIN {5}\r\nalice {6}\r\nsecret",
    "LOGIN {5+}\r\nalice {0+}\r\n",
    "ENABLE CONDSTORE X-FOO imap4rev2",
    "SELECT inbox",
    "SELECT \"a b\" (CONDSTORE)",
    "EXAMINE {5}\r\nINBOX",
    "CREATE a/b/",
    "DELETE ]",
    "RENAME INBOX \"old mail\"",
    "LIST \"\" *",
    "LIST \"\" \"\"",
    "LIST ~/ %",
    "LIST () \"\" (a \"b c\" %)",
    "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" * RETURN (CHILDREN STATUS (MESSAGES UNSEEN) SPECIAL-USE)",
    "LIST (REMOTE) \"\" * RETURN ()",
    "LSUB \"\" \"*\"",
    "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT DELETED SIZE HIGHESTMODSEQ)",
    "STATUS INBOX (MESSAGES )",
    "APPEND INBOX {3}\r\nabc",
    "APPEND INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {3+}\r\na\r\n",
    "APPEND INBOX () \" 1-Jan-2020 00:00:00 +0000\" ~{3}\r\na\0b",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
    "FETCH 1 ALL",
    "FETCH 1:2,7 fast",
    "FETCH $ FULL",
    "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE UID MODSEQ BODY BODYSTRUCTURE)",
    "FETCH 1 BODY[]",
    "FETCH 1 BODY[1.2]",
    "FETCH 1 BODY.PEEK[1.2.MIME]<0.393216>",
    "FETCH 1 BODY[HEADER.FIELDS (From \"To\" {2}\r\nCc)]",
    "FETCH 1 body.peek[3.header.fields.not (x)]",
    "FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
    "FETCH 1 (BINARY[] BINARY.PEEK[1]<5.6> BINARY.SIZE[2.1])",
    "FETCH 1:* (FLAGS) (CHANGEDSINCE 0)",
    "UID FETCH 1:* FLAGS (CHANGEDSINCE 18446744073709551615)",
    "STORE 1 FLAGS ()",
    "STORE 1 +FLAGS \\Deleted",
    "STORE 1 -flags.silent (\\Seen a b)",
    "STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT \\Seen",
    "UID COPY 1:5 \"a\"",
    "MOVE 1 a",
    "SEARCH ALL",
    "SEARCH RETURN () ALL",
    "SEARCH RETURN (SAVE MIN MAX ALL COUNT) CHARSET utf-8 1:*",
    "SEARCH CHARSET us-ascii $ SEEN",
    "SEARCH OR NOT SEEN (FLAGGED DELETED) 1,2 UID 5:*",
    "SEARCH ANSWERED DELETED DRAFT FLAGGED NEW OLD RECENT SEEN UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN",
    "SEARCH KEYWORD $Junk UNKEYWORD x LARGER 1 SMALLER 4294967296",
    "SEARCH BCC a CC b FROM c SUBJECT d TO e BODY f TEXT g HEADER x-y \"\"",
    "SEARCH BEFORE 1-Jan-2020 ON \"2-Jan-2020\" SINCE 3-Jan-2020 SENTBEFORE 1-Jan-2020 SENTON 1-Jan-2020 SENTSINCE 1-Jan-2020",
    "SEARCH TEXT {5}\r\nbüro",
    "SEARCH MODSEQ 620162338 MODSEQ \"/flags/\\\\draft\" all 5",
    "SEARCH ((ALL) )",
    "CLOSE",
    "UNSELECT",
    "CHECK",
    "IDLE",
    "NAMESPACE",
    "STARTTLS",
    "LOGOUT",
];

#[test]
fn good_commands() {
    for text in GOOD {
        assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
    }
}

const BAD: &[&str] = &[
    "",
    " NOOP",
    "NOOP x",
    "NOOP  ",
    "XYZZY",
    "UID",
    "UID NOOP",
    "UID SELECT a",
    "ID",
    "ID (\"a\")",
    "ID (a \"b\")",
    "ID (\"a\" \"b\"",
    "LOGIN alice",
    "LOGIN alice  secret",
    "LOGIN alice secret x",
    "LOGIN \"alice secret",
    "LOGIN \"al\\ice\" b",
    "LOGIN {6}\r\nalice b",
    "LOGIN {2}\r\na\0 b",
    "LOGIN (a) b",
    "AUTHENTICATE",
    "AUTHENTICATE PLAIN a b",
    "ENABLE",
    "SELECT",
    "SELECT INBOX (QRESYNC (1 2))",
    "SELECT INBOX ()",
    "CREATE a (USE (\\Sent))",
    "RENAME a",
    "LIST \"\"",
    "LIST (FOO) \"\" *",
    "LIST (RECURSIVEMATCH) \"\" *",
    "LIST (RECURSIVEMATCH REMOTE) \"\" *",
    "LIST \"\" ()",
    "LIST \"\" * RETURN",
    "LIST \"\" * RETURN (FOO)",
    "LIST \"\" * RETURN (STATUS)",
    "STATUS INBOX",
    "STATUS INBOX ()",
    "STATUS INBOX (FOO)",
    "STATUS INBOX MESSAGES",
    "APPEND INBOX",
    "APPEND INBOX \"abc\"",
    "APPEND INBOX {3}\r\na\0b",
    "APPEND INBOX {3}\r\nabc {3}\r\nabc",
    "APPEND INBOX \"32-Jan-2020 00:00:00 +0000\" {1}\r\na",
    "APPEND INBOX (\\Foo) {1}\r\na",
    "EXPUNGE 1",
    "UID EXPUNGE",
    "FETCH",
    "FETCH 1",
    "FETCH 0 FLAGS",
    "FETCH 1 ()",
    "FETCH 1 FOO",
    "FETCH 1 (FLAGS",
    "FETCH 1 FLAGS UID",
    "FETCH 1 (ALL)",
    "FETCH 1 BODY[",
    "FETCH 1 BODY[MIME]",
    "FETCH 1 BODY[1.]",
    "FETCH 1 BODY[0]",
    "FETCH 1 BODY[1.0]",
    "FETCH 1 BODY[FOO]",
    "FETCH 1 BODY[HEADER.FIELDS]",
    "FETCH 1 BODY[HEADER.FIELDS ()]",
    "FETCH 1 BODY[HEADER.FIELDS (\"a:b\")]",
    "FETCH 1 BODY[HEADER.FIELDS (\"a b\")]",
    "FETCH 1 BODY[]<0>",
    "FETCH 1 BODY[]<0.0>",
    "FETCH 1 BODY[]<0.1",
    "FETCH 1 BINARY[TEXT]",
    "FETCH 1 BINARY[1.]",
    "FETCH 1 BODYSTRUCTURE[]",
    "FETCH 1 FLAGS (CHANGEDSINCE)",
    "FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)",
    "STORE 1 FLAGS",
    "STORE 1 FOO ()",
    "STORE 1 +FLAGS.LOUD ()",
    "STORE 1 (UNCHANGEDSINCE x) FLAGS ()",
    "COPY 1",
    "MOVE a 1",
    "SEARCH",
    "SEARCH ",
    "SEARCH FOO",
    "SEARCH NOT",
    "SEARCH OR SEEN",
    "SEARCH (SEEN",
    "SEARCH SEEN)",
    "SEARCH ()",
    "SEARCH KEYWORD \\Seen",
    "SEARCH BEFORE yesterday",
    "SEARCH LARGER x",
    "SEARCH SUBJECT",
    "SEARCH HEADER a",
    "SEARCH MODSEQ",
    "SEARCH MODSEQ \"x\" all 5",
    "SEARCH MODSEQ \"/flags/x\" some 5",
    "SEARCH RETURN (FOO) ALL",
    "SEARCH RETURN ALL",
    "SEARCH CHARSET",
];

#[test]
fn bad_commands() {
    for text in BAD {
        let fault = parse(text).expect_err(text);
        assert!(matches!(fault, Fault::Syntax { .. } | Fault::UnknownCommand), "{text}: {fault:?}");
    }
    assert_eq!(parse("SEARCH CHARSET KOI8-R ALL"), Err(Fault::BadCharset));
    assert_eq!(parse("SELECT a//b"), Ok(Request::SelectNothing(NameError::Empty)));
    assert_eq!(parse("STATUS a//b (SIZE)"), Err(Fault::Name(NameError::Empty)));
    assert_eq!(parse("CREATE /"), Err(Fault::Name(NameError::Empty)));
    assert!(parse_as(b"SEARCH TEXT {2}\r\n\xff\xfe", Dialect::Rev1).is_err(), "no UTF-8");
}

#[test]
fn commands_mean_what_they_say() {
    let copy = Copy { numbering: Numbering::Uid, messages: one(5), mailbox: name("INBOX") };
    assert_eq!(command("UID MOVE 5 inBox"), Command::Move(copy.clone()));
    assert_eq!(command("uid copy 5 INBOX"), Command::Copy(copy));
    let create = Create { mailbox: name("a/b") };
    assert_eq!(command("CREATE a/b/"), Command::Create(create));
    let store = Store {
        numbering: Numbering::Sequence,
        messages: SequenceSet::Saved,
        unchanged_since: Some(5),
        action: StoreAction::Remove,
        silent: true,
        flags: Flags { system: SystemFlags::SEEN, keywords: vec![Keyword::new("x").unwrap()] },
    };
    assert_eq!(command("STORE $ (UNCHANGEDSINCE 5) -FLAGS.SILENT (\\seen X)"), Command::Store(store));
    let Command::Append(append) = command("APPEND a (\\Draft) {5}\r\na\r\nb\n") else { panic!() };
    assert_eq!((append.message.as_slice(), append.binary), (&b"a\r\nb\n"[..], false));
    let Command::List(list) = command("LIST (SUBSCRIBED) \"\" \"\"") else { panic!() };
    assert!(list.asks_separator && list.returns.subscribed);
    let Command::Search(search) = command("SEARCH FROM \"a\" UNSEEN") else { panic!() };
    let from = SearchKey::Text(TextKey::Address { name: "FROM".into(), value: "a".into() });
    let unseen = SearchKey::Not(Box::new(SearchKey::Flag(SystemFlags::SEEN)));
    assert_eq!(search.key, SearchKey::And(vec![from, unseen]));
    assert_eq!(search.returns, None);
    let Command::Search(search) = command("SEARCH RETURN () ALL") else { panic!() };
    assert!(search.returns.is_some_and(|returns| returns.all));
    assert_eq!(command("UID EXPUNGE 5"), Command::Expunge(Expunge { uids: Some(one(5)) }));
    let select = Select { mailbox: name("Entwürfe"), read_only: false, condstore: false };
    let rev2 = parse_as("SELECT Entwürfe".as_bytes(), Dialect::Rev2);
    assert_eq!(rev2, Ok(Request::Run(Command::Select(select))));
    assert!(matches!(parse("SELECT Entwürfe"), Ok(Request::SelectNothing(NameError::Encoding))));
}

#[test]
fn fetch_items_are_told_once_and_completed() {
    use FetchItem::{Flags, InternalDate, ModSeq, Size, Uid};
    let items = |text: &str| match command(text) {
        Command::Fetch(fetch) => fetch.items,
        other => panic!("{other:?}"),
    };
    assert_eq!(items("FETCH 1 (UID FLAGS UID)"), [Uid, Flags]);
    assert_eq!(items("UID FETCH 1 FAST"), [Flags, InternalDate, Size, Uid]);
    assert_eq!(items("FETCH 1 FLAGS (CHANGEDSINCE 0)"), [Flags, ModSeq]);
    let seen = |text: &str| items(text).iter().any(FetchItem::sets_seen);
    for (text, expected) in [
        ("FETCH 1 BODY[]", true),
        ("FETCH 1 BODY.PEEK[]", false),
        ("FETCH 1 (BODY BODYSTRUCTURE)", false),
        ("FETCH 1 RFC822", true),
        ("FETCH 1 RFC822.TEXT", true),
        ("FETCH 1 RFC822.HEADER", false),
        ("FETCH 1 BINARY[1]", true),
        ("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])", false),
    ] {
        assert_eq!(seen(text), expected, "{text}");
    }
}

#[test]
fn a_saved_result_is_what_the_answer_is_about() {
    let found: NumberSet = [2, 5, 9].into_iter().collect();
    for (options, expected) in [
        ("SAVE", "2,5,9"),
        ("SAVE MIN", "2"),
        ("SAVE MAX", "9"),
        ("MIN MAX SAVE", "2,9"),
        ("SAVE MIN COUNT", "2,5,9"),
        ("SAVE MAX ALL", "2,5,9"),
    ] {
        let Command::Search(search) = command(&format!("SEARCH RETURN ({options}) ALL")) else { panic!() };
        let mut out = Vec::new();
        search.returns.unwrap().covered(&found).write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{options}");
        assert!(search.returns.unwrap().covered(&NumberSet::new()).is_empty());
    }
}

#[test]
fn condstore_is_enabled_by_use() {
    for (text, expected) in [
        ("SELECT a (CONDSTORE)", true),
        ("SELECT a", false),
        ("STATUS a (HIGHESTMODSEQ)", true),
        ("LIST \"\" * RETURN (STATUS (HIGHESTMODSEQ))", true),
        ("FETCH 1 MODSEQ", true),
        ("FETCH 1 FLAGS (CHANGEDSINCE 1)", true),
        ("FETCH 1 FLAGS", false),
        ("STORE 1 (UNCHANGEDSINCE 1) FLAGS ()", true),
        ("SEARCH OR SEEN NOT (MODSEQ 5)", true),
        ("SEARCH SEEN", false),
        ("NOOP", false),
    ] {
        assert_eq!(command(text).enables_condstore(), expected, "{text}");
    }
}

#[test]
fn limits_hold() {
    let nested = |depth| format!("SEARCH {}ALL{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(limits::SEARCH_DEPTH_MAX)).is_ok());
    let deep = Err(Fault::TooDeep { depth_max: limits::SEARCH_DEPTH_MAX });
    for text in [nested(limits::SEARCH_DEPTH_MAX + 1), nested(100_000)] {
        assert_eq!(parse(&text), deep);
    }
    assert_eq!(parse(&format!("SEARCH {}ALL", "NOT ".repeat(1000))), deep);
    assert_eq!(parse(&format!("SEARCH {}ALL", "OR ALL ".repeat(900))), deep);
    let part = |depth| format!("FETCH 1 BODY[1{}]", ".1".repeat(depth - 1));
    assert!(parse(&part(limits::PART_DEPTH_MAX)).is_ok());
    assert!(matches!(parse(&part(limits::PART_DEPTH_MAX + 1)), Err(Fault::TooDeep { .. })));
    let many = |start: &str, item: &str, count: usize, end: &str| {
        format!("{start}{}{end}", vec![item; count].join(" "))
    };
    for (start, item, count, end) in [
        ("SEARCH ", "ALL", limits::SEARCH_KEYS_MAX, ""),
        ("FETCH 1 (", "UID", limits::FETCH_ITEMS_MAX, ")"),
        ("FETCH 1 BODY[HEADER.FIELDS (", "a", limits::HEADER_FIELDS_MAX, ")]"),
        ("LIST \"\" (", "a", limits::LIST_PATTERNS_MAX, ")"),
        ("STATUS a (", "SIZE", limits::OPTIONS_MAX, ")"),
        ("ENABLE ", "X", limits::OPTIONS_MAX, ""),
        ("STORE 1 FLAGS (", "a", limits::FLAGS_MAX, ")"),
        ("ID (", "\"a\" \"b\"", limits::ID_PAIRS_MAX, ")"),
    ] {
        let fits = many(start, item, count, end);
        assert!(parse(&fits).is_ok(), "{fits}");
        let fault = parse(&many(start, item, count + 1, end));
        assert!(matches!(fault, Err(Fault::TooMany { .. })), "{start}: {fault:?}");
    }
    let id = |field: usize, value: usize| format!("ID (\"{}\" \"{}\")", "f".repeat(field), "v".repeat(value));
    assert!(parse(&id(limits::ID_FIELD_LEN_MAX_BYTES, limits::ID_VALUE_LEN_MAX_BYTES)).is_ok());
    assert!(parse(&id(limits::ID_FIELD_LEN_MAX_BYTES + 1, 1)).is_err());
    assert!(parse(&id(1, limits::ID_VALUE_LEN_MAX_BYTES + 1)).is_err());
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let login = parse("LOGIN alice hunter2").unwrap();
    assert!(!format!("{login:?}").contains("hunter2"));
    let authenticate = parse("AUTHENTICATE PLAIN AGEAaHVudGVyMg==").unwrap();
    assert!(!format!("{authenticate:?}").contains("AGEA"));
    let append = parse("APPEND a {7}\r\nprivate").unwrap();
    assert!(!format!("{append:?}").contains("private"));
}

#[test]
fn every_row_is_found_by_its_name_in_capitals() {
    for row in COMMANDS {
        assert_eq!(row.name, row.name.to_ascii_uppercase());
        let mut cursor = Cursor::new(row.name.to_ascii_lowercase().into(), Dialect::Rev1);
        assert_eq!(find(&mut cursor).map(|(found, _)| found.name), Ok(row.name));
    }
}

#[test]
fn a_partial_is_a_window() {
    let cut = |offset, len_max| Partial { offset, len_max }.of(b"hello");
    assert_eq!(cut(0, 2), b"he");
    assert_eq!(cut(3, 100), b"lo");
    assert_eq!(cut(5, 1), b"");
    assert_eq!(cut(u64::MAX, u64::MAX), b"");
}

fn sections() -> impl Strategy<Value = Section> {
    let names = || proptest::collection::vec("[!-9;-~]{1,8}", 1..4);
    let text = prop_oneof![
        Just(SectionText::Full),
        Just(SectionText::Header),
        Just(SectionText::Text),
        Just(SectionText::Mime),
        (names(), any::<bool>()).prop_map(|(names, not)| SectionText::HeaderFields { names, not }),
    ];
    (proptest::collection::vec(1u32..100, 0..4), text)
        .prop_filter("MIME needs a part", |(part, text)| *text != SectionText::Mime || !part.is_empty())
        .prop_map(|(part, text)| Section { part, text })
}

/// Words that lead deep into the parsers when put together at random.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        proptest::sample::select(COMMANDS.iter().map(|row| row.name.as_bytes().to_vec()).collect::<Vec<_>>()),
        proptest::sample::select(vec![
            "UID",
            "1:*",
            "$",
            "(",
            ")",
            "\"",
            "\"a\"",
            "{3}\r\nabc",
            "~{1}\r\n\0",
            "BODY[",
            "]",
            "<0.1>",
            "HEADER.FIELDS",
            "RETURN",
            "(ALL)",
            "NOT",
            "OR",
            "CHARSET",
            "UTF-8",
            "FLAGS",
            "+FLAGS",
            "\\Seen",
            "INBOX",
            "1-Jan-2020",
            "MODSEQ",
            "STATUS",
            "(CHANGEDSINCE 1)",
            "KEYWORD",
            "NIL",
            "{9",
            "}",
            "\\",
            "*",
            "%",
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec((word, prop_oneof![4 => Just(&b" "[..]), 1 => Just(&b""[..])]), 0..10)
        .prop_map(|words| words.into_iter().flat_map(|(word, gap)| [word, gap.to_vec()].concat()).collect())
}

proptest! {
    #[test]
    fn sections_survive_printing(section in sections()) {
        let mut text = b"FETCH 1 BODY[".to_vec();
        section.write(&mut text);
        text.push(b']');
        let Ok(Request::Run(Command::Fetch(fetch))) = parse_as(&text, Dialect::Rev1) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&text).into_owned()));
        };
        let expected = FetchItem::Section(BodyFetch { section, peek: false, partial: None });
        prop_assert_eq!(fetch.items, vec![expected]);
    }

    #[test]
    fn no_bytes_upset_a_parser(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse_as(&bytes, Dialect::Rev1);
        let _ = parse_as(&bytes, Dialect::Rev2);
    }

    #[test]
    fn no_mixture_of_words_upsets_a_parser(bytes in fragments()) {
        let _ = parse_as(&bytes, Dialect::Rev1);
        let _ = parse_as(&bytes, Dialect::Rev2);
    }

    #[test]
    fn arguments_survive_every_form_of_string(user in "[^\0\r\n]{0,300}", password in "[ -~é]{0,20}") {
        let mut text = b"LOGIN ".to_vec();
        crate::response::string(user.as_bytes(), &mut text);
        text.push(b' ');
        crate::response::astring(password.as_bytes(), &mut text);
        let login = Login { user, password };
        prop_assert_eq!(parse_as(&text, Dialect::Rev1), Ok(Request::Login(login)));
    }
}
