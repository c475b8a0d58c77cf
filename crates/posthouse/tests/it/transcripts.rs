//! The protocol crates' scripted dialogues, over sockets against the real server.
//!
//! Those are replayed whose made-up world can be built here: the same host name, domain and users.
//! What needs a moved clock, other limits or a world that fails stays with the crates' own tests.

use crate::accounts::base64;
use crate::server::{Server, setup};
use crate::talk::Talk;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transcript::{Cut, Peer, Script, Step, replay};

/// Against ports 25, 587, 465 and 24, with alice's password of the scripts.
const SMTP: &[&str] = &[
    "auth-failures",
    "auth-line-length",
    "auth-login",
    "auth-needs-tls",
    "auth-plain",
    "auth-plain-challenge",
    "auth-plaintext-allowed",
    "auth-within-transaction",
    "bdat-accepted",
    "bdat-bad-size",
    "bdat-bad-words",
    "bdat-hello-world",
    "bdat-huge",
    "bdat-mixed-with-data",
    "bdat-text-rules",
    "data-accepted",
    "data-arguments",
    "data-end-by-the-byte",
    "data-loop",
    "data-malformed-header",
    "data-pipelined",
    "data-smuggling-cr",
    "data-smuggling-crlf-dot-lf",
    "data-smuggling-lf-dot-crlf",
    "data-smuggling-lf-dot-lf",
    "data-smuggling-nul",
    "data-smuggling-submission",
    "ehlo-offers",
    "ehlo-on-lmtp",
    "ehlo-without-name",
    "etrn-refused",
    "expn-refused",
    "helo-no-parameters",
    "help-lists-commands",
    "lhlo-offers",
    "lhlo-on-smtp",
    "mail-auth-parameter",
    "mail-forms",
    "mail-lengths",
    "mail-null-sender",
    "mail-order",
    "mail-parameters",
    "mail-size",
    "mail-smtputf8",
    "noop-anything",
    "noop-bare-cr-and-nul",
    "noop-bare-lf",
    "noop-bare-lf-submission",
    "noop-line-length",
    "noop-line-length-submission",
    "noop-too-many-errors",
    "noop-unknown-verbs",
    "quit-arguments",
    "rcpt-lengths",
    "rcpt-old-routing",
    "rcpt-parameters",
    "rcpt-postmaster",
    "rcpt-relay",
    "rcpt-source-route",
    "rset-drops-the-transaction",
    "starttls-forgets",
    "starttls-lmtp",
    "vrfy-tells-nothing",
];

/// Against ports 110 and 995, with three messages for each script.
const POP3: &[&str] = &[
    "auth-cancel",
    "auth-list",
    "auth-list-clear",
    "auth-login",
    "auth-long",
    "auth-plain",
    "auth-plain-initial",
    "command-long",
    "command-unknown",
    "dele-basic",
    "greeting-clear",
    "lang-basic",
    "noop-basic",
    "pass-order",
    "quit-arguments",
    "retr-basic",
    "stls-basic",
    "stls-forgets",
    "stls-injection",
    "top-basic",
    "user-plaintext-refused",
    "user-syntax",
    "utf8-basic",
    "utf8-stls",
];

/// Against port 143, with three messages for each script; what a mailbox says of itself is not compared.
const IMAP: &[&str] = &[
    "authenticate-login",
    "authenticate-plain",
    "close-states",
    "copy-uids",
    "delete-names",
    "expunge-forms",
    "id-states",
    "login-literal-limits",
    "login-quoted",
    "logout-before-login",
    "logout-states",
    "move-uids",
    "noop-bad-tags",
    "noop-broken-line",
    "noop-long-line",
    "search-return",
    "select-again",
    "select-no-name",
    "unselect-states",
];

/// A reply that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(3);

/// A client of the real server.
struct SocketPeer {
    talk: Option<Talk>,
    certificate: PathBuf,
}

impl SocketPeer {
    fn new(mut talk: Talk, server: &Server) -> SocketPeer {
        talk.patience(PATIENCE);
        SocketPeer { talk: Some(talk), certificate: server.certificate() }
    }

    fn talk(&mut self) -> &mut Talk {
        self.talk.as_mut().unwrap()
    }
}

impl Peer for SocketPeer {
    fn send(&mut self, bytes: &[u8]) {
        self.talk().send(bytes);
    }

    fn receive_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let line = self.talk().next_line()?;
            if !is_of_the_mailbox(&line) {
                return Some(line.into_bytes());
            }
        }
    }

    fn is_closed(&mut self) -> bool {
        self.talk().is_closed()
    }

    fn advance(&mut self, time: Duration) {
        panic!("the real clock cannot be moved by {time:?}");
    }

    fn start_tls(&mut self) {
        let talk = self.talk.take().unwrap();
        self.talk = Some(talk.start_tls(&self.certificate));
    }

    /// What scripts say of the made-up world is checked there.
    fn event(&mut self, _event: &str) {}
}

/// A script of a crate, with these texts replaced in what is sent.
fn script(krate: &str, name: &str, replaced: &[(&str, String)]) -> Script {
    let path = format!("../{krate}/transcripts/{name}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut script = Script::parse(&format!("{krate}/{name}"), &text);
    script.steps.retain(
        |(_, step)| !matches!(step, Step::Expect(line) if krate == "imap" && is_of_the_mailbox(line)),
    );
    for (_, step) in &mut script.steps {
        match step {
            Step::Send(bytes) => {
                if let Ok(text) = std::str::from_utf8(bytes) {
                    let text =
                        replaced.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to));
                    *bytes = text.into_bytes();
                }
            }
            // The made-up towns number their messages.
            Step::Expect(pattern) => {
                *pattern =
                    pattern.replace(" m1 accepted", " … accepted").replace(" m2 accepted", " … accepted");
                if krate == "imap" {
                    *pattern = loosened(pattern);
                }
            }
            _ => {}
        }
    }
    script
}

/// Lines in which a made-up mailbox and a real one differ: they are not compared.
fn is_of_the_mailbox(line: &str) -> bool {
    let codes = ["PERMANENTFLAGS", "UNSEEN", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];
    line.starts_with("* FLAGS ")
        || line.starts_with("* ") && line.ends_with(" RECENT")
        || codes.iter().any(|code| line.starts_with(&format!("* OK [{code} ")))
}

/// The pattern without the words that a store chooses: texts for people, UIDVALIDITY.
fn loosened(pattern: &str) -> String {
    let mut words = pattern.splitn(3, ' ');
    let [tag, kind, rest] = [(); 3].map(|()| words.next().unwrap_or_default());
    match (kind, rest.strip_prefix('[')) {
        ("OK" | "NO" | "BAD", Some(code)) => {
            let code = code.split([' ', ']']).next().unwrap_or_default();
            format!("{tag} {kind} [{code}…")
        }
        ("OK" | "NO" | "BAD", None) => format!("{tag} {kind} …"),
        _ => pattern.to_string(),
    }
}

/// A server whose limits are those of the scripts, with an account for each of them.
fn house(plaintext: bool, krate: &str, names: &[&str]) -> Server {
    let setup = setup().limit("message_size_max_bytes = 100_000");
    let server = if plaintext { setup.plaintext() } else { setup }.start();
    let accounts: String = names.iter().map(|name| format!("{}:secret\n", account(krate, name))).collect();
    server.cli_with(&["account", "import", "-"], &accounts).ok();
    server
}

fn account(krate: &str, name: &str) -> String {
    format!("{krate}.{name}@example.org")
}

/// The scripts log in as `alice`; here it is the script's own account.
fn own_account(account: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AGFsaWNlAHNlY3JldA==", base64(&format!("\0{account}\0secret"))),
        ("YWxpY2U=", base64(account)),
        ("LOGIN alice", format!("LOGIN {account}")),
        ("LOGIN \"alice\"", format!("LOGIN \"{account}\"")),
        ("USER alice", format!("USER {account}")),
    ]
}

/// Files messages with flags into an account's INBOX, and looks at it once so that they are not new.
fn file(server: &Server, account: &str, messages: &[(String, &str)]) {
    let mut imap = server.talk("imap").inside_starttls(&server.certificate(), "a STARTTLS");
    imap.imap(&format!("l LOGIN {account} secret"), "OK");
    for (message, flags) in messages {
        imap.say(&format!("f APPEND INBOX ({flags}) \" 1-Jan-1970 00:00:00 +0000\" {{{}+}}", message.len()));
        imap.send(message.as_bytes());
        imap.say("");
        while !imap.line().starts_with("f OK") {}
    }
    imap.imap("s SELECT INBOX", "OK");
    imap.imap("o LOGOUT", "OK");
}

/// Plays a script; what went otherwise.
fn play(server: &Server, service: &str, script: &Script) -> Option<String> {
    let mut talk = server.talk(service);
    if script.setting("tls", "off") == "on" {
        talk = talk.start_tls(&server.certificate());
    }
    let mut peer = SocketPeer::new(talk, server);
    replay(script, &mut peer, Cut::Nowhere).err().map(|mismatch| mismatch.to_string())
}

/// The service that a script is for.
fn service(krate: &str, script: &Script) -> &'static str {
    let inside_tls = script.setting("tls", "off") == "on";
    match (krate, script.setting("service", "mx"), inside_tls) {
        ("smtp", "mx", false) => "smtp",
        ("smtp", "lmtp", false) => "lmtp",
        ("smtp", "submission", false) => "submission",
        ("smtp", "submission", true) => "submissions",
        ("pop3", _, false) => "pop3",
        ("pop3", _, true) => "pop3s",
        ("imap", _, false) => "imap",
        ("imap", _, true) => "imaps",
        other => panic!("{}: no such service here: {other:?}", script.name),
    }
}

#[test]
fn smtp_dialogues_go_as_scripted() {
    let houses = [false, true].map(|plaintext| {
        let server = house(plaintext, "smtp", &[]);
        server.cli_with(&["account", "password", "alice@example.org"], "wonderland\n").ok();
        server.add_accounts(&["full@example.org", "jörg@example.org"]);
        server.cli(&["account", "quota", "full@example.org", "0"]).ok();
        server
    });
    let replaced = [
        ("AGFsaWNlAHdvbmRlcmxhbmQ=", base64("\0alice@example.org\0wonderland")),
        ("YWxpY2U=", base64("alice@example.org")),
    ];
    let failures = SMTP.iter().filter_map(|name| {
        let script = script("smtp", name, &replaced);
        let server = &houses[usize::from(script.setting("plaintext", "off") == "on")];
        play(server, service("smtp", &script), &script)
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn pop3_dialogues_go_as_scripted() {
    let houses = [false, true].map(|plaintext| house(plaintext, "pop3", POP3));
    let messages = [
        "From: bob@example.org\r\nSubject: Dots\r\n\r\n.\r\n..two\r\nplain\r\n.end\r\n",
        "From: bob@example.org\r\nSubject: Nothing\r\n\r\n",
        "From: José <jose@example.org>\r\nSubject: Grüße\r\n\r\nHi.\r\n",
    ];
    let messages = messages.map(|text| (text.to_string(), ""));
    let failures = POP3.iter().filter_map(|name| {
        let account = account("pop3", name);
        let script = script("pop3", name, &own_account(&account));
        let server = &houses[usize::from(script.setting("plaintext", "off") == "on")];
        file(server, &account, &messages);
        play(server, service("pop3", &script), &script)
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn imap_dialogues_go_as_scripted() {
    let server = house(true, "imap", IMAP);
    let messages = [
        ("Lunch", "At noon?\r\n", "\\Seen"),
        ("Report", "Figures are attached.\r\n", "\\Flagged"),
        ("Lunch again", "Tomorrow?\r\n", "$Junk"),
    ];
    let messages = messages.map(|(subject, body, flags)| {
        (format!("From: Bob <bob@example.org>\r\nSubject: {subject}\r\n\r\n{body}"), flags)
    });
    let failures = IMAP.iter().filter_map(|name| {
        let account = account("imap", name);
        file(&server, &account, &messages);
        let script = script("imap", name, &own_account(&account));
        play(&server, service("imap", &script), &script)
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
