//! DATA: the message, dot-stuffed (RFC 5321 §4.1.1.4).

use crate::body::{Body, Pace};
use crate::error::Fault;
use crate::reply;
use crate::session::{Session, Stage, Transaction, Turn};
use wire::Input;
use wire::dot::DotReader;

pub(super) const SYNTAX: &str = "DATA";

/// A message that arrives after 354.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) transaction: Transaction,
    reader: DotReader,
    body: Body,
    pub(crate) pace: Pace,
}

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    super::no_arguments(args, SYNTAX)?;
    let transaction = session.transaction().ok_or(Fault::NeedMail)?;
    if transaction.chunked.is_some() {
        return Err(Fault::NotBetweenChunks);
    }
    if transaction.recipients.is_empty() {
        return Err(Fault::NeedRecipients);
    }
    let Some(transaction) = session.take_transaction() else { return Err(Fault::Confused) };
    let limits = &session.settings.limits;
    let reader = DotReader::new(limits.message_size_max_bytes, limits.text_line_len_max_bytes);
    let pace = Pace::new(turn.now, limits);
    let body = Body::new(&session.settings, &session.budget);
    session.stage = Stage::Text(Box::new(Text { transaction, reader, body, pace }));
    reply::write(turn.out.bytes_mut(), "354", "end the message with <CR><LF>.<CR><LF>");
    Ok(())
}

/// Takes what has arrived of the message; true once its end was read and dealt with.
pub(crate) fn read(session: &mut Session, input: &mut Input, turn: &mut Turn) -> bool {
    let Stage::Text(text) = &mut session.stage else { return false };
    let before = input.len();
    let end = text.reader.read(input, |piece| text.body.push(piece));
    text.pace.received(turn.now, before - input.len(), &session.settings.limits);
    let Some(end) = end else { return false };
    let Stage::Text(text) = std::mem::replace(&mut session.stage, Stage::Commands) else { return false };
    let Text { transaction, body, .. } = *text;
    let whole = match end.too_large {
        // RFC 1870 §6.3: refused only now, and the dialogue goes on.
        true => Err(Fault::TooLarge),
        false => body.finish(end.faults, Fault::BareLineEnd, &session.settings.limits),
    };
    session.message_arrived(transaction, whole, turn);
    true
}
