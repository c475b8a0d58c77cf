//! Prints how the server fares as one mailbox grows: rows are what a client does, columns are sizes
//! of the mailbox, values are milliseconds as a client on the same machine sees them.
//!
//! `bench_scale [--server FILE] [--data FOLDER] [SIZE...]`
//!
//! - `--server`: the server's binary; else `posthouse` beside the folder of this program.
//! - `--data`: where the mail is kept; the folder stays, and a later run goes on with it. Else a
//!   folder next to the server's binary that is removed at the end.
//! - `SIZE`: sizes in ascending order; else 1000 10000 100000 1000000. A column is headed by what there
//!   really was: deliveries of an earlier run may have added some.
//!
//! The mailbox is filled through the store, then read and added to through the running server. "Cold"
//! is the first time after the server started; the operating system still has the files in memory.
//! What the server logs is in `scale.log` beside the mail.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the output, progress goes beside"
)]

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use store::{
    AccountId, Credential, Flags, MailboxId, NO_KEYWORDS, NewMessage, OtherSizes, PreparedBlob, Settings,
    Store, TraceId,
};

const ADDRESS: &str = "reader@scale.example";
const PASSWORD: &str = "scale";
/// Messages per transaction while the mailbox is filled: few enough for memory, so many that syncs do
/// not count.
const BATCH_MESSAGES: u32 = 2000;
/// One message in so many is unread.
const UNSEEN_EVERY: u32 = 50;
/// One message in so many has the word that subjects are searched for, and one the word for texts.
const WORD_EVERY: u32 = 500;
const SUBJECT_WORD: &str = "zeppelin";
const TEXT_WORD: &str = "krakatoa";
/// Messages that a client shows at once.
const PAGE_MESSAGES: u32 = 50;
/// Warm operations are repeated so often; the median counts.
const REPEATS: usize = 7;
/// Messages delivered; the mean counts.
const DELIVERIES: u32 = 200;
/// How long anything may take before the server counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);
/// 2026-01-01, when the first message arrived; the others follow a minute apart.
const FIRST_RECEIVED_MS: i64 = 1_767_225_600_000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments = Arguments::read()?;
    let mut table = Table { sizes: Vec::new(), rows: Vec::new() };
    for size in &arguments.sizes {
        let size = grow(&arguments.data, *size)?;
        let server = Server::start(&arguments.server, &arguments.data)?;
        eprintln!("{size} messages: measuring");
        table.sizes.push(size);
        measure(&server, size, &mut table)?;
        server.stop()?;
    }
    print!("{}", table.render());
    if !arguments.keep {
        std::fs::remove_dir_all(&arguments.data)?;
    }
    Ok(())
}

struct Arguments {
    server: PathBuf,
    data: PathBuf,
    keep: bool,
    sizes: Vec<u32>,
}

impl Arguments {
    fn read() -> Outcome<Arguments> {
        let (mut server, mut data, mut sizes) = (None, None, Vec::new());
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--server" => server = Some(PathBuf::from(words.next().ok_or("--server needs a file")?)),
                "--data" => data = Some(PathBuf::from(words.next().ok_or("--data needs a folder")?)),
                size => sizes.push(size.parse().map_err(|_| format!("{size:?} is not a mailbox size"))?),
            }
        }
        if sizes.is_empty() {
            sizes = vec![1000, 10_000, 100_000, 1_000_000];
        }
        let me = std::env::current_exe()?;
        let folder = me.ancestors().nth(2).ok_or("this program lies in no target folder")?;
        let server = server.unwrap_or_else(|| folder.join("posthouse"));
        if !server.is_file() {
            return Err(
                format!("there is no server at {}: build it, or say --server", server.display()).into()
            );
        }
        let keep = data.is_some();
        let data = data.unwrap_or_else(|| folder.join("bench-scale-data"));
        if !keep && data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        std::fs::create_dir_all(&data)?;
        Ok(Arguments { server, data, keep, sizes })
    }
}

/// A message ready to be stored.
struct Ready {
    blob: PreparedBlob,
    prefix: Vec<u8>,
    overview: Vec<u8>,
    number: u32,
}

/// Fills the mailbox up to `size` messages: one thread prepares, this one writes. Gives how many there
/// are, which is more if an earlier run left more.
fn grow(data: &Path, size: u32) -> Outcome<u32> {
    let (url, blobs) = ("sqlite:posthouse.db".to_owned(), "file:blobs".to_owned());
    let store = Store::open(&Settings { url, blobs, data_dir: data.to_owned(), readers: 1 })?;
    let (account, mailbox, present) = inbox(&store)?;
    let begun = Instant::now();
    let (sender, receiver) = sync_channel::<Vec<Ready>>(2);
    let preparer = store.clone();
    let preparing = std::thread::spawn(move || -> Result<(), store::StoreError> {
        let mut next = present;
        while next < size {
            let end = size.min(next + BATCH_MESSAGES);
            let batch: Result<Vec<Ready>, _> = (next..end).map(|number| prepare(&preparer, number)).collect();
            // The receiver is gone only after an error of its own.
            if sender.send(batch?).is_err() {
                break;
            }
            next = end;
        }
        Ok(())
    });
    let mut done = present;
    for batch in receiver {
        done += u32::try_from(batch.len())?;
        let batch = Arc::new(batch);
        store
            .write_blocking(move |tx| batch.iter().try_for_each(|ready| add(tx, account, mailbox, ready)))?;
        eprint!("\r{done} of {size} messages, {:.0} s ", begun.elapsed().as_secs_f64());
    }
    eprintln!();
    preparing.join().map_err(|_| "the preparing thread panicked")??;
    Ok(done)
}

/// The account's INBOX, which are made if needed, and how many messages it holds.
fn inbox(store: &Store) -> Outcome<(AccountId, MailboxId, u32)> {
    let salt = [7; 16];
    let scram =
        sasl::ScramSecret::derive(PASSWORD.as_bytes(), &salt, sasl::limits::SCRAM_ITERATIONS_MIN).ok();
    let password = sasl::password::hash_argon2id(PASSWORD.as_bytes(), salt);
    let credential = Credential { password, scram: scram.map(|secret| secret.to_text()) };
    let found = store.write_blocking(move |tx| {
        let account = match tx.account_by_address(ADDRESS)? {
            Some(account) => account.id,
            None => {
                tx.add_domain("scale.example")?;
                tx.add_account(ADDRESS, &credential)?
            }
        };
        Ok((account, tx.mailbox_by_name(account, "INBOX")?))
    })?;
    let inbox = found.1.ok_or("the account has no INBOX")?;
    Ok((found.0, inbox.id, inbox.exists_count))
}

fn prepare(store: &Store, number: u32) -> Result<Ready, store::StoreError> {
    let prefix = format!("Return-Path: <writer@else.example>\r\nDelivered-To: {ADDRESS}\r\n").into_bytes();
    let content = message(number, "filled");
    let whole = [prefix.as_slice(), &content].concat();
    let overview = mime::Overview::build(&mime::Message::parse(&whole)).to_bytes();
    Ok(Ready { blob: store.prepare_blob_blocking(&content)?, prefix, overview, number })
}

fn add(
    tx: &mut store::Tx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    ready: &Ready,
) -> Result<(), store::StoreError> {
    let new = NewMessage {
        blob: &ready.blob,
        prefix: &ready.prefix,
        received_ms: FIRST_RECEIVED_MS + i64::from(ready.number) * 60_000,
        flags: if ready.number.is_multiple_of(UNSEEN_EVERY) { Flags::NONE } else { Flags::SEEN },
        keywords: &NO_KEYWORDS,
        overview: &ready.overview,
        trace_id: TraceId(u64::from(ready.number)),
        other_sizes: OtherSizes::default(),
    };
    tx.add_message(account, mailbox, &new).map(drop)
}

/// A message of about one kilobyte. `origin` keeps those apart that came in different ways.
fn message(number: u32, origin: &str) -> Vec<u8> {
    const TOPICS: [&str; 6] = ["Minutes", "Invoice", "Travel", "Weekend", "Offer", "Question"];
    const LINE: &str = "The rain had stopped by the time the last carriage left the yard for the coast.\r\n";
    let topic = TOPICS[number as usize % TOPICS.len()];
    let word = |at: u32, word| if number % WORD_EVERY == at { word } else { "" };
    let date = mime::Date::utc(FIRST_RECEIVED_MS / 1000 + i64::from(number) * 60).to_rfc5322();
    format!(
        "Received: from mail.else.example ([192.0.2.1]) by mx.scale.example with ESMTP;\r\n\t{date}\r\n\
         From: Writer {} <writer{}@else.example>\r\nTo: <{ADDRESS}>\r\nSubject: {topic} {number} {}\r\n\
         Date: {date}\r\nMessage-ID: <{number}.{origin}@else.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{}This is number {number}. {}\r\n",
        number % 97,
        number % 97,
        word(1, SUBJECT_WORD),
        LINE.repeat(6),
        word(2, TEXT_WORD),
    )
    .into_bytes()
}

/// The server as its own process.
struct Server {
    process: Child,
    imap: SocketAddr,
    smtp: SocketAddr,
    /// Open as long as the server, which says here too that it stops.
    ready: UnixDatagram,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Outcome<Server> {
        let (imap, smtp) = (free_address()?, free_address()?);
        let config = data.join("scale.toml");
        std::fs::write(
            &config,
            format!(
                "hostname = \"mx.scale.example\"\ndata_dir = {:?}\n[listen]\nimap = [\"{imap}\"]\nsmtp = [\"{smtp}\"]\n\
                 [auth]\nallow_plaintext = true\n[limits]\nexempt = [\"127.0.0.0/8\"]\n",
                std::path::absolute(data)?
            ),
        )?;
        // The server tells a supervisor when it is ready; this is one.
        let socket = data.join("ready.socket");
        let _ = std::fs::remove_file(&socket);
        let ready = UnixDatagram::bind(&socket)?;
        ready.set_read_timeout(Some(PATIENCE))?;
        let process = Command::new(binary)
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .env("NOTIFY_SOCKET", std::path::absolute(&socket)?)
            .stdout(Stdio::null())
            .stderr(File::create(data.join("scale.log"))?)
            .spawn()?;
        let server = Server { process, imap, smtp, ready };
        let mut told = [0; 512];
        loop {
            let len = server
                .ready
                .recv(&mut told)
                .map_err(|error| format!("the server does not get ready: {error}"))?;
            if told[..len].windows(7).any(|word| word == b"READY=1") {
                return Ok(server);
            }
        }
    }

    fn stop(mut self) -> Outcome<()> {
        // The standard library can only kill; the server is asked to stop.
        let asked = Command::new("kill").arg("-TERM").arg(self.process.id().to_string()).status()?;
        if !asked.success() {
            self.process.kill()?;
        }
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an error; a process that has ended is not killed again.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A connection that speaks in lines.
struct Client {
    reader: BufReader<TcpStream>,
    commands: u32,
}

impl Client {
    fn connect(address: SocketAddr) -> Outcome<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { reader: BufReader::with_capacity(1 << 18, stream), commands: 0 })
    }

    fn line(&mut self) -> Outcome<Vec<u8>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(line)
    }

    /// One IMAP command: its untagged responses, each with its literals.
    fn imap(&mut self, command: &str) -> Outcome<Vec<Vec<u8>>> {
        self.commands += 1;
        let tag = format!("a{} ", self.commands);
        self.reader.get_mut().write_all(format!("{tag}{command}\r\n").as_bytes())?;
        let mut responses = Vec::new();
        loop {
            let mut response = self.line()?;
            while let Some(len) = literal_len(&response) {
                let start = response.len();
                response.resize(start + len, 0);
                self.reader.read_exact(&mut response[start..])?;
                let rest = self.line()?;
                response.extend(rest);
            }
            if response.starts_with(format!("{tag}OK").as_bytes()) {
                return Ok(responses);
            }
            if response.starts_with(tag.as_bytes()) {
                return Err(
                    format!("{command:.60}: {}", String::from_utf8_lossy(&response).trim_end()).into()
                );
            }
            responses.push(response);
        }
    }

    /// Some bytes to an SMTP server, and its reply, which must begin with `code`.
    fn smtp(&mut self, bytes: &[u8], code: &str) -> Outcome<()> {
        self.reader.get_mut().write_all(bytes)?;
        loop {
            let reply = self.line()?;
            if !reply.starts_with(code.as_bytes()) {
                return Err(format!("SMTP: {}", String::from_utf8_lossy(&reply).trim_end()).into());
            }
            if reply.get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// The number in `{n}` at the end of a line.
fn literal_len(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}\r\n")?;
    let start = inner.iter().rposition(|byte| *byte == b'{')? + 1;
    std::str::from_utf8(&inner[start..]).ok()?.parse().ok()
}

fn measure(server: &Server, size: u32, table: &mut Table) -> Outcome<()> {
    let mut client = Client::connect(server.imap)?;
    client.line()?;
    client.imap(&format!("LOGIN {ADDRESS} {PASSWORD}"))?;
    table.add("SELECT, cold", once(|| client.imap("SELECT INBOX"))?.0);
    table.add("SELECT, warm", median(|| client.imap("SELECT INBOX"))?);

    let middle = (size / 2).max(PAGE_MESSAGES);
    for (row, last) in [("FETCH of the last 50", size), ("FETCH of 50 in the middle", middle)] {
        let command = format!("FETCH {}:{last} (UID FLAGS ENVELOPE)", last - PAGE_MESSAGES + 1);
        let (_, page) = once(|| client.imap(&command))?;
        expect("messages in a page", page.len(), PAGE_MESSAGES)?;
        table.add(row, median(|| client.imap(&command))?);
    }

    let (cold, found) = once(|| client.imap("UID SEARCH UNSEEN"))?;
    // Those that earlier rounds delivered are unread too, so there may be more.
    at_least("unread messages", found_count(&found), size / UNSEEN_EVERY)?;
    table.add("UID SEARCH UNSEEN, cold", cold);
    table.add("UID SEARCH UNSEEN, warm", median(|| client.imap("UID SEARCH UNSEEN"))?);
    let expected = size / WORD_EVERY / 2;
    for (key, word) in [("SUBJECT", SUBJECT_WORD), ("TEXT", TEXT_WORD)] {
        let command = format!("UID SEARCH {key} {word}");
        let (cold, found) = once(|| client.imap(&command))?;
        at_least("messages with the word", found_count(&found), expected)?;
        table.add(&format!("UID SEARCH {key} word, cold"), cold);
        table.add(&format!("UID SEARCH {key} word, warm"), median(|| client.imap(&command))?);
    }
    client.imap("UNSELECT")?;
    table.add("STATUS", median(|| client.imap("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"))?);
    table.add("delivery by SMTP", deliver(server.smtp, size)?);
    client.imap("LOGOUT")?;
    Ok(())
}

/// Milliseconds per message, one after the other, each acknowledged.
fn deliver(server: SocketAddr, size: u32) -> Outcome<f64> {
    let mut client = Client::connect(server)?;
    client.smtp(b"", "220")?;
    client.smtp(b"EHLO else.example\r\n", "250")?;
    let begun = Instant::now();
    for number in 0..DELIVERIES {
        client.smtp(b"MAIL FROM:<writer@else.example>\r\n", "250")?;
        client.smtp(format!("RCPT TO:<{ADDRESS}>\r\n").as_bytes(), "250")?;
        client.smtp(b"DATA\r\n", "354")?;
        let text = [message(number, &format!("{size}.delivered")).as_slice(), b".\r\n"].concat();
        client.smtp(&text, "250")?;
    }
    let mean = begun.elapsed().as_secs_f64() * 1000.0 / f64::from(DELIVERIES);
    client.smtp(b"QUIT\r\n", "221")?;
    Ok(mean)
}

/// How many numbers a SEARCH or ESEARCH response names one by one.
fn found_count(responses: &[Vec<u8>]) -> usize {
    let found = responses.iter().find(|response| response.starts_with(b"* SEARCH"));
    found.map_or(0, |found| found.split(|byte| *byte == b' ').count().saturating_sub(2))
}

fn expect(what: &str, seen: usize, expected: u32) -> Outcome<()> {
    let right = u32::try_from(seen).is_ok_and(|seen| seen == expected);
    if right { Ok(()) } else { Err(format!("{what}: {seen} instead of {expected}").into()) }
}

fn at_least(what: &str, seen: usize, expected: u32) -> Outcome<()> {
    let enough = u32::try_from(seen).is_ok_and(|seen| seen >= expected);
    if enough { Ok(()) } else { Err(format!("{what}: {seen}, but at least {expected} are there").into()) }
}

/// Milliseconds of one operation, and what it gave.
fn once<T>(operation: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let begun = Instant::now();
    let result = operation()?;
    Ok((begun.elapsed().as_secs_f64() * 1000.0, result))
}

/// Milliseconds of an operation that is repeated: the median.
fn median<T>(mut operation: impl FnMut() -> Outcome<T>) -> Outcome<f64> {
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        times.push(once(&mut operation)?.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[REPEATS / 2])
}

/// Milliseconds by operation and mailbox size.
struct Table {
    sizes: Vec<u32>,
    rows: Vec<(String, Vec<f64>)>,
}

impl Table {
    fn add(&mut self, row: &str, milliseconds: f64) {
        eprintln!("  {row}: {milliseconds:.2} ms");
        match self.rows.iter_mut().find(|(name, _)| name == row) {
            Some((_, values)) => values.push(milliseconds),
            None => self.rows.push((row.to_owned(), vec![milliseconds])),
        }
    }

    fn render(&self) -> String {
        let head: String = self.sizes.iter().map(|size| format!(" {size:>10}")).collect();
        let mut text = format!("{:<30}{head}\n", "ms, by messages in the mailbox");
        for (name, values) in &self.rows {
            let cells: String = values.iter().map(|value| format!(" {value:>10.2}")).collect();
            text.push_str(&format!("{name:<30}{cells}\n"));
        }
        text
    }
}
