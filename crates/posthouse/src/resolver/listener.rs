//! The resolver for others: a listener for named networks, and for nobody where none is named.
//!
//! # Hostile input
//! A datagram from elsewhere is not answered at all, so that nothing here can be used against anyone. Who may ask has
//! so many questions open at once and no more; what is over is dropped, and may be asked again.
//!
//! # Standards
//! RFC 4035 §3.2 and RFC 6840 §5.7 to §5.9: signatures and proofs for those who set DO, AD for what was found valid,
//! and for those who set CD also what was not.

use super::{Resolve, Resolver};
use crate::config::Network;
use ::dns::resolve::{Answer, Outcome, Verdict};
use ::dns::{Class, Flags, MessageReader, MessageWriter, Name, Opcode, Question, Rcode, RecordType, Section};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::time::timeout;

/// Questions of one address that are worked on at once (DNSBomb, CVE-2024-33655: answers held back to be sent at
/// once).
const PENDING_PER_ADDRESS_MAX: u32 = 100;
/// Questions of all.
const PENDING_MAX: u32 = 2000;
/// Without EDNS a datagram has at most so many bytes (RFC 1035 §4.2.1), with it what passes everywhere (RFC 9715).
const PLAIN_MAX_BYTES: usize = 512;
const EDNS_MAX_BYTES: u16 = 1232;
/// An idle connection is closed after this time (RFC 9210 §4.3).
const IDLE: Duration = Duration::from_secs(10);
/// Questions are no longer than this.
const QUERY_MAX_BYTES: usize = 1024;
/// The option of extended errors (RFC 8914 §2).
const OPTION_EXTENDED_ERROR: u16 = 15;
/// The bit DO of OPT (RFC 3225 §3).
const DNSSEC_OK: u32 = 0x8000;

/// The sockets of one address.
pub struct Opened {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// Opens the sockets.
///
/// # Errors
/// The address and why it cannot be had.
pub async fn open(addresses: &[SocketAddr]) -> io::Result<Vec<Opened>> {
    let mut all = Vec::new();
    for address in addresses {
        let failed = |error: io::Error| {
            io::Error::new(error.kind(), format!("[resolver] listen: cannot listen on {address}: {error}"))
        };
        let udp = UdpSocket::bind(address).await.map_err(failed)?;
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        all.push(Opened { udp, tcp });
    }
    Ok(all)
}

/// Who may ask, and how many questions each has open.
struct Guests {
    networks: Vec<Network>,
    open: Mutex<(u32, HashMap<IpAddr, u32>)>,
}

/// A question that is worked on.
struct Turn {
    guests: Arc<Guests>,
    address: IpAddr,
}

impl Guests {
    fn are_welcome(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    fn turn(self: &Arc<Self>, address: IpAddr) -> Option<Turn> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, each) = &mut *open;
        if *all >= PENDING_MAX || each.get(&address).is_some_and(|own| *own >= PENDING_PER_ADDRESS_MAX) {
            return None;
        }
        // Only who has a question open is listed: there are as many as questions at most.
        *each.entry(address).or_default() += 1;
        *all += 1;
        Some(Turn { guests: self.clone(), address })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut open = self.guests.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, each) = &mut *open;
        *all -= 1;
        if let Some(own) = each.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                each.remove(&self.address);
            }
        }
    }
}

/// Answers until the server stops.
pub fn start(opened: Vec<Opened>, networks: &[Network], resolver: &Resolver, stop: &watch::Receiver<bool>) {
    let guests = Arc::new(Guests { networks: networks.to_vec(), open: Mutex::default() });
    for Opened { udp, tcp } in opened {
        if let Ok(address) = udp.local_addr() {
            tracing::info!(%address, "listening for those who may look up names");
        }
        tokio::spawn(datagrams(Arc::new(udp), guests.clone(), resolver.clone(), stop.clone()));
        tokio::spawn(streams(tcp, guests.clone(), resolver.clone(), stop.clone()));
    }
}

async fn datagrams(
    socket: Arc<UdpSocket>,
    guests: Arc<Guests>,
    resolver: Resolver,
    mut stop: watch::Receiver<bool>,
) {
    let mut buffer = [0; QUERY_MAX_BYTES];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = crate::driver::stopped(&mut stop) => return,
        };
        let (len, peer) = match received {
            Ok(received) => received,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        if !guests.are_welcome(peer.ip()) {
            continue;
        }
        let Some(turn) = guests.turn(peer.ip()) else { continue };
        let (query, socket, resolver) = (buffer[..len].to_vec(), socket.clone(), resolver.clone());
        tokio::spawn(async move {
            if let Some(answer) = answer(&query, &resolver, false).await {
                let _ = socket.send_to(&answer, peer).await;
            }
            drop(turn);
        });
    }
}

async fn streams(
    listener: TcpListener,
    guests: Arc<Guests>,
    resolver: Resolver,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = crate::driver::stopped(&mut stop) => return,
        };
        match accepted {
            Ok((stream, peer)) if guests.are_welcome(peer.ip()) => {
                if let Some(turn) = guests.turn(peer.ip()) {
                    let resolver = resolver.clone();
                    tokio::spawn(async move {
                        let _ = converse(stream, &resolver).await;
                        drop(turn);
                    });
                }
            }
            Ok(_) => {}
            Err(error) => pause_after(&error).await,
        }
    }
}

/// What the system refuses it refuses again at once; waiting costs nobody anything.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "the resolver's listener cannot take a question");
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// One question after the other.
async fn converse(mut stream: TcpStream, resolver: &Resolver) -> io::Result<()> {
    loop {
        let len = usize::from(timeout(IDLE, stream.read_u16()).await??);
        if len > QUERY_MAX_BYTES {
            return Ok(());
        }
        let mut query = vec![0; len];
        timeout(IDLE, stream.read_exact(&mut query)).await??;
        let Some(answer) = answer(&query, resolver, true).await else { return Ok(()) };
        let len = u16::try_from(answer.len()).map_err(io::Error::other)?;
        timeout(IDLE, stream.write_all(&[&len.to_be_bytes()[..], &answer].concat())).await??;
    }
}

/// A question as it was read.
struct Query {
    id: u16,
    flags: Flags,
    question: Question,
    edns: Option<Edns>,
}

/// What OPT says.
#[derive(Clone, Copy)]
struct Edns {
    payload_bytes: usize,
    /// DO: signatures and proofs are wanted.
    dnssec: bool,
    version: u8,
}

impl Query {
    fn dnssec(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec)
    }
}

/// Nothing for what is no question.
fn read(message: &[u8]) -> Option<Result<Query, Rcode>> {
    let mut reader = MessageReader::new(message).ok()?;
    let header = *reader.header();
    if header.flags.has(Flags::QR) {
        return None;
    }
    if header.flags.opcode() != Opcode::QUERY {
        return Some(Err(Rcode::NOTIMP));
    }
    let [1, 0, 0, _] = header.counts else { return Some(Err(Rcode::FORMERR)) };
    let Ok(Some(question)) = reader.question() else { return Some(Err(Rcode::FORMERR)) };
    let mut edns = None;
    loop {
        match reader.raw_record() {
            Ok(Some(record)) if record.rtype == RecordType::OPT => {
                if edns.is_some() || !record.owner.is_root() {
                    return Some(Err(Rcode::FORMERR));
                }
                edns = Some(Edns {
                    payload_bytes: usize::from(record.class.0),
                    dnssec: record.ttl_bits & DNSSEC_OK != 0,
                    version: (record.ttl_bits >> 16) as u8,
                });
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => return Some(Err(Rcode::FORMERR)),
        }
    }
    Some(Ok(Query { id: header.id, flags: header.flags, question, edns }))
}

async fn answer(message: &[u8], resolver: &Resolver, is_stream: bool) -> Option<Vec<u8>> {
    let query = match read(message)? {
        Ok(query) => query,
        Err(rcode) => {
            let id = u16::from_be_bytes([*message.first()?, *message.get(1)?]);
            let flags = Flags::QR.with(Flags::RA).with_rcode(rcode);
            return Some(MessageWriter::new(Vec::new(), id, flags, PLAIN_MAX_BYTES).finish());
        }
    };
    let most = usize::from(EDNS_MAX_BYTES);
    let limit = match (is_stream, query.edns) {
        (true, _) => ::dns::message::MESSAGE_LEN_MAX_BYTES,
        (false, None) => PLAIN_MAX_BYTES,
        (false, Some(edns)) => edns.payload_bytes.clamp(PLAIN_MAX_BYTES, most),
    };
    // RFC 6891 §6.1.3.
    if query.edns.is_some_and(|edns| edns.version > 0) {
        return Some(write(&query, Rcode::BADVERS, None, limit));
    }
    let Question { name, rtype, class } = &query.question;
    let outcome = match *class {
        // RFC 6840 §5.9: what fails validation is told to those who want it.
        Class::IN if query.flags.has(Flags::CD) => resolver.unjudged(name, *rtype).await,
        Class::IN => resolver.lookup(name, *rtype).await,
        _ => return Some(write(&query, Rcode::REFUSED, None, limit)),
    };
    let rcode = match &outcome.answer {
        Answer::Records(_) | Answer::NoData => Rcode::NOERROR,
        Answer::NxDomain => Rcode::NXDOMAIN,
        Answer::Failed => Rcode::SERVFAIL,
    };
    Some(write(&query, rcode, Some(&outcome), limit))
}

/// The answer; cut short if it is over the limit.
fn write(query: &Query, rcode: Rcode, outcome: Option<&Outcome>, limit: usize) -> Vec<u8> {
    let asked = Flags(query.flags.0 & (Flags::RD.0 | Flags::CD.0));
    let mut flags = asked.with(Flags::QR).with(Flags::RA).with_rcode(rcode);
    let wants_ad = query.flags.has(Flags::AD) || query.dnssec();
    let is_secure = outcome.is_some_and(|o| o.verdict == Verdict::Secure && !o.is_failure());
    // RFC 6840 §5.7, §5.8.
    if wants_ad && is_secure {
        flags = flags.with(Flags::AD);
    }
    let opt = query.edns.map(|_| options(outcome));
    let reserve = opt.as_ref().map_or(0, |options| options.len() + 11);
    let mut writer = MessageWriter::new(Vec::new(), query.id, flags, limit - reserve);
    let fits = writer.question(&query.question).is_ok()
        && outcome.is_none_or(|outcome| records(query, outcome, &mut writer).is_ok());
    if !fits {
        writer = MessageWriter::new(Vec::new(), query.id, flags.with(Flags::TC), limit - reserve);
        let _ = writer.question(&query.question);
    }
    if let Some(options) = opt {
        writer.set_limit(limit);
        // The bit is repeated (RFC 3225 §3, RFC 6840 §5.6).
        let bits = u32::from(rcode.0 >> 4) << 24 | if query.dnssec() { DNSSEC_OK } else { 0 };
        let fields = (RecordType::OPT, Class(EDNS_MAX_BYTES), bits);
        let _ = writer.raw(Section::Additional, &Name::root(), fields, &options);
    }
    writer.finish()
}

fn options(outcome: Option<&Outcome>) -> Vec<u8> {
    let Some(error) = outcome.and_then(|outcome| outcome.error.as_ref()) else { return Vec::new() };
    let len = 2_u16;
    [OPTION_EXTENDED_ERROR.to_be_bytes(), len.to_be_bytes(), error.code.to_be_bytes()].concat()
}

fn records(query: &Query, outcome: &Outcome, writer: &mut MessageWriter) -> Result<(), ::dns::message::Full> {
    let sections = outcome.sections(&query.question.name, query.dnssec());
    sections.answer.iter().try_for_each(|record| writer.record(Section::Answer, record))?;
    sections.authority.iter().try_for_each(|record| writer.record(Section::Authority, record))
}
