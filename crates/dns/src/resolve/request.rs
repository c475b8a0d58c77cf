//! One question from its first step to its outcome, and what all questions share.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::anchor::{Anchor, root_servers};
use super::cache::{Cache, Delegation, Failure, Key, Known, Value};
use super::evidence::Evidence;
use super::iterate::{Run, Stop};
use super::response::{AnswerCheck, Asked, Content, Read, Referral, Reply, Said, read};
use super::server::Servers;
use super::{Answer, ExtendedError, Limits, Outcome, Verdict, ede};
use crate::catalogue::Catalogue;
use crate::code::{RecordType, Ttl};
use crate::dnssec::Verify;
use crate::name::Name;
use crate::time::Timestamp;
use wire::Now;

/// A failure is remembered for so long, so that servers in trouble are not asked by every request (RFC 9520 §3.2: at
/// least a second).
pub(super) const FAILURE_TTL: Ttl = Ttl::from_wire(5);
/// So is what is bogus: its owner may be at work on it.
pub(super) const BOGUS_TTL: Ttl = Ttl::from_wire(60);
/// What is told though it is over holds so long (RFC 8767 §4).
const STALE_TTL: Ttl = Ttl::from_wire(30);
/// The root's servers are asked for anew at least this often, and not more often than the other.
const PRIMED_MAX: Ttl = Ttl::from_wire(86_400);
const PRIMED_MIN: u32 = 60;
/// Datagrams sent to one server for one question.
pub(super) const DATAGRAMS_MAX: u8 = 2;

/// How answers are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// By asking from the root downwards.
    Recursive,
    /// By asking these, which search for us; what they say is validated all the same.
    Forward(Vec<SocketAddr>),
}

/// What a resolver is set to.
#[derive(Clone)]
pub struct Settings {
    /// How answers are found.
    pub mode: Mode,
    /// Where trust begins.
    pub anchors: Vec<Anchor>,
    /// Where the search begins.
    pub hints: Vec<IpAddr>,
    /// The port of all servers but forwarders: 53.
    pub port: u16,
    /// What a request may cost.
    pub limits: Limits,
    /// Random: makes cookies that nobody can guess.
    pub secret: [u8; 16],
}

impl Settings {
    /// The usual, from the root.
    pub fn new(secret: [u8; 16]) -> Settings {
        Settings {
            mode: Mode::Recursive,
            anchors: Anchor::root(),
            hints: root_servers(),
            port: 53,
            limits: Limits::default(),
            secret,
        }
    }
}

/// What all requests share: settings, and what was learned.
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) cache: Cache,
    pub(super) servers: Servers,
    pub(super) verify: Box<dyn Verify + Send + Sync>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} entries, {} bytes)", self.cache.len(), self.cache.used_bytes())
    }
}

impl Engine {
    /// Nothing is known yet.
    pub fn new(settings: Settings, verify: Box<dyn Verify + Send + Sync>) -> Engine {
        let cache = Cache::new(settings.limits.cache_max_bytes);
        Engine { cache, servers: Servers::new(settings.secret), settings, verify }
    }

    /// The memory of what was learned, in bytes, and the number of entries.
    pub fn cached(&self) -> (usize, usize) {
        (self.cache.used_bytes(), self.cache.len())
    }
}

/// The time: one clock that only goes forward, and that of the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For waiting and for TTLs.
    pub now: Now,
    /// For signatures.
    pub date: Timestamp,
}

/// What a step needs besides what it knows.
pub struct World<'a> {
    /// The zones served here: answered from without asking anyone.
    pub own: &'a Catalogue,
    /// Random numbers: ids and the case of letters must not be guessed (RFC 5452 §9.2).
    pub chance: &'a mut dyn FnMut() -> u64,
}

/// A message to be sent. It ends with one [`Event`].
#[derive(Debug, Clone)]
pub struct Ask {
    /// To whom.
    pub server: SocketAddr,
    /// By TCP, with its length before it; else by UDP, from a port that is chosen at random.
    pub tcp: bool,
    /// The message.
    pub message: Vec<u8>,
    /// How long the answer is waited for.
    pub wait: Duration,
    /// What counts as the answer.
    pub check: AnswerCheck,
}

/// What came of an [`Ask`].
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A message that [`AnswerCheck::accepts`].
    Message(&'a [u8]),
    /// None in time; or so many others came that no datagram can be trusted.
    TimedOut {
        /// How many messages were passed over.
        forged: u32,
    },
    /// It could not be sent, or the connection broke.
    Unreachable,
}

/// What a step ends with.
#[derive(Debug)]
pub enum Step {
    /// Send this, and tell what came of it.
    Ask(Box<Ask>),
    /// It is found, or not.
    Done(Box<Outcome>),
}

/// One message and what came of it, for those who want to see how an answer was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The server; none: a zone served here.
    pub server: Option<SocketAddr>,
    /// The zone for which it was asked.
    pub zone: Name,
    /// The name it was asked for.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// By TCP.
    pub tcp: bool,
    /// How long the answer took.
    pub took: Duration,
    /// What it said, in words.
    pub result: String,
}

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For the answer.
    Answer,
    /// To see whether a zone begins at the name (RFC 9156).
    Probe,
    /// For the servers of the root.
    Prime,
}

/// The message that is waited for.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) server: SocketAddr,
    pub(super) question: Question,
    pub(super) purpose: Purpose,
    pub(super) forwarder: bool,
    pub(super) edns: bool,
    pub(super) tcp: bool,
    pub(super) sent: Now,
}

/// What is asked of the servers of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) zone: Name,
    pub(super) name: Name,
    pub(super) rtype: RecordType,
}

/// How far a server was asked a question.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    pub(super) datagrams: u8,
    /// To be asked by TCP now.
    pub(super) tcp: bool,
    /// Not to be asked again.
    pub(super) done: bool,
}

/// What a request did and used up. Nothing in it ever shrinks.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pending: Option<Pending>,
    pub(super) questions: u32,
    pub(super) referrals: u32,
    pub(super) verifies: u32,
    pub(super) hashes: u32,
    pub(super) probes: usize,
    /// Servers looked up because their addresses were missing, by zone.
    pub(super) targets: HashSet<(Name, Name)>,
    pub(super) tries: HashMap<(Question, SocketAddr), Tries>,
    /// Names at which no zone begins, as far as servers say.
    pub(super) probed: HashSet<Name>,
    /// Zones whose servers are asked for whole names at once.
    pub(super) whole: HashSet<Name>,
    /// Look-ups that went beyond what this request may do.
    pub(super) given_up: HashMap<(Name, RecordType), ExtendedError>,
    /// Answers that were not valid, of which another server's may be.
    pub(super) bogus: HashMap<(Name, RecordType), (ExtendedError, Arc<Reply>)>,
    pub(super) exchanges: Vec<Exchange>,
    /// Why the last server was of no use, for people.
    pub(super) last_fault: Option<String>,
}

/// One question.
#[derive(Debug)]
pub struct Request {
    name: Name,
    rtype: RecordType,
    began: Now,
    validates: bool,
    state: State,
}

impl Request {
    /// The question for the records of a name and type, asked at `now`.
    pub fn new(name: Name, rtype: RecordType, now: Now) -> Request {
        Request { name, rtype, began: now, validates: true, state: State::default() }
    }

    /// The same for one who judges by himself (CD, RFC 4035 §3.2.2): no chain of keys is looked up, and what is
    /// known to be bogus is given out, with that verdict. What nobody judged yet is [`Verdict::Indeterminate`].
    pub fn unvalidated(name: Name, rtype: RecordType, now: Now) -> Request {
        Request { validates: false, ..Request::new(name, rtype, now) }
    }

    /// Goes on as far as possible. Must not be called while an [`Ask`] is under way.
    pub fn step(&mut self, engine: &mut Engine, at: Moment, world: &mut World<'_>) -> Step {
        if self.rtype.is_meta() || self.rtype == RecordType::RRSIG {
            let error =
                ExtendedError::new(ede::OTHER, format!("{} is not a type to be looked up", self.rtype));
            return Step::Done(Box::new(Outcome::failed(self.name.clone(), Verdict::Indeterminate, error)));
        }
        let is_late = at.now.since(self.began) > engine.settings.limits.request_time_max;
        let mut run = Run {
            engine: &mut *engine,
            state: &mut self.state,
            at,
            began: self.began,
            world,
            stack: Vec::new(),
            cramped: false,
            validates: self.validates,
        };
        let stopped = match is_late {
            true => Stop::Spent(ExtendedError::new(ede::NO_REACHABLE_AUTHORITY, "the time is up")),
            false => match run.outcome(&self.name, self.rtype) {
                Ok(outcome) => return Step::Done(Box::new(outcome)),
                Err(stop) => stop,
            },
        };
        match stopped {
            Stop::Ask(ask) => Step::Ask(ask),
            Stop::Failed(error) | Stop::Spent(error) => {
                let unproven = run.unproven(&self.name, self.rtype, &error);
                Step::Done(Box::new(unproven.unwrap_or_else(|| self.fail(engine, at, error))))
            }
        }
    }

    /// What is told when no server helped: what was known once, if that is not too long ago (RFC 8767).
    fn fail(&mut self, engine: &mut Engine, at: Moment, error: ExtendedError) -> Outcome {
        if let Some(outcome) = stale(engine, &self.name, self.rtype, at.now) {
            return outcome;
        }
        let key = Key::Question(self.name.clone(), self.rtype);
        if engine.cache.get(&key, at.now).is_none() {
            let failed = Value::Failed(Failure::new(error.clone()));
            engine.cache.put_beside(key, failed, at.now, FAILURE_TTL);
        }
        Outcome::failed(self.name.clone(), Verdict::Indeterminate, error)
    }

    /// Takes what came of the last [`Ask`].
    pub fn event(&mut self, engine: &mut Engine, event: Event<'_>, at: Moment) {
        let Some(pending) = self.state.pending.take() else { return };
        let result = match event {
            Event::Message(bytes) => self.message(engine, bytes, &pending, at),
            Event::TimedOut { forged } => {
                engine.servers.silent(pending.server, at.now);
                let tries = self.state.tries_of(&pending);
                // Where others answer in its name, or it cannot repeat our letters, only TCP is left.
                match pending.tcp {
                    true => tries.done = true,
                    false => tries.tcp |= forged > 0 || tries.datagrams >= DATAGRAMS_MAX,
                }
                match forged {
                    0 => "no answer".to_owned(),
                    count => format!("no answer, and {count} messages that are none"),
                }
            }
            Event::Unreachable => {
                engine.servers.silent(pending.server, at.now);
                self.state.tries_of(&pending).done = true;
                "not reachable".to_owned()
            }
        };
        self.state.exchanges.push(Exchange {
            server: Some(pending.server),
            zone: pending.question.zone,
            name: pending.question.name,
            rtype: pending.question.rtype,
            tcp: pending.tcp,
            took: at.now.since(pending.sent),
            result,
        });
    }

    fn message(&mut self, engine: &mut Engine, bytes: &[u8], pending: &Pending, at: Moment) -> String {
        let Question { zone, name, rtype } = &pending.question;
        let asked = Asked { name, rtype: *rtype, zone, forwarder: pending.forwarder, edns: pending.edns };
        let Read { content, cookie, addresses } = read(bytes, &asked, &engine.settings.limits);
        engine.servers.answered(pending.server, at.now, at.now.since(pending.sent));
        if pending.edns {
            engine.servers.set_cookie(pending.server, at.now, cookie);
        }
        let tries = self.state.tries_of(pending);
        match content {
            Content::Truncated => {
                tries.done = pending.tcp;
                tries.tcp = !pending.tcp;
                "cut short".into()
            }
            Content::BadCookie => {
                tries.tcp = tries.datagrams >= DATAGRAMS_MAX;
                tries.done = pending.tcp;
                "asks for a cookie".into()
            }
            Content::NoEdns => {
                engine.servers.set_no_edns(pending.server, at.now);
                tries.datagrams = 0;
                "does not know EDNS".into()
            }
            Content::Useless(text) => {
                tries.done = true;
                self.state.last_fault = Some(format!("{} says: {text}", pending.server));
                if pending.purpose == Purpose::Probe {
                    self.state.whole.insert(zone.clone());
                }
                text
            }
            Content::Referral(referral) => {
                self.state.referrals += 1;
                let text = format!("refers to the {} servers of {}", referral.servers.len(), referral.zone);
                engine.learn(referral, Some(pending.server), at.now);
                text
            }
            Content::Reply(reply) if pending.purpose == Purpose::Prime => {
                engine.prime(&reply, addresses, pending.server, at.now)
            }
            Content::Reply(reply) => self.reply(engine, reply, pending, at.now),
        }
    }

    fn reply(&mut self, engine: &mut Engine, reply: Reply, pending: &Pending, now: Now) -> String {
        let Question { zone, name, rtype } = &pending.question;
        if pending.purpose == Purpose::Probe {
            self.state.probed.insert(name.clone());
            // Some servers say so of names that have others below them: they are to see the whole (RFC 9156 §2.3).
            if reply.said == Said::NxDomain {
                self.state.whole.insert(zone.clone());
            }
        }
        let text = reply.said.describe();
        let known = Known { verdict: None, from: Some(pending.server), reply: reply.into() };
        let ttl = known.reply.ttl;
        engine.cache.put(Key::Question(name.clone(), *rtype), Value::Known(known), now, ttl);
        text
    }

    /// How the answer was found, message by message.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.state.exchanges
    }

    /// How many messages were sent.
    pub fn questions(&self) -> u32 {
        self.state.questions
    }

    /// How many signatures were verified.
    pub fn verifies(&self) -> u32 {
        self.state.verifies
    }

    /// How many names were hashed for proofs by NSEC3.
    pub fn hashes(&self) -> u32 {
        self.state.hashes
    }

    /// When it began.
    pub fn began(&self) -> Now {
        self.began
    }
}

impl State {
    fn tries_of(&mut self, pending: &Pending) -> &mut Tries {
        self.tries.entry((pending.question.clone(), pending.server)).or_default()
    }
}

impl Engine {
    /// Remembers a delegation. Only what the parent says comes here: a child cannot keep itself alive
    /// (CVE-2026-40622 and the ghost domains of 2012).
    pub(super) fn learn(&mut self, referral: Referral, from: Option<SocketAddr>, now: Now) {
        let Referral { zone, servers, glue, ds, ttl } = referral;
        let key = Key::Question(zone.clone(), RecordType::DS);
        if let Some(reply) = ds.filter(|_| !self.cache.has(&key, now)) {
            let ttl = reply.ttl.min(self.settings.limits.ttl_max);
            let known = Known { verdict: None, from, reply: reply.into() };
            self.cache.put(key, Value::Known(known), now, ttl);
        }
        let delegation = Delegation { servers, glue };
        self.cache.put(Key::Servers(zone), Value::Servers(delegation.into()), now, ttl);
    }

    /// Remembers the servers of the root (RFC 9609 §3.3).
    fn prime(&mut self, reply: &Reply, glue: Vec<(Name, IpAddr)>, from: SocketAddr, now: Now) -> String {
        let Said::Records(set) = &reply.said else {
            return "no servers of the root".into();
        };
        let servers: Vec<Name> = set.set.data().iter().filter_map(crate::rdata::RData::target).collect();
        let mut glue: Vec<_> = glue.into_iter().filter(|(name, _)| servers.contains(name)).collect();
        if glue.is_empty() {
            glue.push((Name::root(), from.ip()));
        }
        let text = format!("{} servers of the root", servers.len());
        let ttl = Ttl::from_wire(set.set.ttl.min(PRIMED_MAX).seconds().max(PRIMED_MIN));
        let delegation = Delegation { servers, glue };
        self.cache.put(Key::Servers(Name::root()), Value::Servers(delegation.into()), now, ttl);
        text
    }
}

/// An outcome from what is over, if all of it was once found valid.
fn stale(engine: &mut Engine, name: &Name, rtype: RecordType, now: Now) -> Option<Outcome> {
    let (mut name, mut verdict, mut aliases) = (name.clone(), Verdict::Secure, Vec::new());
    let mut evidence = Evidence::default();
    for _ in 0..=engine.settings.limits.aliases_max {
        let key = Key::Question(name.clone(), rtype);
        let known = engine.cache.get_stale(&key, now, engine.settings.limits.stale_max)?;
        let (judged @ (Verdict::Secure | Verdict::Insecure), _) = known.verdict.clone()? else { return None };
        verdict = verdict.max(judged);
        evidence.add(&name, &known.reply);
        let (answer, code) = match &known.reply.said {
            Said::Records(set) => (Answer::Records(set.set.clone()), ede::STALE),
            Said::NoData => (Answer::NoData, ede::STALE),
            Said::NxDomain => (Answer::NxDomain, ede::STALE_NXDOMAIN),
            said => {
                let alias = said.alias(&name, judged)?;
                name = alias.target.clone();
                aliases.push(alias);
                continue;
            }
        };
        let error = Some(ExtendedError::new(code, "no server answers: this is what was known before"));
        return Some(Outcome { verdict, answer, name, aliases, ttl: STALE_TTL, error, evidence });
    }
    None
}
