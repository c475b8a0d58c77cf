//! Messages to and from other servers: what is asked, what counts as an answer to it, and which of its records
//! are believed.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Alias, Limits, Verdict};
use crate::code::{Class, Opcode, Rcode, RecordType, Ttl};
use crate::dnssec::Rrsig;
use crate::message::{Flags, Header, MessageReader, MessageWriter, Question, RawRecord, Section};
use crate::name::Name;
use crate::rdata::{RData, Soa};
use crate::record::RRset;

/// What we can take by UDP (RFC 9715 §3.2).
const PAYLOAD_BYTES: u16 = 1232;
/// The bit DO of OPT (RFC 3225 §3).
const DNSSEC_OK: u32 = 0x8000;
/// The option COOKIE (RFC 7873 §4).
const OPTION_COOKIE: u16 = 10;
/// Sets that are kept of one section: a proof takes three sets of NSEC3 and the SOA; more is padding.
const PROOF_SETS_MAX: usize = 12;
/// Options that are looked at in one OPT record.
const OPTIONS_MAX: usize = 16;

/// A set with the signatures that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedSet {
    pub(super) owner: Name,
    pub(super) set: RRset,
    pub(super) signatures: Vec<Rrsig>,
}

impl SignedSet {
    /// The memory it takes, roughly, in bytes.
    pub(super) fn size(&self) -> usize {
        let data = self.set.data().iter().map(|data| data.as_wire().len() + 32).sum::<usize>();
        let signatures = self.signatures.iter().map(|s| s.signature.len() + s.signer.as_wire().len() + 96);
        data + signatures.sum::<usize>() + self.owner.as_wire().len() + 96
    }
}

/// What a message says about the question, and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The records.
    Records(SignedSet),
    /// The name is an alias.
    Cname(SignedSet),
    /// A name above it is rewritten.
    Dname(SignedSet),
    /// No such type.
    NoData,
    /// No such name.
    NxDomain,
}

impl Said {
    /// In words.
    pub(super) fn describe(&self) -> String {
        match self {
            Said::Records(set) => format!("{} records", set.set.len()),
            Said::Cname(_) => "an alias".into(),
            Said::Dname(set) => format!("an alias of all below {}", set.owner),
            Said::NoData => "no such records".into(),
            Said::NxDomain => "no such name".into(),
        }
    }

    /// What `name` is an alias of; `None` if it is none, or its target would be too long (RFC 6672 §2.2).
    pub(super) fn alias(&self, name: &Name, verdict: Verdict) -> Option<Alias> {
        let (Said::Cname(set) | Said::Dname(set)) = self else { return None };
        let target = set.set.data().first()?.target()?;
        let target = match self {
            Said::Dname(_) => name.rebase(&set.owner, &target)?.ok()?,
            _ => target,
        };
        Some(Alias { name: name.clone(), target, by: set.set.rtype(), verdict })
    }
}

/// An answer as it is remembered: only for the question that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) said: Said,
    /// SOA, NSEC and NSEC3 of the authority section.
    pub(super) proof: Vec<SignedSet>,
    pub(super) ttl: Ttl,
    /// Nobody asked: a referral shows that there is no DS, without the SOA that a denial should have.
    pub(super) by_the_way: bool,
}

impl Reply {
    pub(super) fn size(&self) -> usize {
        let said = match &self.said {
            Said::Records(set) | Said::Cname(set) | Said::Dname(set) => set.size(),
            Said::NoData | Said::NxDomain => 0,
        };
        said + self.proof.iter().map(SignedSet::size).sum::<usize>() + 128
    }

    /// The same with only those sets of the proof, by their places.
    pub(super) fn proven_by(&self, right: &[usize]) -> Reply {
        let proof = right.iter().filter_map(|at| self.proof.get(*at)).cloned().collect();
        Reply { said: self.said.clone(), proof, ttl: self.ttl, by_the_way: self.by_the_way }
    }
}

/// A delegation as the parent gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Referral {
    pub(super) zone: Name,
    pub(super) servers: Vec<Name>,
    pub(super) glue: Vec<(Name, IpAddr)>,
    /// What was said about its DS, to be remembered as the answer to that question.
    pub(super) ds: Option<Reply>,
    pub(super) ttl: Ttl,
}

/// What a message comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Reply(Reply),
    Referral(Referral),
    /// To be asked again by TCP.
    Truncated,
    /// To be asked again with the cookie that it brought.
    BadCookie,
    /// The server does not know EDNS (RFC 6891 §7).
    NoEdns,
    /// The server cannot help.
    Useless(String),
}

/// How a message is told from those that only look like the answer (RFC 5452 §9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerCheck {
    id: u16,
    /// The question as it was written, its letters in the case that was chosen at random.
    question: Vec<u8>,
    /// Whether the case must come back as it was sent.
    exact_case: bool,
    cookie: [u8; 8],
    /// The server gave cookies before: an answer without one is not its (RFC 7873 §5.3).
    needs_cookie: bool,
}

impl AnswerCheck {
    /// Whether `message` is the answer that is waited for. Others are to be passed over and counted: the true one
    /// may still come.
    pub fn accepts(&self, message: &[u8]) -> bool {
        let Some(header) = Header::read(message) else { return false };
        if header.id != self.id || !header.flags.has(Flags::QR) || header.flags.opcode() != Opcode::QUERY {
            return false;
        }
        // Some servers repeat no question where they could not read it.
        let errors = [Rcode::FORMERR, Rcode::NOTIMP, Rcode::SERVFAIL, Rcode::REFUSED];
        let is_bare = header.counts == [0; 4] && errors.contains(&header.flags.rcode());
        if is_bare {
            return !self.needs_cookie;
        }
        let Some(echoed) = message.get(12..12 + self.question.len()) else { return false };
        let same = match self.exact_case {
            true => echoed == self.question,
            // Length bytes and numbers: what looks like a letter there is not compared as one by chance only.
            false => echoed.eq_ignore_ascii_case(&self.question),
        };
        same && header.counts[0] == 1 && self.cookie_fits(message)
    }

    fn cookie_fits(&self, message: &[u8]) -> bool {
        match opt(message) {
            // What cannot be read is told apart later.
            Err(()) => true,
            Ok(Some(Opt { cookie: Some(cookie), .. })) => cookie.starts_with(&self.cookie),
            Ok(_) => !self.needs_cookie,
        }
    }
}

/// What goes into a question besides name and type.
pub(super) struct Manner {
    pub(super) id: u16,
    /// Bits that choose the case of letters.
    pub(super) case: u64,
    /// With EDNS: the client's half of the cookie and, if known, the server's.
    pub(super) edns: bool,
    pub(super) client_cookie: [u8; 8],
    pub(super) server_cookie: Option<Vec<u8>>,
    /// Asked of a server that is to do the search (RD), and to leave validation to us (CD, RFC 4035 §3.2.2).
    pub(super) recursive: bool,
    pub(super) tcp: bool,
}

/// Writes a question, and how its answer is known.
pub(super) fn question(name: &Name, rtype: RecordType, manner: &Manner) -> (Vec<u8>, AnswerCheck) {
    let name = if manner.tcp { name.clone() } else { in_case(name, manner.case) };
    let flags = if manner.recursive { Flags::RD.with(Flags::CD) } else { Flags::default() };
    let mut writer = MessageWriter::new(Vec::new(), manner.id, flags, 1024);
    let question = Question { name: name.clone(), rtype, class: Class::IN };
    writer.question(&question).expect("a question and an OPT record have at most 361 bytes");
    if manner.edns {
        let server = manner.server_cookie.as_deref().unwrap_or_default();
        let len = u16::try_from(8 + server.len()).expect("a cookie has at most 40 bytes");
        let option =
            [&OPTION_COOKIE.to_be_bytes()[..], &len.to_be_bytes(), &manner.client_cookie, server].concat();
        let fields = (RecordType::OPT, Class(PAYLOAD_BYTES), DNSSEC_OK);
        writer
            .raw(Section::Additional, &Name::root(), fields, &option)
            .expect("a question and an OPT record have at most 361 bytes");
    }
    let mut echoed = name.as_wire().to_vec();
    echoed.extend(rtype.0.to_be_bytes());
    echoed.extend(Class::IN.0.to_be_bytes());
    let check = AnswerCheck {
        id: manner.id,
        question: echoed,
        exact_case: !manner.tcp,
        cookie: manner.client_cookie,
        needs_cookie: manner.edns && !manner.tcp && manner.server_cookie.is_some(),
    };
    (writer.finish(), check)
}

/// The name with its letters in the case that `bits` choose, which only a server that saw it can repeat.
fn in_case(name: &Name, bits: u64) -> Name {
    let mut wire = name.to_lowercase().as_wire().to_vec();
    let letters = wire.iter_mut().filter(|byte| byte.is_ascii_lowercase());
    for (at, letter) in letters.enumerate() {
        if bits >> (at % 64) & 1 == 1 {
            letter.make_ascii_uppercase();
        }
    }
    Name::from_wire(&wire).expect("only the case of letters changed; length bytes are no letters")
}

struct Opt {
    extended_rcode: u16,
    cookie: Option<Vec<u8>>,
}

/// The OPT record of a message.
fn opt(message: &[u8]) -> Result<Option<Opt>, ()> {
    let mut reader = MessageReader::new(message).map_err(|_| ())?;
    while let Some(record) = reader.raw_record().map_err(|_| ())? {
        if record.rtype == RecordType::OPT {
            return Ok(Some(read_opt(&record)));
        }
    }
    Ok(None)
}

fn read_opt(record: &RawRecord<'_>) -> Opt {
    let extended_rcode = (record.ttl_bits >> 24) as u16;
    let (mut rest, mut cookie) = (record.data, None);
    for _ in 0..OPTIONS_MAX {
        let Some(([c1, c2, l1, l2], after)) = rest.split_first_chunk::<4>() else { break };
        let len = usize::from(u16::from_be_bytes([*l1, *l2]));
        let Some((value, after)) = after.split_at_checked(len) else { break };
        if u16::from_be_bytes([*c1, *c2]) == OPTION_COOKIE && matches!(len, 8 | 16..=40) {
            cookie.get_or_insert_with(|| value.to_vec());
        }
        rest = after;
    }
    Opt { extended_rcode, cookie }
}

/// Which question a message answers, and who said it.
pub(super) struct Asked<'a> {
    pub(super) name: &'a Name,
    pub(super) rtype: RecordType,
    /// The zone whose server was asked: nothing outside of it is believed. The root for forwarders.
    pub(super) zone: &'a Name,
    /// Whether the server searches for us: its answers need not be authoritative, and it does not refer.
    pub(super) forwarder: bool,
    pub(super) edns: bool,
}

/// A message read: what it comes to, the server's half of the cookie, and addresses for the root's servers.
pub(super) struct Read {
    pub(super) content: Content,
    pub(super) cookie: Option<Vec<u8>>,
    pub(super) addresses: Vec<(Name, IpAddr)>,
}

/// Reads a message that [`AnswerCheck::accepts`].
pub(super) fn read(message: &[u8], asked: &Asked<'_>, limits: &Limits) -> Read {
    let mut addresses = Vec::new();
    let useless =
        |text: &str| Read { content: Content::Useless(text.to_owned()), cookie: None, addresses: Vec::new() };
    let Some(header) = Header::read(message) else { return useless("too short") };
    // Names in the answer point at the question: the case that was chosen for it is not theirs.
    let mut message = message.to_vec();
    let question = asked.name.as_wire();
    if let Some(echoed) = message.get_mut(12..12 + question.len())
        && echoed.eq_ignore_ascii_case(question)
    {
        echoed.copy_from_slice(question);
    }
    let message = &message[..];
    let Ok(found) = opt(message) else { return useless("a message that cannot be read") };
    let cookie =
        found.as_ref().and_then(|opt| opt.cookie.as_ref()).and_then(|c| c.get(8..)).map(<[u8]>::to_vec);
    let cookie = cookie.filter(|server| !server.is_empty());
    let extended = found.as_ref().map_or(0, |opt| opt.extended_rcode);
    let rcode = Rcode(extended << 4 | header.flags.rcode().0);
    let content = match rcode {
        Rcode::BADCOOKIE if cookie.is_some() => Content::BadCookie,
        _ if header.flags.has(Flags::TC) => Content::Truncated,
        // RFC 6891 §7; some say so with other codes (RFC 8906 §3).
        Rcode::FORMERR | Rcode::NOTIMP if asked.edns && found.is_none() => Content::NoEdns,
        Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::YXDOMAIN => match Sets::read(message) {
            Some(mut sets) => {
                // Of use for priming alone (RFC 9609 §3.3).
                if asked.name.is_root() && asked.rtype == RecordType::NS {
                    addresses = std::mem::take(&mut sets.addresses);
                }
                classify(sets, rcode, header.flags, asked, limits)
            }
            None => Content::Useless("a message that cannot be read".into()),
        },
        rcode => Content::Useless(rcode.to_string()),
    };
    Read { content, cookie, addresses }
}

/// The records of a message by section, name and type.
struct Sets {
    answer: Vec<SignedSet>,
    authority: Vec<SignedSet>,
    addresses: Vec<(Name, IpAddr)>,
}

/// By section, name and type (for signatures: that which is signed).
type BySet<T> = HashMap<(Section, Name, RecordType), T>;

impl Sets {
    fn read(message: &[u8]) -> Option<Sets> {
        let mut reader = MessageReader::new(message).ok()?;
        let mut gathered: BySet<(usize, Ttl, Vec<RData>)> = HashMap::new();
        let mut signatures: BySet<Vec<Rrsig>> = HashMap::new();
        let mut addresses = Vec::new();
        while let Some(raw) = reader.raw_record().ok()? {
            if raw.rtype == RecordType::OPT || raw.class != Class::IN {
                continue;
            }
            let record = raw.to_record().ok()?;
            match (raw.section, raw.rtype) {
                (Section::Additional, _) => {
                    addresses.extend(record.data.address().map(|address| (record.owner, address)));
                }
                (section, RecordType::RRSIG) => {
                    let signature = Rrsig::from_wire(record.data.as_wire())?;
                    signatures.entry((section, record.owner, signature.covered)).or_default().push(signature);
                }
                (section, rtype) => {
                    let at = gathered.len();
                    let place = gathered
                        .entry((section, record.owner, rtype))
                        .or_insert_with(|| (at, record.ttl, Vec::new()));
                    // RFC 2181 §5.2: they should all be the same.
                    place.1 = place.1.min(record.ttl);
                    place.2.push(record.data);
                }
            }
        }
        let mut all: Vec<_> = gathered.into_iter().collect();
        all.sort_by_key(|(_, (at, ..))| *at);
        let (mut answer, mut authority) = (Vec::new(), Vec::new());
        for ((section, owner, rtype), (_, ttl, data)) in all {
            let set = RRset::from_data(ttl, data)?;
            let signatures = signatures.remove(&(section, owner.clone(), rtype)).unwrap_or_default();
            let to = if section == Section::Answer { &mut answer } else { &mut authority };
            to.push(SignedSet { owner, set, signatures });
        }
        Some(Sets { answer, authority, addresses })
    }

    /// Takes the set of a name and type out of the answer section.
    fn take(&mut self, name: &Name, rtype: RecordType) -> Option<SignedSet> {
        let at = self.answer.iter().position(|set| set.set.rtype() == rtype && set.owner == *name)?;
        Some(self.answer.swap_remove(at))
    }

    /// The DNAME that rewrites `name`: the nearest above it, inside of the zone.
    fn take_dname(&mut self, name: &Name, zone: &Name) -> Option<SignedSet> {
        let fits = |set: &SignedSet| {
            set.set.rtype() == RecordType::DNAME
                && set.set.len() == 1
                && name.is_below(&set.owner)
                && set.owner.is_at_or_below(zone)
        };
        let best = self.answer.iter().enumerate().filter(|(_, set)| fits(set));
        let at = best.max_by_key(|(_, set)| set.owner.label_count())?.0;
        Some(self.answer.swap_remove(at))
    }

    /// What of the authority section may be part of a proof.
    fn proof(self, zone: &Name) -> Vec<SignedSet> {
        let kinds = [RecordType::SOA, RecordType::NSEC, RecordType::NSEC3];
        let fits = |set: &SignedSet| kinds.contains(&set.set.rtype()) && set.owner.is_at_or_below(zone);
        self.authority.into_iter().filter(fits).take(PROOF_SETS_MAX).collect()
    }
}

fn classify(mut sets: Sets, rcode: Rcode, flags: Flags, asked: &Asked<'_>, limits: &Limits) -> Content {
    let Asked { name, rtype, zone, forwarder, .. } = *asked;
    let is_ours = forwarder || flags.has(Flags::AA);
    // Below a DNAME record every CNAME record is made by it, and not signed (RFC 6672 §5.3.1).
    let made = if rtype == RecordType::CNAME { sets.take_dname(name, zone).map(Said::Dname) } else { None };
    let said = made
        .or_else(|| sets.take(name, rtype).map(Said::Records))
        .or_else(|| sets.take_dname(name, zone).map(Said::Dname))
        .or_else(|| sets.take(name, RecordType::CNAME).map(Said::Cname));
    if let Some(said) = said {
        if !is_ours {
            return Content::Useless("an answer without authority".into());
        }
        return positive(said, sets, zone, limits);
    }
    let soa_is_there = sets.authority.iter().any(|s| s.set.rtype() == RecordType::SOA);
    if rcode == Rcode::NOERROR && !forwarder && !soa_is_there {
        if let Some(referral) = referral(&sets, asked, limits) {
            return Content::Referral(referral);
        }
        if sets.authority.iter().any(|set| set.set.rtype() == RecordType::NS) {
            return Content::Useless("a referral that leads nowhere".into());
        }
    }
    if !is_ours {
        return Content::Useless("an answer without authority".into());
    }
    let said = if rcode == Rcode::NXDOMAIN { Said::NxDomain } else { Said::NoData };
    let proof = sets.proof(zone);
    let ttl = negative_ttl(&proof, name).min(limits.negative_ttl_max);
    Content::Reply(Reply { said, proof, ttl, by_the_way: false })
}

fn positive(said: Said, sets: Sets, zone: &Name, limits: &Limits) -> Content {
    let (Said::Records(set) | Said::Cname(set) | Said::Dname(set)) = &said else {
        return Content::Useless("no answer".into());
    };
    if matches!(said, Said::Cname(_)) && set.set.len() != 1 {
        return Content::Useless("an alias of several names".into());
    }
    let ttl = set.set.ttl.min(limits.ttl_max);
    Content::Reply(Reply { ttl, proof: sets.proof(zone), said, by_the_way: false })
}

/// How long a denial holds: by the SOA (RFC 2308 §5) and no longer than its proofs (RFC 9077 §3). Without an SOA
/// it is not remembered (RFC 2308 §5).
fn negative_ttl(proof: &[SignedSet], name: &Name) -> Ttl {
    let soa = proof.iter().find(|set| set.set.rtype() == RecordType::SOA && name.is_at_or_below(&set.owner));
    let by_soa =
        soa.and_then(|set| Some(Soa::from_rdata(set.set.data().first()?)?.negative_ttl(set.set.ttl)));
    let of_proofs = proof.iter().map(|set| set.set.ttl);
    by_soa.map_or(Ttl::ZERO, |ttl| of_proofs.fold(ttl, Ttl::min))
}

/// The delegation to a zone between that of the server and the name (RFC 1034 §4.3.2 step 3b).
fn referral(sets: &Sets, asked: &Asked<'_>, limits: &Limits) -> Option<Referral> {
    // For DS the zone of the name itself is no progress: that is what is on the other side of the cut.
    let leads = |owner: &Name| {
        owner.is_below(asked.zone)
            && asked.name.is_at_or_below(owner)
            && (asked.rtype != RecordType::DS || owner != asked.name)
    };
    let ns = sets.authority.iter().find(|set| set.set.rtype() == RecordType::NS && leads(&set.owner))?;
    let servers: Vec<Name> =
        ns.set.data().iter().take(limits.delegation_servers_max).filter_map(RData::target).collect();
    // Addresses count only for reaching this zone, and only from a server that may speak of the names
    // (RFC 2181 §5.4.1).
    let may_say = |(name, _): &&(Name, IpAddr)| servers.contains(name) && name.is_at_or_below(asked.zone);
    let glue =
        sets.addresses.iter().filter(may_say).take(4 * limits.delegation_servers_max).cloned().collect();
    let ttl = ns.set.ttl.min(limits.ttl_max);
    Some(Referral { ds: said_of_ds(sets, &ns.owner, asked.zone), zone: ns.owner.clone(), servers, glue, ttl })
}

/// What a referral says of the DS of the zone it leads to (RFC 4035 §3.1.4).
fn said_of_ds(sets: &Sets, child: &Name, zone: &Name) -> Option<Reply> {
    let ds = sets.authority.iter().find(|set| set.set.rtype() == RecordType::DS && set.owner == *child);
    if let Some(ds) = ds {
        let said = Said::Records(ds.clone());
        return Some(Reply { ttl: ds.set.ttl, said, proof: Vec::new(), by_the_way: false });
    }
    let denials = |set: &&SignedSet| {
        matches!(set.set.rtype(), RecordType::NSEC | RecordType::NSEC3)
            && set.owner.is_at_or_below(zone)
            && !set.signatures.is_empty()
    };
    let proof: Vec<SignedSet> = sets.authority.iter().filter(denials).take(PROOF_SETS_MAX).cloned().collect();
    let ttl = proof.iter().map(|set| set.set.ttl).min()?;
    Some(Reply { said: Said::NoData, proof, ttl, by_the_way: true })
}
