//! From a question to the answer of a server: what is known is used, what is missing is asked for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::cache::{Delegation, Failure, Key, Known, Value};
use super::evidence::Evidence;
use super::request::{
    Ask, BOGUS_TTL, DATAGRAMS_MAX, Engine, Exchange, FAILURE_TTL, Mode, Moment, Pending, Purpose, Question,
    State, World,
};
use super::response::{Asked, Content, Manner, Said, question, read};
use super::trust::Judged;
use super::{Answer, ExtendedError, Outcome, Verdict, ede};
use crate::answer::{self, Context, Transport, answer};
use crate::catalogue::Served;
use crate::code::{RecordType, Ttl};
use crate::compiled::Key as ZoneKey;
use crate::message::MESSAGE_LEN_MAX_BYTES;
use crate::name::Name;
use crate::rdata::RData;
use crate::record::RRset;
use wire::Now;

/// How long a server that searches for us may take, at the first attempt and later.
const FORWARDER_WAITS: [Duration; 2] = [Duration::from_millis(2500), Duration::from_secs(5)];
/// How long a connection and the answer on it may take.
const TCP_WAIT: Duration = Duration::from_secs(4);

/// Why a run cannot go on.
pub(super) enum Stop {
    /// A server has to be asked.
    Ask(Box<Ask>),
    /// Nobody can say: to be remembered.
    Failed(ExtendedError),
    /// This request may not go on, though others might.
    Spent(ExtendedError),
}

fn spent(text: &str) -> Stop {
    Stop::Spent(ExtendedError::new(ede::NO_REACHABLE_AUTHORITY, text))
}

/// One step of a request.
pub(super) struct Run<'r, 'w> {
    pub(super) engine: &'r mut Engine,
    pub(super) state: &'r mut State,
    pub(super) at: Moment,
    pub(super) began: Now,
    pub(super) world: &'r mut World<'w>,
    /// The questions being answered, each for the sake of the one before it.
    pub(super) stack: Vec<(Name, RecordType)>,
    /// Whether a look-up for the sake of another was given up because of what this request used up: that nobody
    /// answers says nothing of the servers then.
    pub(super) cramped: bool,
    /// Whether answers are validated, or taken as they come.
    pub(super) validates: bool,
}

impl Run<'_, '_> {
    /// The answer with its aliases followed and, unless that is not wanted, all of it validated.
    pub(super) fn outcome(&mut self, name: &Name, rtype: RecordType) -> Result<Outcome, Stop> {
        let alone = self.engine.settings.mode == Mode::Recursive;
        if self.world.own.covering(name).is_none()
            && let Some(outcome) = super::special::answer(name, rtype, alone)
        {
            return Ok(outcome);
        }
        let mut outcome = Outcome {
            verdict: Verdict::Secure,
            answer: Answer::Failed,
            name: name.clone(),
            aliases: Vec::new(),
            ttl: Ttl::MAX,
            error: None,
            evidence: Evidence::default(),
        };
        loop {
            self.forget_by_the_way(&outcome.name, rtype);
            let Judged { reply, verdict, error, ttl } = match self.validates {
                true => self.judged(&outcome.name.clone(), rtype)?,
                false => self.taken(&outcome.name.clone(), rtype)?,
            };
            outcome.evidence.add(&outcome.name, &reply);
            outcome.verdict = outcome.verdict.max(verdict);
            outcome.ttl = outcome.ttl.min(ttl);
            outcome.error = outcome.error.or(error);
            outcome.answer = match &reply.said {
                _ if self.validates && outcome.verdict == Verdict::Bogus => return Ok(outcome),
                said @ (Said::Cname(_) | Said::Dname(_)) => {
                    let next = said.alias(&outcome.name, verdict);
                    let seen =
                        |target: &Name| target == name || outcome.aliases.iter().any(|a| a.target == *target);
                    if rtype == RecordType::CNAME
                        && let Some(alias) = &next
                    {
                        let made = RRset::new(ttl, RData::cname(&alias.target));
                        return Ok(Outcome { answer: Answer::Records(made), ..outcome });
                    }
                    let few = outcome.aliases.len() < self.engine.settings.limits.aliases_max;
                    match next.filter(|alias| few && !seen(&alias.target)) {
                        Some(alias) => {
                            outcome.name = alias.target.clone();
                            outcome.aliases.push(alias);
                            continue;
                        }
                        None => {
                            let text = "an alias that leads in a circle, too far, or to too long a name";
                            outcome.error = Some(ExtendedError::new(ede::OTHER, text));
                            return Ok(outcome);
                        }
                    }
                }
                // The TTL on the way is anyone's; what is signed and how long it was held bound it (RFC 4035 §5.3.3).
                Said::Records(set) => {
                    let mut set = set.set.clone();
                    set.ttl = set.ttl.min(outcome.ttl);
                    Answer::Records(set)
                }
                Said::NoData => Answer::NoData,
                Said::NxDomain => Answer::NxDomain,
            };
            return Ok(outcome);
        }
    }

    /// What a referral says of a DS is enough for the chain of keys, but is no answer: the SOA is missing, without
    /// which some clients take a denial for a fault (RFC 2308 §2.2).
    fn forget_by_the_way(&mut self, name: &Name, rtype: RecordType) {
        let key = Key::Question(name.clone(), rtype);
        if rtype == RecordType::DS
            && let Some((Value::Known(known), _)) = self.engine.cache.get(&key, self.began)
            && known.reply.by_the_way
        {
            self.engine.cache.remove(&key);
        }
    }

    /// What a zone served here says when nobody could be asked whether it is to be believed: that is known all
    /// the same, and no more is claimed for it.
    pub(super) fn unproven(
        &mut self,
        name: &Name,
        rtype: RecordType,
        error: &ExtendedError,
    ) -> Option<Outcome> {
        let known = self.own(name, rtype)?;
        let answer = match &known.reply.said {
            Said::Records(set) => Answer::Records(set.set.clone()),
            Said::NoData => Answer::NoData,
            Said::NxDomain => Answer::NxDomain,
            Said::Cname(_) | Said::Dname(_) => return None,
        };
        Some(Outcome {
            answer,
            ttl: known.reply.ttl.min(BOGUS_TTL),
            evidence: Evidence::of(name, &known.reply),
            ..Outcome::failed(name.clone(), Verdict::Indeterminate, error.clone())
        })
    }

    /// What a server said to a question, not validated; and how long it still holds.
    pub(super) fn reply(&mut self, name: &Name, rtype: RecordType) -> Result<(Known, Ttl), Stop> {
        let key = Key::Question(name.clone(), rtype);
        match self.engine.cache.get(&key, self.began) {
            Some((Value::Known(known), until)) => {
                let left = u32::try_from(until.since(self.at.now).as_secs()).unwrap_or(u32::MAX);
                return Ok((known.clone(), Ttl::from_wire(left)));
            }
            Some((Value::Failed(failure), _)) => {
                let text = format!("it failed a moment ago: {}", failure.error.text);
                return Err(Stop::Failed(ExtendedError::new(ede::CACHED_ERROR, text)));
            }
            _ => {}
        }
        let asked = (name.clone(), rtype);
        if let Some(error) = self.state.given_up.get(&asked) {
            return Err(Stop::Spent(error.clone()));
        }
        if self.stack.contains(&asked) {
            return Err(spent("the servers of a zone can only be found by asking them"));
        }
        if self.stack.len() >= self.engine.settings.limits.depth_max {
            return Err(spent("too many look-ups for the sake of others"));
        }
        self.stack.push(asked);
        let found = self.search(name, rtype);
        self.stack.pop();
        match found {
            Err(Stop::Failed(error)) => {
                let failed = Value::Failed(Failure::new(error.clone()));
                self.engine.cache.put_beside(key, failed, self.at.now, FAILURE_TTL);
                Err(Stop::Failed(error))
            }
            Err(Stop::Spent(error)) => {
                // Not tried again by this request: each step would go through all that it tried before.
                self.state.given_up.insert((name.clone(), rtype), error.clone());
                Err(Stop::Spent(error))
            }
            found => found,
        }
    }

    fn search(&mut self, name: &Name, rtype: RecordType) -> Result<(Known, Ttl), Stop> {
        if let Some(known) = self.own(name, rtype) {
            return Ok((known, Ttl::ZERO));
        }
        if let Mode::Forward(servers) = &self.engine.settings.mode {
            let servers = servers.clone();
            let question = Question { zone: Name::root(), name: name.clone(), rtype };
            let asked = self.ask_one(question, &servers, Purpose::Answer, true)?;
            return Err(asked.unwrap_or_else(|| self.nobody("no configured resolver")));
        }
        let (zone, delegation) = self.nearest(name, rtype)?;
        if self.state.referrals > self.engine.settings.limits.referrals_max {
            return Err(spent("too many referrals"));
        }
        if let Some(probe) = self.probe(&zone, name) {
            let question = Question { zone: zone.clone(), name: probe.clone(), rtype: RecordType::A };
            match self.ask_zone(question, &delegation, Purpose::Probe) {
                // Those that do not answer this may answer what is wanted.
                Stop::Failed(_) => {
                    self.state.whole.insert(zone.clone());
                }
                stop => return Err(stop),
            }
        }
        let question = Question { zone, name: name.clone(), rtype };
        Err(self.ask_zone(question, &delegation, Purpose::Answer))
    }

    /// The answer of a zone that is served here.
    fn own(&mut self, name: &Name, rtype: RecordType) -> Option<Known> {
        let mut key = ZoneKey::new();
        key.set(name.as_wire());
        let Served::Zone(zone) = self.world.own.find(&key, rtype)? else { return None };
        let apex = zone.apex().clone();
        // Its parent is elsewhere, and has the last word (RFC 4035 §3.1.4.1).
        if rtype == RecordType::DS && apex == *name && !apex.is_root() {
            return None;
        }
        if self.delegation(name, rtype).is_some_and(|(zone, _)| zone.is_below(&apex)) {
            return None;
        }
        let manner = Manner {
            id: 0,
            case: 0,
            edns: true,
            client_cookie: [0; 8],
            server_cookie: None,
            recursive: false,
            tcp: true,
        };
        let (query, _) = question(name, rtype, &manner);
        let mut out = vec![0; MESSAGE_LEN_MAX_BYTES];
        let context = Context::new(Transport::Tcp);
        let answer::Outcome::Reply(written) = answer(&query, &context, self.world.own, &mut out) else {
            return None;
        };
        let asked = Asked { name, rtype, zone: &apex, forwarder: false, edns: true };
        let content = read(&out[..written.len], &asked, &self.engine.settings.limits).content;
        let (known, result) = match content {
            Content::Reply(reply) => {
                let text = reply.said.describe();
                let known = Known { verdict: None, from: None, reply: reply.into() };
                // The next request looks again: a change is seen at once.
                let key = Key::Question(name.clone(), rtype);
                self.engine.cache.put(key, Value::Known(known.clone()), self.at.now, Ttl::ZERO);
                (Some(known), text)
            }
            Content::Referral(referral) => {
                let text = format!("refers to the servers of {}", referral.zone);
                self.engine.learn(referral, None, self.at.now);
                (None, text)
            }
            _ => return None,
        };
        self.state.exchanges.push(Exchange {
            server: None,
            zone: apex,
            name: name.clone(),
            rtype,
            tcp: false,
            took: Duration::ZERO,
            result,
        });
        known
    }

    /// The nearest zone above a question whose servers are known.
    fn delegation(&mut self, name: &Name, rtype: RecordType) -> Option<(Name, Arc<Delegation>)> {
        // DS records are on the other side of the cut (RFC 4035 §3.1.4.1).
        let most = name.label_count() - usize::from(rtype == RecordType::DS && !name.is_root());
        (0..=most).rev().find_map(|labels| {
            let zone = name.suffix(labels);
            match self.engine.cache.get(&Key::Servers(zone.clone()), self.began)?.0 {
                Value::Servers(delegation) => Some((zone, delegation.clone())),
                _ => None,
            }
        })
    }

    /// The same; the servers of the root are asked for if nothing is known.
    fn nearest(&mut self, name: &Name, rtype: RecordType) -> Result<(Name, Arc<Delegation>), Stop> {
        if let Some(found) = self.delegation(name, rtype) {
            return Ok(found);
        }
        let port = self.engine.settings.port;
        let hints: Vec<SocketAddr> =
            self.engine.settings.hints.iter().map(|hint| SocketAddr::new(*hint, port)).collect();
        let question = Question { zone: Name::root(), name: Name::root(), rtype: RecordType::NS };
        match self.ask_one(question, &hints, Purpose::Prime, false)? {
            Some(stop) => Err(stop),
            None => Err(self.nobody("no server of the root")),
        }
    }

    /// The shorter name that is shown to the zone's servers first, if it is not known to be inside of the zone
    /// (RFC 9156). Labels that begin with an underscore begin no zone, in practice.
    fn probe(&mut self, zone: &Name, name: &Name) -> Option<Name> {
        if self.state.whole.contains(zone) || self.state.probes >= self.engine.settings.limits.minimised_max {
            return None;
        }
        (zone.label_count() + 1..name.label_count()).map(|labels| name.suffix(labels)).find(|shown| {
            let is_service = shown.as_wire().get(1) == Some(&b'_');
            !is_service
                && !self.state.probed.contains(shown)
                && !self.engine.cache.has(&Key::Question(shown.clone(), RecordType::A), self.began)
        })
    }

    fn nobody(&self, who: &str) -> Stop {
        let last = self.state.last_fault.as_deref().unwrap_or("none is reachable");
        let error = ExtendedError::new(ede::NO_REACHABLE_AUTHORITY, format!("{who} answered; {last}"));
        if self.cramped { Stop::Spent(error) } else { Stop::Failed(error) }
    }

    /// Asks one of a zone's servers; finds their addresses if none is known or all were tried.
    fn ask_zone(&mut self, question: Question, delegation: &Delegation, purpose: Purpose) -> Stop {
        let zone = question.zone.clone();
        let glue: Vec<IpAddr> = delegation.glue.iter().map(|(_, address)| *address).collect();
        match self.ask_one(question.clone(), &self.usable(&glue), purpose, false) {
            Ok(Some(stop)) | Err(stop) => return stop,
            Ok(None) => {}
        }
        let has_glue = |server: &Name| delegation.glue.iter().any(|(name, _)| name == server);
        let limits = self.engine.settings.limits;
        for server in delegation.servers.iter().filter(|server| !has_glue(server)) {
            let key = (zone.clone(), server.clone());
            if !self.state.targets.contains(&key) {
                let here = self.state.targets.iter().filter(|(of, _)| *of == zone).count();
                if here >= limits.glueless_max {
                    break;
                }
                if self.state.targets.len() >= limits.targets_max as usize {
                    return spent("too many servers to look up");
                }
                self.state.targets.insert(key);
            }
            let addresses = match self.addresses(server) {
                Ok(addresses) => addresses,
                Err(stop) => return stop,
            };
            match self.ask_one(question.clone(), &self.usable(&addresses), purpose, false) {
                Ok(Some(stop)) | Err(stop) => return stop,
                Ok(None) => {}
            }
        }
        self.nobody(&format!("no server of {zone}"))
    }

    /// The addresses of a server, as far as they can be had.
    fn addresses(&mut self, server: &Name) -> Result<Vec<IpAddr>, Stop> {
        let mut addresses = Vec::new();
        for rtype in [RecordType::A, RecordType::AAAA] {
            match self.reply(server, rtype) {
                Ok((known, _)) => {
                    // RFC 2181 §10.3: a server's name is no alias.
                    if let Said::Records(set) = &known.reply.said {
                        addresses.extend(set.set.data().iter().filter_map(RData::address));
                    }
                }
                Err(Stop::Ask(ask)) => return Err(Stop::Ask(ask)),
                Err(Stop::Spent(_)) => self.cramped = true,
                Err(Stop::Failed(_)) => {}
            }
            if !addresses.is_empty() {
                break;
            }
        }
        Ok(addresses)
    }

    /// Addresses that may be asked. This machine itself only where it is so from the root on: in a test.
    fn usable(&self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        let settings = &self.engine.settings;
        let own_too = settings.hints.iter().any(IpAddr::is_loopback);
        let may = |address: &&IpAddr| {
            let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] == 0);
            !address.is_unspecified()
                && !address.is_multicast()
                && !is_broadcast
                && (own_too || !address.to_canonical().is_loopback())
        };
        let most = settings.limits.delegation_servers_max;
        addresses.iter().filter(may).take(most).map(|a| SocketAddr::new(*a, settings.port)).collect()
    }

    /// Asks the best of `servers` that was not tried often enough; nothing if all were.
    fn ask_one(
        &mut self,
        question: Question,
        servers: &[SocketAddr],
        purpose: Purpose,
        forwarder: bool,
    ) -> Result<Option<Stop>, Stop> {
        let mut best: Option<(u64, SocketAddr)> = None;
        for server in servers {
            let tries = self.state.tries.get(&(question.clone(), *server)).copied().unwrap_or_default();
            if tries.done || (tries.datagrams >= DATAGRAMS_MAX && !tries.tcp) {
                continue;
            }
            let cost = u64::from(self.engine.servers.cost_ms(*server, self.at.now));
            // A little of chance spreads questions, and is one more thing that a forger cannot know.
            let chance = (self.world.chance)() % (cost / 3 + 1);
            // Whoever has more to say comes first; whoever was silent comes last.
            let turn = if tries.tcp { 0 } else { 10_000 * (1 + u64::from(tries.datagrams)) };
            let rank = turn + cost + chance;
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, *server));
            }
        }
        let Some((_, server)) = best else { return Ok(None) };
        if self.state.questions >= self.engine.settings.limits.questions_max {
            return Err(spent("too many questions"));
        }
        Ok(Some(Stop::Ask(Box::new(self.write(question, server, purpose, forwarder)))))
    }

    fn write(&mut self, asked: Question, server: SocketAddr, purpose: Purpose, forwarder: bool) -> Ask {
        let now = self.at.now;
        let tries = self.state.tries.entry((asked.clone(), server)).or_default();
        let tcp = tries.tcp;
        let nth = tries.datagrams;
        if !tcp {
            tries.datagrams += 1;
        }
        let edns = self.engine.servers.speaks_edns(server, now);
        let manner = Manner {
            id: ((self.world.chance)() >> 17) as u16,
            case: (self.world.chance)(),
            edns,
            client_cookie: self.engine.servers.client_cookie(server),
            server_cookie: self.engine.servers.server_cookie(server, now),
            recursive: forwarder,
            tcp,
        };
        let (message, check) = question(&asked.name, asked.rtype, &manner);
        let wait = match (tcp, forwarder) {
            (true, _) => TCP_WAIT,
            (false, true) => FORWARDER_WAITS[usize::from(nth).min(1)],
            (false, false) => self.engine.servers.wait(server, now, nth.into()),
        };
        self.state.questions += 1;
        self.state.probes += usize::from(purpose == Purpose::Probe);
        self.state.pending =
            Some(Pending { server, question: asked, purpose, forwarder, edns, tcp, sent: now });
        Ask { server, tcp, message, wait, check }
    }
}
