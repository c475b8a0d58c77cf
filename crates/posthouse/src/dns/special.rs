//! Messages that are more than questions: signed ones, transfers, notifications, updates.
//!
//! They are rare and may take memory and time. First of all the signature is checked, once for all kinds;
//! what a request may do is then decided in [`super::acl`].

mod fetch;
mod update;

use super::acl::{self, Asker};
use super::names::Names;
use super::reply::{Extended, refuse};
use super::tcp::Peer;
use ::dns::notify::Notification;
use ::dns::tsig::{self, Key, check_request};
use ::dns::{Flags, Header, MessageReader, Name, Opcode, Rcode, RecordType};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use store::{PeerRole, ZoneKind};
use tokio::sync::mpsc;

/// Messages of an answer, made as they are taken: whoever does not read holds the maker up.
pub type Stream = mpsc::Receiver<Vec<u8>>;

/// What becomes of a special message.
pub enum Work {
    /// This is sent; nothing if it is empty.
    Now(Vec<u8>),
    /// What comes out is sent.
    Later(Pin<Box<dyn Future<Output = Stream> + Send>>),
}

/// By which way a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Who sent it.
    pub peer: Peer,
    /// Whether by UDP.
    pub is_datagram: bool,
    /// How long an answer may be, in bytes.
    pub limit_bytes: usize,
}

/// A message whose signature was checked, without it.
struct Checked {
    plain: Vec<u8>,
    request: Option<tsig::Request>,
    key: Option<Key>,
}

impl Checked {
    /// Signs an answer if the request was signed.
    fn seal(&self, unix_s: u64, mut answer: Vec<u8>) -> Vec<u8> {
        if let Some(mut signer) = self.request.as_ref().and_then(tsig::Request::signer)
            && !answer.is_empty()
        {
            signer.sign(unix_s, &mut answer);
        }
        answer
    }

    fn asker(&self, way: &Way) -> Asker<'_> {
        Asker { address: way.peer.address.ip(), key: self.key.as_ref(), is_datagram: way.is_datagram }
    }

    /// A signed refusal.
    fn refuse(&self, unix_s: u64, code: Rcode, extended: Option<Extended>) -> Vec<u8> {
        self.seal(unix_s, refuse(&self.plain, code, extended))
    }
}

impl Names {
    /// Works on a message that the answering of plain questions handed back.
    pub fn special(self: &Arc<Names>, message: &[u8], way: &Way) -> Work {
        let unix_s = self.unix_s();
        let checked = match self.check(message, unix_s) {
            Ok(checked) => checked,
            Err(answer) => return Work::Now(answer),
        };
        let Some(header) = Header::read(&checked.plain) else { return Work::Now(Vec::new()) };
        match header.flags.opcode() {
            Opcode::NOTIFY => Work::Now(checked.seal(unix_s, self.notified(&checked, way))),
            Opcode::UPDATE => update::work(self, checked, way),
            Opcode::QUERY => match question_type(&checked.plain) {
                Some(RecordType::AXFR | RecordType::IXFR) => fetch::work(self, checked, way),
                _ => Work::Now(self.signed_question(&checked, way, unix_s)),
            },
            _ => Work::Now(checked.refuse(unix_s, Rcode::NOTIMP, None)),
        }
    }

    /// Checks the signature, if there is one.
    fn check(&self, message: &[u8], unix_s: u64) -> Result<Checked, Vec<u8>> {
        let request = check_request(message, unix_s, |name| self.key_of(name))
            .map_err(|_| refuse(message, Rcode::FORMERR, None))?;
        let Some(request) = request else {
            return Ok(Checked { plain: message.to_vec(), request: None, key: None });
        };
        let plain = without_tsig(message, request.len_bytes);
        match &request.outcome {
            Ok(key) => Ok(Checked { plain, key: Some(key.clone()), request: Some(request) }),
            Err(_) => {
                let mut answer = refuse(&plain, Rcode(u16::from(tsig::NOTAUTH)), None);
                if !answer.is_empty() {
                    request.append_fault(unix_s, &mut answer);
                }
                Err(answer)
            }
        }
    }

    fn key_of(&self, name: &[u8]) -> Option<Key> {
        let name = Name::from_wire(name).ok()?;
        let key = self.zones().tsig_key(&name.to_text_without_dot())?;
        acl::tsig_key(&key)
    }

    /// A plain question that was signed: answered as any other, and signed.
    fn signed_question(&self, checked: &Checked, way: &Way, unix_s: u64) -> Vec<u8> {
        let answer = self.answer_alone(&checked.plain, way, tsig::RECORD_LEN_MAX_BYTES);
        checked.seal(unix_s, answer)
    }

    /// A primary says that a zone changed (RFC 1996 §3.10, §3.11). Who is no primary of the zone costs a look
    /// at a table and nothing else.
    fn notified(&self, checked: &Checked, way: &Way) -> Vec<u8> {
        let told = match Notification::parse(&checked.plain) {
            Ok(told) => told,
            Err(code) => return refuse(&checked.plain, code, None),
        };
        let head = self.zones().head(&told.zone).filter(|head| head.kind == ZoneKind::Secondary);
        let allowed = head.is_some_and(|head| acl::may(&head, PeerRole::Primary, &checked.asker(way)));
        if !allowed {
            self.stranger("a notification", &told.zone, way);
            return refuse(&checked.plain, Rcode::REFUSED, Some(Extended::Prohibited));
        }
        self.tell_secondary(&told.zone);
        let mut answer = refuse(&checked.plain, Rcode::NOERROR, None);
        if let Some(byte) = answer.get_mut(2) {
            *byte |= (Flags::AA.0 >> 8) as u8;
        }
        answer
    }
}

/// The message without the record at its end, which is counted.
fn without_tsig(message: &[u8], len_bytes: usize) -> Vec<u8> {
    let mut plain = message[..len_bytes].to_vec();
    let count = u16::from_be_bytes([plain[10], plain[11]]).saturating_sub(1);
    plain[10..12].copy_from_slice(&count.to_be_bytes());
    plain
}

fn question_type(message: &[u8]) -> Option<RecordType> {
    let mut reader = MessageReader::new(message).ok()?;
    reader.question().ok()?.map(|question| question.rtype)
}

/// A single message as a stream; none if it is empty.
fn once(message: Vec<u8>) -> Stream {
    let (put, stream) = mpsc::channel(1);
    if !message.is_empty() {
        // There is room for one.
        let _ = put.try_send(message);
    }
    stream
}
