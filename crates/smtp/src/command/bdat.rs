//! BDAT: the message in counted chunks (RFC 3030 §2).

use crate::body::{Chunked, Pace};
use crate::error::Fault;
use crate::params::parse_size;
use crate::reply;
use crate::session::{Session, Stage, Transaction, Turn};
use wire::Input;
use wire::counted::CountedReader;

pub(super) const SYNTAX: &str = "BDAT size [LAST]";

/// A chunk that arrives.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// What it belongs to, if anything.
    pub(crate) transaction: Option<Transaction>,
    /// Why it is read and thrown away.
    refused: Option<Fault>,
    reader: CountedReader,
    len_bytes: u64,
    last: bool,
    pub(crate) pace: Pace,
}

/// The chunk follows the command at once, so one that is refused must be read all the same
/// (RFC 3030 §2). Where that cannot be done, for want of a length or because there is too much,
/// what follows could only be misread as commands: the connection ends.
pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    let (len_bytes, last) = parse(args).ok_or(Fault::ChunkSize)?;
    let refused = check(session, len_bytes).err();
    let limits = &session.settings.limits;
    if let Some(fault) = refused.filter(|_| len_bytes > limits.chunk_drain_max_bytes) {
        match session.take_transaction() {
            Some(transaction) => session.fail_message(turn.now, fault, &transaction, turn.out),
            None => session.fail(turn.now, fault, turn.out),
        }
        session.close(turn.out);
        return Ok(());
    }
    let transaction = session.take_transaction().map(|mut transaction| {
        if refused.is_none() && transaction.chunked.is_none() {
            transaction.chunked = Some(Chunked::new(&session.settings, &session.budget, turn.now));
        }
        transaction
    });
    let (reader, pace) = (CountedReader::new(len_bytes), Pace::new(turn.now, &session.settings.limits));
    session.stage = Stage::Chunk(Box::new(Chunk { transaction, refused, reader, len_bytes, last, pace }));
    Ok(())
}

fn parse(args: &[u8]) -> Option<(u64, bool)> {
    let mut words = std::str::from_utf8(args).ok()?.split(' ');
    let len_bytes = parse_size(words.next()?)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some((len_bytes, last))
}

/// Whether the chunk can be taken.
fn check(session: &mut Session, len_bytes: u64) -> Result<(), Fault> {
    let max = session.settings.limits.message_size_max_bytes;
    if session.client.hello.is_none() {
        return Err(Fault::NeedHello);
    }
    let transaction = session.transaction().ok_or(Fault::ChunkAfterFailure)?;
    if transaction.recipients.is_empty() {
        return Err(Fault::NeedRecipients);
    }
    let held = transaction.chunked.as_ref().map_or(0, |chunked| chunked.body.len() as u64);
    if held.saturating_add(len_bytes) > max { Err(Fault::TooLarge) } else { Ok(()) }
}

/// Takes what has arrived of the chunk; true once its end was read and dealt with.
pub(crate) fn read(session: &mut Session, input: &mut Input, turn: &mut Turn) -> bool {
    let Stage::Chunk(chunk) = &mut session.stage else { return false };
    let before = input.len();
    let wanted = chunk.transaction.as_mut().filter(|_| chunk.refused.is_none());
    let mut chunked = wanted.and_then(|transaction| transaction.chunked.as_mut());
    let complete = chunk.reader.read(input, |piece| {
        if let Some(Chunked { body, check, .. }) = &mut chunked {
            check.look(piece);
            body.push(piece);
        }
    });
    chunk.pace.received(turn.now, before - input.len(), &session.settings.limits);
    if !complete {
        return false;
    }
    let Stage::Chunk(chunk) = std::mem::replace(&mut session.stage, Stage::Commands) else { return false };
    finish(session, *chunk, turn);
    true
}

fn finish(session: &mut Session, chunk: Chunk, turn: &mut Turn) {
    let Chunk { transaction, refused, len_bytes, last, .. } = chunk;
    match (refused, transaction) {
        // The last chunk ends the message, also a refused one: LMTP owes its replies.
        (Some(fault @ Fault::TooLarge), Some(transaction)) if last => {
            session.message_arrived(transaction, Err(fault), turn);
        }
        // A transaction without recipients can still get some; any other is over (RFC 3030 §2).
        (Some(fault @ Fault::NeedRecipients), Some(transaction)) => {
            session.begin(transaction);
            session.fail(turn.now, fault, turn.out);
        }
        (Some(fault), Some(transaction)) => {
            session.fail_message(turn.now, fault, &transaction, turn.out);
        }
        (Some(fault), None) => session.fail(turn.now, fault, turn.out),
        (None, Some(mut transaction)) => match transaction.chunked.take() {
            Some(Chunked { body, check, .. }) if last => {
                let limits = &session.settings.limits;
                let whole = body.finish(check.faults(true), Fault::BareLineEndInChunk, limits);
                session.message_arrived(transaction, whole, turn);
            }
            Some(chunked) if !chunked.body.is_short() => {
                transaction.chunked = Some(chunked);
                session.begin(transaction);
                let text = format!("2.0.0 {len_bytes} bytes received");
                reply::write(turn.out.bytes_mut(), "250", &text);
            }
            _ => session.fail_message(turn.now, Fault::NoMemory, &transaction, turn.out),
        },
        (None, None) => session.fail(turn.now, Fault::Confused, turn.out),
    }
}
