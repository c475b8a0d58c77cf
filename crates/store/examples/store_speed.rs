//! Prints deliveries and flag changes per second, each acknowledged only after its sync.
//!
//! `speed [seconds per figure] [store url] [data directory]`; the directory is made and stays.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use store::{
    AccountId, Credential, FlagChange, FlagOp, Flags, Keywords, MailboxId, NO_KEYWORDS, NewMessage,
    OtherSizes, Settings, Store, TraceId,
};

type Boxes = Arc<Vec<(AccountId, MailboxId)>>;

fn main() {
    let mut words = std::env::args().skip(1);
    let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(3);
    let url = words.next().unwrap_or_else(|| "sqlite:speed.db".to_owned());
    let folder = words.next().map_or_else(
        || std::env::temp_dir().join(format!("posthouse-speed-{}", std::process::id())),
        PathBuf::from,
    );
    let settings = Settings { url, blobs: "file:blobs".to_owned(), data_dir: folder.clone(), readers: 4 };
    let store = Store::open(&settings).expect("the store opens");
    let boxes = accounts(&store, 100);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("a runtime starts");
    for tasks in [1, 4, 20, 100] {
        let rate =
            runtime.block_on(run(tasks, seconds, |n| deliveries(store.clone(), Arc::clone(&boxes), n)));
        println!("deliveries, {tasks:3} tasks: {rate:6.0}/s");
    }
    for tasks in [1, 4, 20, 100] {
        let rate = runtime.block_on(run(tasks, seconds, |n| flags(store.clone(), Arc::clone(&boxes), n)));
        println!("flag changes, {tasks:3} tasks: {rate:6.0}/s");
    }
    let mailbox = large_mailbox(&store, boxes[0].0);
    // As after a restart: all in the file, nothing in memory.
    drop(store);
    let store = Store::open(&settings).expect("the store opens again");
    time_large_mailbox(&store, boxes[0].0, mailbox);
    println!("data in {}", folder.display());
}

const LARGE: u32 = 1 << 17;

/// Makes a large mailbox.
fn large_mailbox(store: &Store, account: AccountId) -> MailboxId {
    let blob = store.prepare_blob_blocking(b"Subject: one of many\r\n\r\n").expect("content is prepared");
    let job = move |tx: &mut store::Tx<'_>| {
        let name = format!("Large{}", tx.mailboxes(account)?.len());
        let mailbox = tx.create_mailbox(account, &name, None)?;
        let new = NewMessage {
            blob: &blob,
            prefix: b"",
            received_ms: 1_700_000_000_000,
            flags: Flags::NONE,
            keywords: &NO_KEYWORDS,
            overview: &[b'o'; 400],
            trace_id: TraceId(0),
            other_sizes: OtherSizes::default(),
        };
        tx.add_message(account, mailbox, &new)?;
        for _ in 0..17 {
            tx.copy(account, mailbox, &[1..=u32::MAX], mailbox)?;
        }
        Ok(mailbox)
    };
    let begun = Instant::now();
    let mailbox = store.write_blocking(job).expect("a large mailbox is made");
    println!("{LARGE} copies in one transaction: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    mailbox
}

/// Times what selecting and first listing a large mailbox need.
fn time_large_mailbox(store: &Store, account: AccountId, mailbox: MailboxId) {
    let count = LARGE;
    let time = |what: &str, work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        println!("{what} of {count} messages: {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    };
    let uids = || {
        assert_eq!(
            store.read_blocking(|view| view.uids(account, mailbox)).expect("UIDs are read"),
            [1..=count]
        )
    };
    time("first UIDs", &uids);
    time("UIDs again", &uids);
    time("marks", &|| {
        let mut seen = 0;
        let mut visit = |_: store::Placement<'_>| {
            seen += 1;
            ControlFlow::Continue(())
        };
        store
            .read_blocking(|view| view.placements(account, mailbox, &[1..=count], &mut visit))
            .expect("they are read");
        assert_eq!(seen, count);
    });
    time("overviews", &|| {
        let mut bytes = 0;
        let mut visit = |found: store::Listed<'_>| {
            bytes += found.overview.len();
            ControlFlow::Continue(())
        };
        store
            .read_blocking(|view| view.listing(account, mailbox, &[1..=count], &mut visit))
            .expect("they are read");
        assert_eq!(bytes, 400 * count as usize);
    });
}

fn accounts(store: &Store, count: usize) -> Boxes {
    let job = move |tx: &mut store::Tx<'_>| {
        if tx.domain_by_name("speed.example")?.is_none() {
            tx.add_domain("speed.example")?;
        }
        let mut boxes = Vec::new();
        for n in 0..count {
            let address = format!("user{n}@speed.example");
            let account = match tx.account_by_address(&address)? {
                Some(account) => account.id,
                None => tx.add_account(&address, &Credential { password: String::new(), scram: None })?,
            };
            let inbox = tx.mailbox_by_name(account, "INBOX")?.expect("every account has an INBOX");
            boxes.push((account, inbox.id));
        }
        Ok(boxes)
    };
    Arc::new(store.write_blocking(job).expect("accounts are made"))
}

/// Runs `tasks` tasks for some seconds and gives how many steps they made per second.
async fn run<F: Future<Output = ()> + Send + 'static>(
    tasks: u64,
    seconds: u64,
    start: impl Fn(Arc<Work>) -> F,
) -> f64 {
    let end = Instant::now() + Duration::from_secs(seconds);
    let steps = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|n| tokio::spawn(start(Arc::new(Work { n, end, steps: Arc::clone(&steps) }))))
        .collect();
    for task in running {
        task.await.expect("no task panics");
    }
    steps.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

struct Work {
    n: u64,
    end: Instant,
    steps: Arc<AtomicU64>,
}

async fn deliveries(store: Store, boxes: Boxes, work: Arc<Work>) {
    let body = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals. "
        .repeat(40);
    let mut step = work.n;
    while Instant::now() < work.end {
        step = step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let text = format!("Message-ID: <{step}-{}@x>\r\nSubject: hello\r\n\r\n{body}\r\n", work.n);
        let blob = store.prepare_blob(text.into_bytes()).await.expect("content is prepared");
        let (account, inbox) = boxes[(step >> 33) as usize % boxes.len()];
        let job = move |tx: &mut store::Tx<'_>| {
            let new = NewMessage {
                blob: &blob,
                prefix: b"Return-Path: <someone@else.example>\r\nDelivered-To: user@speed.example\r\n",
                received_ms: 1_700_000_000_000,
                flags: Flags::NONE,
                keywords: &NO_KEYWORDS,
                overview: &[b'o'; 400],
                trace_id: TraceId(step),
                other_sizes: OtherSizes::default(),
            };
            tx.add_message(account, inbox, &new)
        };
        store.write(job).await.expect("a message is stored");
        work.steps.fetch_add(1, Ordering::Relaxed);
    }
}

async fn flags(store: Store, boxes: Boxes, work: Arc<Work>) {
    let (account, inbox) = boxes[work.n as usize % boxes.len()];
    let last = store.read(move |view| view.mailbox(account, inbox)).await.expect("the mailbox is read");
    let last = last.map_or(1, |found| found.uidnext.max(2) - 1);
    let mut uid = 0;
    while Instant::now() < work.end {
        let op = if (uid / last).is_multiple_of(2) { FlagOp::Add } else { FlagOp::Remove };
        let change = FlagChange { op, flags: Flags::SEEN, keywords: Keywords::NONE };
        let one = uid % last + 1;
        let job = move |tx: &mut store::Tx<'_>| tx.change_flags(account, inbox, &[one..=one], &change, None);
        store.write(job).await.expect("flags are changed");
        uid += 1;
        work.steps.fetch_add(1, Ordering::Relaxed);
    }
}
