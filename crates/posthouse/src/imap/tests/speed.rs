//! Measures; run in a release build: `cargo test -p posthouse --release -- --ignored speed --nocapture`.

use super::Server;
use ::store::{Flags, NO_KEYWORDS, NewMessage, OtherSizes, TraceId};
use mime::{Message, Overview};
use std::time::Instant;

/// Puts messages of about `size` bytes into INBOX, past the protocol.
pub async fn fill_fast(server: &Server, count: usize, size: usize) {
    let account = server.account;
    let inbox =
        server.store.read(move |view| view.mailbox_by_name(account, "INBOX")).await.unwrap().unwrap().id;
    let mut letters = Vec::new();
    for n in 1..=count {
        let filler = format!("Line {n} of text that somebody wrote, with words in it.\r\n");
        let raw = format!(
            "From: Ann Alpha <ann@example.org>\r\nTo: Bob Beta <bob@example.com>\r\nSubject: Letter number {n}\r\n\
             Date: Mon, 2 Feb 2026 10:00:00 +0100\r\nMessage-ID: <{n}@example.org>\r\n\
             References: <0@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}",
            filler.repeat(size / filler.len() + 1)
        );
        let overview = Overview::build(&Message::parse(raw.as_bytes())).to_bytes();
        letters.push((server.store.prepare_blob(raw.into_bytes()).await.unwrap(), overview));
    }
    for some in letters.chunks(2000) {
        let some = some.to_vec();
        let write = move |tx: &mut ::store::Tx<'_>| {
            for (blob, overview) in &some {
                let new = NewMessage {
                    blob,
                    prefix: b"",
                    received_ms: 1_770_000_000_000,
                    flags: Flags::NONE,
                    keywords: &NO_KEYWORDS,
                    overview,
                    trace_id: TraceId(0),
                    other_sizes: OtherSizes::default(),
                };
                tx.add_message(account, inbox, &new)?;
            }
            Ok(())
        };
        server.store.write(write).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed() {
    let server = Server::start().await;
    fill_fast(&server, 20_000, 4096).await;
    let mut client = server.logged_in().await;
    for command in [
        "SELECT INBOX",
        "SELECT INBOX",
        "FETCH 1:* (UID FLAGS)",
        "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[HEADER.FIELDS (REFERENCES LIST-ID)])",
        "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[HEADER.FIELDS (REFERENCES LIST-ID)])",
        "FETCH 1:* BODYSTRUCTURE",
        "FETCH 1:5000 BODY.PEEK[]",
        "UID SEARCH ALL",
        "UID SEARCH UNSEEN",
        "SEARCH SENTSINCE 1-Feb-2026",
        "SEARCH TEXT nowhere",
        "SEARCH TEXT nowhere",
        "SEARCH BODY \"line 12345 of\"",
        "SEARCH TEXT words",
        "SEARCH SUBJECT \"number 777\"",
        "SEARCH SUBJECT \"number 777\"",
        "STORE 1:* +FLAGS.SILENT (\\Seen)",
        "STORE 1:* -FLAGS (\\Seen)",
        "COPY 1:2000 Archive",
    ] {
        let begun = Instant::now();
        let lines = client.ok(command).await.len();
        println!("{:>10.1?}  {lines:>6} lines  {command}", begun.elapsed());
    }
    let begun = Instant::now();
    for uid in 1..=5000 {
        client.ok(&format!("UID FETCH {uid} (UID FLAGS BODY.PEEK[])")).await;
    }
    println!("{:>10.1?} each   UID FETCH n (UID FLAGS BODY.PEEK[])", begun.elapsed() / 5000);
    let begun = Instant::now();
    for uid in 1..=1000 {
        client.ok(&format!("UID STORE {uid} +FLAGS (\\Seen)")).await;
    }
    println!("{:>10.1?} each   UID STORE n +FLAGS (\\Seen)", begun.elapsed() / 1000);
}
