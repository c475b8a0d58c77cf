//! The power of the promise: SIGKILL at any moment under load, and every acknowledged message is
//! there, whole and once.
//!
//! `POSTHOUSE_KILLS` says how often (5), `POSTHOUSE_SEED` repeats a run whose seed was printed.

use crate::server::{PASSWORD, Server, setup};
use crate::talk::Talk;
use crate::wait;
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KILLS_DEFAULT: u64 = 5;
const USERS: [&str; 4] = ["alice@example.org", "bob@example.org", "carol@example.org", "dave@example.org"];
/// Load before a kill.
const LOAD_MS: std::ops::Range<u64> = 50..900;
/// Lines of a message: from one to more than is kept inside the database.
const LINES: [u64; 4] = [1, 40, 400, 6_000];

/// A sequence of numbers that looks random (Marsaglia's xorshift).
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A message that a client sent.
struct Sent {
    user: &'static str,
    id: String,
    hash: blake3::Hash,
    acknowledged: bool,
}

/// What all clients sent, in all rounds since the mailboxes were emptied.
type Ledger = Mutex<Vec<Sent>>;

/// A message with an id in its first line; no line begins with a dot.
fn message(id: &str, chance: &mut Chance) -> String {
    let lines = LINES[chance.below(LINES.len() as u64) as usize];
    let mut text = format!("Crash-Id: {id}\r\nSubject: crash\r\n\r\n");
    for _ in 0..1 + chance.below(lines) {
        text.push_str(&format!("{:016x}{:016x}{:016x}\r\n", chance.next(), chance.next(), chance.next()));
    }
    text
}

/// One client: sends until the connection breaks, and notes what was acknowledged.
struct Client<'a> {
    name: String,
    chance: Chance,
    ledger: &'a Ledger,
}

impl Client<'_> {
    /// Notes a message before its last byte is sent: from then on it may be there.
    fn note(&self, users: &[&'static str], id: &str, text: &str) {
        let hash = blake3::hash(text.as_bytes());
        let mut ledger = self.ledger.lock().unwrap();
        ledger.extend(users.iter().map(|user| Sent { user, id: id.into(), hash, acknowledged: false }));
    }

    fn acknowledge(&self, users: &[&'static str], id: &str) {
        let mut ledger = self.ledger.lock().unwrap();
        let noted = ledger.iter_mut().rev().filter(|sent| sent.id == id && users.contains(&sent.user));
        noted.for_each(|sent| sent.acknowledged = true);
    }

    /// SMTP (one reply for all) or LMTP (one for each), mostly to several users.
    fn sends_mail(&mut self, port: u16, lmtp: bool) -> Option<()> {
        let mut talk = Talk::open(port);
        said(&mut talk, "220 ")?;
        talk.say(if lmtp { "LHLO client.example.net" } else { "EHLO client.example.net" });
        while !talk.next_line()?.starts_with("250 ") {}
        for number in 0.. {
            let first = self.chance.below(USERS.len() as u64) as usize;
            let count = 1 + self.chance.below(3) as usize;
            let users: Vec<&'static str> = (first..first + count).map(|at| USERS[at % USERS.len()]).collect();
            let id = format!("{}-{number}", self.name);
            let text = message(&id, &mut self.chance);
            talk.say("MAIL FROM:<sender@example.net>");
            said(&mut talk, "250 ")?;
            for user in &users {
                talk.say(&format!("RCPT TO:<{user}>"));
                said(&mut talk, "250 ")?;
            }
            talk.say("DATA");
            said(&mut talk, "354 ")?;
            talk.send(text.as_bytes());
            self.note(&users, &id, &text);
            talk.say(".");
            for replies in users.chunks(if lmtp { 1 } else { users.len() }) {
                said(&mut talk, "250 ")?;
                self.acknowledge(replies, &id);
            }
        }
        Some(())
    }

    fn appends(&mut self, port: u16, user: &'static str) -> Option<()> {
        let mut talk = Talk::open(port);
        said(&mut talk, "* OK")?;
        talk.say(&format!("l LOGIN {user} \"{PASSWORD}\""));
        tagged(&mut talk, "l OK")?;
        for number in 0.. {
            let id = format!("{}-{number}", self.name);
            let text = message(&id, &mut self.chance);
            talk.say(&format!("a{number} APPEND INBOX {{{}+}}", text.len()));
            talk.send(text.as_bytes());
            self.note(&[user], &id, &text);
            talk.say("");
            tagged(&mut talk, &format!("a{number} OK"))?;
            self.acknowledge(&[user], &id);
        }
        Some(())
    }
}

/// The next line, which begins so unless the connection broke.
fn said(talk: &mut Talk, begin: &str) -> Option<()> {
    let line = talk.next_line()?;
    assert!(line.starts_with(begin), "expected {begin:?}, got {line:?}");
    Some(())
}

fn tagged(talk: &mut Talk, begin: &str) -> Option<()> {
    loop {
        let line = talk.next_line()?;
        if !line.starts_with("* ") {
            assert!(line.starts_with(begin), "expected {begin:?}, got {line:?}");
            return Some(());
        }
    }
}

/// Load from seven clients, until the server is killed.
fn load_and_kill(server: &mut Server, round: u64, chance: &mut Chance, ledger: &Ledger) {
    let (smtp, lmtp, imap) = (server.port("smtp"), server.port("lmtp"), server.port("imap"));
    let time = Duration::from_millis(LOAD_MS.start + chance.below(LOAD_MS.end - LOAD_MS.start));
    thread::scope(|scope| {
        for number in 0..7 {
            let mut client =
                Client { name: format!("r{round}c{number}"), chance: Chance::new(chance.next()), ledger };
            scope.spawn(move || match number {
                0..3 => client.sends_mail(smtp, false),
                3..5 => client.sends_mail(lmtp, true),
                _ => client.appends(imap, USERS[number % USERS.len()]),
            });
        }
        wait::load_for(time);
        server.kill();
    });
}

/// Reads every mailbox by POP3 and compares it with the ledger, then empties it.
fn verify_and_empty(server: &Server, ledger: &mut Vec<Sent>) -> (usize, usize) {
    let acknowledged = ledger.iter().filter(|sent| sent.acknowledged).count();
    let mut extra = 0;
    for user in USERS {
        let mut pop3 = server.talk("pop3");
        pop3.expect("+OK");
        pop3.log_in_pop3(user);
        let count: usize = pop3.command("STAT", "+OK ").split(' ').nth(1).unwrap().parse().unwrap();
        let mut found: HashMap<String, (blake3::Hash, usize)> = HashMap::new();
        for number in 1..=count {
            pop3.command(&format!("RETR {number}"), "+OK");
            let text = pop3.block();
            let at = text.find("Crash-Id: ").unwrap_or_else(|| panic!("{user}: not one of ours: {text}"));
            let id = text[at + 10..].lines().next().unwrap().to_string();
            let hash = blake3::hash(&text.as_bytes()[at..]);
            found.entry(id).or_insert((hash, 0)).1 += 1;
            pop3.command(&format!("DELE {number}"), "+OK");
        }
        for sent in ledger.iter().filter(|sent| sent.user == user) {
            match found.remove(&sent.id) {
                Some((hash, 1)) => {
                    assert_eq!(hash, sent.hash, "{user}: {} is not whole", sent.id);
                    extra += usize::from(!sent.acknowledged);
                }
                Some((_, times)) => panic!("{user}: {} is there {times} times", sent.id),
                None => assert!(!sent.acknowledged, "{user}: {} was acknowledged and is lost", sent.id),
            }
        }
        assert!(found.is_empty(), "{user}: nobody sent {:?}", found.keys());
        pop3.command("QUIT", "+OK");
    }
    ledger.clear();
    (acknowledged, extra)
}

fn number_from(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

#[test]
fn crash_loses_no_acknowledged_message() {
    let kills = number_from("POSTHOUSE_KILLS").unwrap_or(KILLS_DEFAULT);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number_from("POSTHOUSE_SEED").unwrap_or(now.as_secs());
    eprintln!("POSTHOUSE_SEED={seed} POSTHOUSE_KILLS={kills}");
    let mut chance = Chance::new(seed);
    let mut server = setup().plaintext().start();
    server.add_accounts(&USERS[2..]);
    let (mut acknowledged, mut extra) = (0, 0);
    let ledger = Ledger::default();
    for round in 0..kills {
        load_and_kill(&mut server, round, &mut chance, &ledger);
        // Now and then it dies again before anybody looks.
        if chance.below(3) == 0 {
            server.launch();
            server.kill();
        }
        server.launch();
        let (kept, more) = verify_and_empty(&server, &mut ledger.lock().unwrap());
        (acknowledged, extra) = (acknowledged + kept, extra + more);
        let said = server.cli(&["check"]).ok();
        assert!(said.contains("all is well"), "round {round}, seed {seed}: {said}");
    }
    eprintln!(
        "{kills} kills, {acknowledged} acknowledged copies all there, {extra} more kept unacknowledged"
    );
    assert!(acknowledged > 0);
    // What was deleted by an acknowledged QUIT stays deleted.
    server.kill();
    server.launch();
    assert!(USERS.iter().all(|user| server.mail_of(user).is_empty()));
}
