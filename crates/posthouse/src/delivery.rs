//! From an accepted envelope to mailboxes: trace fields, one transaction, and the story of it.

use crate::clock::Clock;
use crate::metrics::metrics;
use crate::trace::{Kind, Name, event};
use smtp::{Envelope, Refusal};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use store::{
    AccountId, AccountTarget, Flags, Keywords, NewMessage, OtherSizes, PreparedBlob, Store, StoreError,
    TraceEvent, TraceId,
};

/// Messages up to this size are read where they are received; larger ones on a thread of their own,
/// so that other connections need not wait.
const INLINE_WORK_MAX_BYTES: usize = 128 * 1024;
/// A mailbox name in `+detail` is only used if it exists; no mailbox is made by a stranger's mail.
const INBOX: &str = "INBOX";

/// A message to place, with where it goes.
pub struct Letter {
    /// What SMTP or LMTP accepted.
    pub envelope: Box<Envelope>,
    /// Per recipient of the envelope, in its order, the accounts it reaches.
    pub routes: Vec<Arc<[AccountTarget]>>,
    /// Who brought it.
    pub peer: IpAddr,
    /// The name of this server.
    pub hostname: Arc<str>,
    /// Whether recipients are answered each for itself (RFC 2033 §4.2): then those without room do not
    /// cost the others their copies.
    pub each_for_itself: bool,
}

/// A letter that was placed.
pub struct Placed {
    /// The name of its trace.
    pub name: Name,
    /// Accounts that had no room for it; only where each is answered for itself.
    pub full: HashSet<AccountId>,
    /// Accounts that have it now.
    pub placed: HashSet<AccountId>,
}

impl Placed {
    /// What a recipient is told that leads to `route`. Once any of its accounts has the message it counts as
    /// delivered, and the trace tells of the others: if the client tried the recipient again, those who have it would
    /// get one more copy with each try.
    ///
    /// # Errors
    /// None of its accounts has the message.
    pub fn result(&self, route: &[AccountTarget]) -> Result<(), Refusal> {
        if route.iter().any(|target| self.placed.contains(&target.account)) {
            return Ok(());
        }
        match route.iter().find(|target| !self.full.contains(&target.account)) {
            Some(looped) => Err(loop_refusal(&looped.address)),
            None => Err(Refusal::mailbox_full()),
        }
    }
}

/// The message went round (RFC 9228 §4).
pub fn loop_refusal(address: &str) -> Refusal {
    Refusal::new(554, 4, 6, format!("this message was delivered to {address} before, it is in a loop"))
}

/// Why a letter was not placed.
#[derive(Debug)]
pub enum DeliveryError {
    /// It came by here before, for all whom it would reach (RFC 9228 §4): it would go round for ever.
    Loop(String),
    /// An account it goes to has no room.
    OverQuota,
    /// An account or mailbox vanished between RCPT and the message.
    Gone,
    /// The store could not.
    Store(StoreError),
}

/// What one account gets.
struct Copy {
    account: AccountId,
    address: String,
    mailbox: Option<String>,
    prefix: Vec<u8>,
    overview: Vec<u8>,
    other_sizes: OtherSizes,
}

/// A letter made ready off the store's thread.
struct Ready {
    blob: PreparedBlob,
    copies: Vec<Copy>,
    keys: Vec<String>,
    events: Vec<TraceEvent>,
    received_ms: i64,
}

/// Places a letter into all its mailboxes, in one transaction that also records its trace. When this
/// returns a name, all of it is on disk.
///
/// # Errors
/// See [`DeliveryError`]; nothing was placed.
pub async fn deliver(store: &Store, clock: Clock, letter: Letter) -> Result<Placed, DeliveryError> {
    let received_ms = clock.unix_ms();
    let name = Name::new(received_ms);
    let size_bytes = letter.envelope.body.len();
    let letter = Arc::new(letter);
    let mut ready = Arc::new(make_ready(store, &letter, name, received_ms).await?);
    let mut attempt = 0;
    let full = loop {
        attempt += 1;
        let (job, each_for_itself) = (ready.clone(), letter.each_for_itself);
        match store.write(move |tx| place(tx, &job, name.0, each_for_itself)).await {
            Ok(full) => break full,
            // Its content was in the store, and went while we looked.
            Err(StoreError::BlobGone) if attempt < 3 => {
                ready = Arc::new(make_ready(store, &letter, name, received_ms).await?);
            }
            Err(StoreError::OverQuota { .. }) => return Err(DeliveryError::OverQuota),
            Err(StoreError::Missing(_)) => return Err(DeliveryError::Gone),
            Err(error) => return Err(DeliveryError::Store(error)),
        }
    };
    let envelope = &letter.envelope;
    tracing::info!(trace = %name, peer = %letter.peer, sender = %envelope.sender.path, recipients = envelope.recipients.len(), size_bytes, "accepted");
    metrics().messages_accepted.inc();
    metrics().messages_accepted_bytes.add(size_bytes as u64);
    metrics().messages_delivered.add((ready.copies.len() - full.len()) as u64);
    let placed = ready.copies.iter().map(|copy| copy.account).filter(|account| !full.contains(account));
    Ok(Placed { name, placed: placed.collect(), full })
}

async fn make_ready(
    store: &Store,
    letter: &Arc<Letter>,
    name: Name,
    received_ms: i64,
) -> Result<Ready, DeliveryError> {
    if letter.envelope.body.len() <= INLINE_WORK_MAX_BYTES.min(store.prepare_here_max_bytes()) {
        return read_letter(store, letter, name, received_ms);
    }
    let (store, letter) = (store.clone(), letter.clone());
    tokio::task::spawn_blocking(move || read_letter(&store, &letter, name, received_ms))
        .await
        .unwrap_or(Err(DeliveryError::Store(StoreError::Panicked)))
}

fn read_letter(store: &Store, letter: &Letter, name: Name, received_ms: i64) -> Result<Ready, DeliveryError> {
    let mut content = received_field(letter, name, received_ms);
    content.extend_from_slice(&letter.envelope.body);
    let message = mime::Message::parse(&content);
    let (copies, looped) = copies(letter, &message, &content)?;
    let message_id =
        mime::message_id::first(message.headers().get(b"Message-ID").map_or(&[], |field| field.value))
            .map(|id| String::from_utf8_lossy(&id).into_owned());
    let blob = store.prepare_blob_blocking(&content).map_err(DeliveryError::Store)?;
    let mut keys = vec![letter.envelope.sender.path.to_string()];
    keys.extend(letter.envelope.recipients.iter().map(|recipient| recipient.path.to_string()));
    keys.extend(copies.iter().map(|copy| copy.address.clone()));
    keys.extend(looped.iter().cloned());
    keys.extend(message_id);
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    let events = story(letter, &copies, &looped, received_ms);
    Ok(Ready { blob, copies, keys, events, received_ms })
}

/// One copy per account, whichever and however many of its addresses were named, and the addresses that had the
/// message before: what goes round by one address keeps it from no other.
fn copies(
    letter: &Letter,
    message: &mime::Message<'_>,
    content: &[u8],
) -> Result<(Vec<Copy>, Vec<String>), DeliveryError> {
    let (mut copies, mut looped) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    let sender = &letter.envelope.sender.path;
    for target in letter.routes.iter().flat_map(|route| route.iter()) {
        if !seen.insert(target.account) {
            continue;
        }
        if came_by_before(message, &target.address) {
            looped.push(target.address.clone());
            continue;
        }
        // RFC 5321 §4.4 (Return-Path at final delivery), RFC 9228 §3 (Delivered-To, before it).
        let mut prefix =
            format!("Return-Path: <{sender}>\r\nDelivered-To: {}\r\n", target.address).into_bytes();
        let prefix_len = prefix.len();
        prefix.extend_from_slice(content);
        let overview = mime::Overview::build(&mime::Message::parse(&prefix)).to_bytes();
        let other_sizes = crate::pop3::other_sizes(&prefix);
        prefix.truncate(prefix_len);
        prefix.shrink_to_fit();
        let (account, address, mailbox) =
            (target.account, target.address.clone(), target.mailbox_hint.clone());
        copies.push(Copy { account, address, mailbox, prefix, overview, other_sizes });
    }
    match looped.first() {
        Some(address) if copies.is_empty() => Err(DeliveryError::Loop(address.clone())),
        _ => Ok((copies, looped)),
    }
}

fn came_by_before(message: &mime::Message<'_>, address: &str) -> bool {
    message.headers().all(b"Delivered-To").any(|field| {
        let unfolded = field.unfolded();
        unfolded.trim_ascii().eq_ignore_ascii_case(address.as_bytes())
    })
}

/// The trace field of this hop (RFC 5321 §4.4, RFC 8314 §4.3 for TLS).
fn received_field(letter: &Letter, name: Name, received_ms: i64) -> Vec<u8> {
    let envelope = &letter.envelope;
    let address = match letter.peer.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    };
    let tls = envelope.tls.as_ref().map(|tls| format!(" ({})", tls.description)).unwrap_or_default();
    // With more than one recipient the clause would tell each of the others (RFC 5321 §7.2).
    let to = match envelope.recipients.as_slice() {
        [only] => format!("\r\n\tfor <{}>", only.path),
        _ => String::new(),
    };
    let date = mime::Date::utc(received_ms / 1000).to_rfc5322();
    format!(
        "Received: from {} ({address})\r\n\tby {} with {} id {name}{tls}{to};\r\n\t{date}\r\n",
        envelope.hello, letter.hostname, envelope.protocol
    )
    .into_bytes()
}

fn story(letter: &Letter, copies: &[Copy], looped: &[String], at_ms: i64) -> Vec<TraceEvent> {
    let envelope = &letter.envelope;
    let mut events = Vec::with_capacity(1 + copies.len());
    let mut how = format!(
        "from <{}> by {} [{}], {}, {} bytes",
        envelope.sender.path,
        envelope.hello,
        letter.peer.to_canonical(),
        envelope.protocol,
        envelope.body.len()
    );
    if let Some(tls) = &envelope.tls {
        how.push_str(", ");
        how.push_str(&tls.description);
    }
    if let Some(user) = &envelope.sender.authenticated {
        how.push_str(", logged in as ");
        how.push_str(user);
    }
    events.push(event(Kind::Received, at_ms, None, how));
    for copy in copies {
        let mailbox = copy.mailbox.as_deref().unwrap_or(INBOX);
        events.push(event(Kind::Delivered, at_ms, Some(&copy.address), format!("into {mailbox}")));
    }
    for address in looped {
        let detail = "it was delivered here before, it is in a loop";
        events.push(event(Kind::Refused, at_ms, Some(address), detail));
    }
    events
}

/// Places all copies; the accounts that had no room, where that does not undo the rest. Where one reply stands for
/// several accounts, each that has any room takes the message, even over its quota: the message would be refused to all
/// of them for the sake of one, and those without any room are refused by name at the next RCPT.
fn place(
    tx: &mut store::Tx<'_>,
    ready: &Ready,
    trace_id: TraceId,
    each_for_itself: bool,
) -> Result<HashSet<AccountId>, StoreError> {
    let no_keywords = Keywords::default();
    let shared = ready.copies.len() > 1;
    let mut full = HashSet::new();
    let mut events = ready.events.clone();
    for (copy, told) in ready.copies.iter().zip(events.iter_mut().skip(1)) {
        let hinted = match &copy.mailbox {
            Some(hint) => tx.mailbox_by_name(copy.account, hint)?,
            None => None,
        };
        let mailbox = match hinted {
            Some(mailbox) => mailbox,
            None => tx
                .mailbox_by_name(copy.account, INBOX)?
                .ok_or(StoreError::Missing(store::Missing::Mailbox))?,
        };
        told.detail = format!("into {}", mailbox.name);
        let new = NewMessage {
            blob: &ready.blob,
            prefix: &copy.prefix,
            received_ms: ready.received_ms,
            flags: Flags::default(),
            keywords: &no_keywords,
            overview: &copy.overview,
            trace_id,
            other_sizes: copy.other_sizes,
        };
        let added = match shared && !each_for_itself {
            true => tx.add_last_message(copy.account, mailbox.id, &new),
            false => tx.add_message(copy.account, mailbox.id, &new),
        };
        match added {
            // With no copy at all there is nothing to accept.
            Err(StoreError::OverQuota { .. }) if each_for_itself && full.len() + 1 < ready.copies.len() => {
                full.insert(copy.account);
                told.kind = Kind::Refused as u16;
                told.detail = "the mailbox is full".into();
            }
            added => drop(added?),
        }
    }
    let keys: Vec<&str> = ready.keys.iter().map(String::as_str).collect();
    tx.record_trace(trace_id, &keys, &events)?;
    Ok(full)
}
