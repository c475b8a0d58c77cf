//! Several sessions at once on one mailbox: what each was told must be what is.

use super::{Client, Server};

/// What a client knows of a message: its UID and flags, once told.
#[derive(Debug, Clone, Default, PartialEq)]
struct Row {
    uid: Option<u32>,
    flags: Option<String>,
}

/// A client that believes what it is told.
struct Believer {
    client: Client,
    rows: Vec<Row>,
}

impl Believer {
    async fn new(server: &Server) -> Believer {
        let mut believer = Believer { client: server.logged_in().await, rows: Vec::new() };
        believer.act("SELECT INBOX").await;
        believer
    }

    async fn act(&mut self, command: &str) {
        let (lines, tagged) = self.client.command(command).await;
        // Others expunge what this client still has a number for.
        let is_done = tagged.starts_with("OK ") || tagged.starts_with("NO [EXPUNGEISSUED]");
        assert!(is_done, "{command}: {tagged}");
        for line in lines {
            self.hear(&line);
        }
    }

    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1);
        let Some(Ok(number)) = words.next().map(str::parse::<usize>) else { return };
        match words.next() {
            Some("EXISTS") => {
                assert!(number >= self.rows.len(), "EXISTS never shrinks: {line}");
                self.rows.resize(number, Row::default());
            }
            Some("EXPUNGE") => {
                self.rows.remove(number - 1);
            }
            Some("FETCH") => {
                let row = &mut self.rows[number - 1];
                if let Some(uid) = between(line, "UID ", &[' ', ')']) {
                    let uid = uid.parse().unwrap();
                    assert!(row.uid.is_none_or(|known| known == uid), "{line}: was {row:?}");
                    row.uid = Some(uid);
                }
                if let Some(flags) = between(line, "FLAGS (", &[')']) {
                    row.flags = Some(without_recent(flags));
                }
            }
            _ => {}
        }
    }
}

fn between<'a>(line: &'a str, start: &str, end: &[char]) -> Option<&'a str> {
    line.split_once(start)?.1.split(end).next()
}

fn without_recent(flags: &str) -> String {
    let flags: Vec<&str> = flags.split(' ').filter(|flag| *flag != "\\Recent").collect();
    flags.join(" ")
}

/// A fixed sequence that looks random.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

fn command(dice: &mut Dice, rows: &[Row]) -> Option<String> {
    let message = if rows.is_empty() { None } else { Some(dice.throw(rows.len()) + 1) };
    let uid = message.and_then(|n| rows[n - 1].uid);
    Some(match dice.throw(14) {
        0 | 1 => "APPEND INBOX {14+}\r\nSubject: x\r\n\r\n".into(),
        2 => format!("STORE {} +FLAGS (\\Flagged)", message?),
        3 => format!("STORE {}:* -FLAGS.SILENT (\\Flagged)", message?),
        4 => format!("STORE {} +FLAGS (\\Deleted)", message?),
        5 => "EXPUNGE".into(),
        6 => format!("COPY {} INBOX", message?),
        7 => format!("MOVE {} INBOX", message?),
        8 => format!("FETCH {} BODY[]", message?),
        9 => format!("FETCH {}:* (UID FLAGS)", message?),
        10 => format!("UID FETCH {} (FLAGS)", uid?),
        11 => format!("UID STORE {} FLAGS ($K{})", uid?, dice.throw(4)),
        12 => "SEARCH DELETED".into(),
        _ => "NOOP".into(),
    })
}

async fn play(seed: u64, rounds: usize) {
    let server = Server::start().await;
    let mut dice = Dice(seed);
    let mut believers = Vec::new();
    for _ in 0..3 {
        believers.push(Believer::new(&server).await);
    }
    for round in 0..rounds {
        let believer = &mut believers[dice.throw(3)];
        if let Some(command) = command(&mut dice, &believer.rows) {
            let silent = command.contains(".SILENT");
            believer.act(&command).await;
            if silent {
                // What a silent STORE leaves unsaid the client would have to work out.
                believer.act("FETCH 1:* (FLAGS)").await;
            }
        }
        if round % 25 == 24 {
            agree(&mut believers).await;
        }
    }
}

/// All clients believe the same, and it is so.
async fn agree(believers: &mut [Believer]) {
    let mut truths = Vec::new();
    for believer in believers.iter_mut() {
        believer.act("NOOP").await;
        let believed = believer.rows.clone();
        if !believed.is_empty() {
            believer.act("FETCH 1:* (UID FLAGS)").await;
        }
        assert_eq!(believed.len(), believer.rows.len());
        for (n, (was, is)) in believed.iter().zip(&believer.rows).enumerate() {
            assert!(was.uid.is_none() || was.uid == is.uid, "{}: {was:?} but {is:?}", n + 1);
            assert!(was.flags.is_none() || was.flags == is.flags, "{}: {was:?} but {is:?}", n + 1);
        }
        truths.push(believer.rows.clone());
    }
    assert!(truths.windows(2).all(|two| two[0] == two[1]), "{truths:?}");
}

#[tokio::test]
async fn what_sessions_are_told_is_so() {
    for seed in 1..=4 {
        play(seed, 150).await;
    }
}

#[tokio::test]
async fn forgotten_expunges_are_found_by_comparing() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.fill("INBOX", 5).await;
    first.ok("SELECT INBOX").await;
    let mut second = server.selected("INBOX").await;
    first.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)").await;
    first.ok("EXPUNGE").await;
    let account = server.account;
    let forget = move |tx: &mut ::store::Tx<'_>| {
        let inbox = tx.mailbox_by_name(account, "INBOX")?.unwrap();
        tx.trim_tombstones(account, inbox.id, inbox.highest_modseq)
    };
    server.store.write(forget).await.unwrap();
    assert_eq!(second.said("NOOP").await, "2 EXPUNGE|3 EXPUNGE");
    assert_eq!(second.said("FETCH 1:* UID").await, "1 FETCH (UID 1)|2 FETCH (UID 3)|3 FETCH (UID 5)");
}
