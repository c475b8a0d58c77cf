//! The chain of trust: from an anchor through the cuts between zones to an answer (RFC 4035 §5).

use std::sync::Arc;

use super::cache::{Failure, Key, Known, Value};
use super::denial::{NoDs, Proof, Worth};
use super::iterate::{Run, Stop};
use super::request::{BOGUS_TTL, Engine, Request};
use super::response::{Reply, Said, SignedSet};
use super::validate::{Budget, Fault, Keys, Validator};
use super::{ExtendedError, Verdict, ede};
use crate::code::{RecordType, Ttl};
use crate::dnssec::Ds;
use crate::name::Name;
use crate::rdata::RData;

/// How often another server is asked because an answer was not valid.
const BOGUS_RETRIES_MAX: usize = 3;

/// Whether a zone begins at a name, and whether it can be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// A zone with keys that are vouched for.
    Secure(Keys),
    /// A zone without signatures, or with such that cannot be verified here.
    Insecure(Option<ExtendedError>),
    /// It should be signed and is not, or not rightly.
    Bogus(Fault),
    /// No zone begins here.
    None,
    /// Nobody says whom to believe.
    Unknown,
}

impl Cut {
    pub(super) fn size(&self) -> usize {
        match self {
            Cut::Secure(keys) => keys.size(),
            Cut::Bogus(fault) => fault.text.len(),
            _ => 0,
        }
    }
}

/// What a verdict consists of: itself, why, and for how long.
type Judgement = (Verdict, Option<ExtendedError>, Ttl);

/// The sets of a reply's proof that were found right, by their places; `None` where none was looked at.
type Right = Option<Vec<usize>>;

/// An answer that may be told, and what is to be said of it.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) reply: Arc<Reply>,
    pub(super) verdict: Verdict,
    pub(super) error: Option<ExtendedError>,
    pub(super) ttl: Ttl,
}

fn bogus(fault: Fault) -> Judgement {
    (Verdict::Bogus, Some(fault), BOGUS_TTL)
}

fn judgement(worth: Result<Worth, Fault>, ttl: Ttl) -> Judgement {
    match worth {
        Ok(Worth::Secure) => (Verdict::Secure, None, ttl),
        Ok(Worth::Insecure) => (Verdict::Insecure, None, ttl),
        Err(fault) => bogus(fault),
    }
}

/// What is told of a question whose answers are all bogus, as was found a moment ago.
fn told_bogus(failure: &Failure) -> Judged {
    let empty = || Reply { said: Said::NoData, proof: Vec::new(), ttl: BOGUS_TTL, by_the_way: false }.into();
    let reply = failure.reply.clone().unwrap_or_else(empty);
    let error = Some(failure.error.clone());
    Judged { ttl: reply.ttl.min(BOGUS_TTL), reply, verdict: Verdict::Bogus, error }
}

/// The records that deny and the places of all that are right, or why there are none that can be believed.
enum Ground {
    Proof(Proof, Ttl, Vec<usize>),
    Other(Judgement),
}

impl Run<'_, '_> {
    /// The answer to a question, and what validation says of it.
    pub(super) fn judged(&mut self, name: &Name, rtype: RecordType) -> Result<Judged, Stop> {
        let key = Key::Question(name.clone(), rtype);
        loop {
            if let Some(bogus) = self.known_bogus(&key) {
                return Ok(bogus);
            }
            let (known, left) = match self.reply(name, rtype) {
                Err(Stop::Failed(error)) => match self.state.bogus.get(&(name.clone(), rtype)).cloned() {
                    // Of those that answered none was right.
                    Some((error, reply)) => {
                        let failure = Failure { verdict: Verdict::Bogus, error, reply: Some(reply) };
                        // What cannot be remembered is told all the same.
                        let told = told_bogus(&failure);
                        self.engine.cache.put(key, Value::Failed(failure), self.at.now, BOGUS_TTL);
                        return Ok(told);
                    }
                    None => return Err(Stop::Failed(error)),
                },
                found => found?,
            };
            let Known { reply, verdict, from } = known;
            if let Some((verdict, error)) = verdict {
                return Ok(Judged { reply, verdict, error, ttl: left });
            }
            let ((verdict, error, ttl), right) = self.judge(name, rtype, &reply)?;
            let ttl = ttl.min(reply.ttl);
            if let (Verdict::Bogus, Some(server), Some(fault)) = (verdict, from, &error)
                && self.state.bogus.len() < BOGUS_RETRIES_MAX
            {
                self.state.bogus.insert((name.clone(), rtype), (fault.clone(), reply));
                self.shun(name, rtype, server);
                self.engine.cache.remove(&key);
                continue;
            }
            let reply = match right {
                Some(right) if verdict != Verdict::Bogus => reply.proven_by(&right).into(),
                _ => reply,
            };
            let judged = Judged { reply, verdict, error, ttl };
            self.engine.cache.judge(&key, &judged, ttl);
            let ttl = if from.is_some() { ttl.min(left.max(Ttl::from_wire(1))) } else { ttl };
            return Ok(Judged { ttl, ..judged });
        }
    }

    /// The answer to a question as it came, with what is known of it.
    pub(super) fn taken(&mut self, name: &Name, rtype: RecordType) -> Result<Judged, Stop> {
        if let Some(bogus) = self.known_bogus(&Key::Question(name.clone(), rtype)) {
            return Ok(bogus);
        }
        let (Known { reply, verdict, from }, left) = self.reply(name, rtype)?;
        let (verdict, error) = verdict.unwrap_or((Verdict::Indeterminate, None));
        let ttl = if from.is_some() { left.max(Ttl::from_wire(1)) } else { reply.ttl };
        // What may be wrong is soon to be asked for again.
        let longest = if verdict <= Verdict::Insecure { Ttl::MAX } else { BOGUS_TTL };
        Ok(Judged { reply, verdict, error, ttl: ttl.min(longest) })
    }

    fn known_bogus(&mut self, key: &Key) -> Option<Judged> {
        match self.engine.cache.get(key, self.began)?.0 {
            Value::Failed(failure) if failure.verdict == Verdict::Bogus => Some(told_bogus(failure)),
            _ => None,
        }
    }

    /// Does not ask the server this again.
    fn shun(&mut self, name: &Name, rtype: RecordType, server: std::net::SocketAddr) {
        let this = self.state.tries.iter_mut();
        let of = this.filter(|((q, of), _)| *of == server && q.name == *name && q.rtype == rtype);
        of.for_each(|(_, tries)| tries.done = true);
    }

    fn judge(&mut self, name: &Name, rtype: RecordType, reply: &Reply) -> Result<(Judgement, Right), Stop> {
        match &reply.said {
            Said::Records(set) | Said::Cname(set) | Said::Dname(set) => self.judge_set(name, set, reply),
            Said::NoData | Said::NxDomain => {
                let (proof, ttl, right) = match self.ground(name, rtype, &reply.proof)? {
                    Ground::Proof(proof, ttl, right) => (proof, ttl, right),
                    Ground::Other(judgement) => return Ok((judgement, None)),
                };
                let limits = self.engine.settings.limits;
                let mut budget = Budget::new(&limits);
                let worth = match reply.said {
                    Said::NxDomain => proof.nx_domain(name, (&limits, &mut budget)),
                    _ => proof.no_data(name, rtype, (&limits, &mut budget)),
                };
                self.state.hashes += budget.hashes();
                Ok((judgement(worth, ttl), Some(right)))
            }
        }
    }

    fn judge_set(&mut self, name: &Name, set: &SignedSet, reply: &Reply) -> Result<(Judgement, Right), Stop> {
        let rtype = set.set.rtype();
        let Some(signer) = signer(set, &set.owner, rtype) else {
            return Ok((self.unsigned(&set.owner, rtype, &format!("{} {rtype}", set.owner))?, None));
        };
        let cut = self.cut(&signer)?;
        let keys = match by_cut(&cut, &signer) {
            Ok(keys) => keys,
            Err(judgement) => return Ok((judgement, None)),
        };
        let checked = match self.verify(|validator, budget| validator.set(set, &signer, keys, budget))? {
            Ok(checked) => checked,
            Err(fault) => return Ok((bogus(fault), None)),
        };
        let Some(labels) = checked.wildcard else {
            // Nothing else is needed, so nothing else is remembered.
            return Ok(((Verdict::Secure, None, checked.ttl), Some(Vec::new())));
        };
        // Made from a wildcard: nothing nearer may exist (RFC 4035 §5.3.4). A DNAME answers for those below it.
        let name = if rtype == RecordType::DNAME { &set.owner } else { name };
        let (proof, ttl, right) = match self.ground(name, RecordType(0), &reply.proof)? {
            Ground::Proof(proof, ttl, right) if *proof.zone() == signer => (proof, ttl, right),
            Ground::Other(judgement @ (Verdict::Bogus | Verdict::Indeterminate, ..)) => {
                return Ok((judgement, None));
            }
            Ground::Proof(..) | Ground::Other(_) => {
                let text = "no record shows that the wildcard may answer";
                return Ok((bogus(Fault::new(ede::NSEC_MISSING, text)), None));
            }
        };
        let limits = self.engine.settings.limits;
        let mut budget = Budget::new(&limits);
        let worth = proof.no_closer(name, labels, (&limits, &mut budget));
        self.state.hashes += budget.hashes();
        Ok((judgement(worth, checked.ttl.min(ttl)), Some(right)))
    }

    /// Verifies what one response holds. The result depends on the response alone: a request that has used up its
    /// share ends, and must not leave verdicts behind on zones that had no part in that.
    fn verify<T>(
        &mut self,
        work: impl FnOnce(&Validator<'_>, &mut Budget) -> Result<T, Fault>,
    ) -> Result<Result<T, Fault>, Stop> {
        let limits = self.engine.settings.limits;
        if self.state.verifies + limits.verifies_per_response_max > limits.verifies_max {
            let error = ExtendedError::new(ede::INDETERMINATE, "too many signatures to verify");
            return Err(Stop::Spent(error));
        }
        let mut budget = Budget::new(&limits);
        let validator = Validator { verify: &*self.engine.verify, limits: &limits, now: self.at.date };
        let result = work(&validator, &mut budget);
        self.state.verifies += budget.verified(&limits);
        Ok(result)
    }

    /// What has no signature: fine below a delegation that is proven to have none, else bogus.
    fn unsigned(&mut self, owner: &Name, rtype: RecordType, what: &str) -> Result<Judgement, Stop> {
        let most = owner.label_count() - usize::from(rtype == RecordType::DS && !owner.is_root());
        for labels in 0..=most {
            match &*self.cut(&owner.suffix(labels))? {
                Cut::Insecure(error) => return Ok((Verdict::Insecure, error.clone(), Ttl::MAX)),
                Cut::Bogus(fault) => return Ok(bogus(fault.clone())),
                Cut::Unknown => return Ok(unknown()),
                Cut::Secure(_) | Cut::None => {}
            }
        }
        Ok(bogus(Fault::new(ede::RRSIGS_MISSING, format!("{what} is not signed, and its zone is"))))
    }

    /// The denials in an authority section whose signatures are right.
    fn ground(&mut self, name: &Name, rtype: RecordType, sets: &[SignedSet]) -> Result<Ground, Stop> {
        let denies = |set: &&SignedSet| matches!(set.set.rtype(), RecordType::NSEC | RecordType::NSEC3);
        let Some(zone) = sets.iter().filter(denies).find_map(|set| signer(set, name, rtype)) else {
            let what = match rtype {
                RecordType(0) => format!("that nothing is nearer to {name} than a wildcard"),
                rtype => format!("that {name} has no {rtype}"),
            };
            return Ok(Ground::Other(self.unsigned(name, rtype, &what)?));
        };
        let cut = self.cut(&zone)?;
        let keys = match by_cut(&cut, &zone) {
            Ok(keys) => keys,
            Err(judgement) => return Ok(Ground::Other(judgement)),
        };
        let proven = self.verify(|validator, budget| {
            let (mut records, mut ttl, mut first): (Vec<(&Name, &RData)>, _, _) =
                (Vec::new(), Ttl::MAX, None);
            let mut right = Vec::new();
            let own = |(_, set): &(usize, &SignedSet)| denies(set) && set.owner.is_at_or_below(&zone);
            for (at, set) in sets.iter().enumerate().filter(own) {
                match validator.set(set, &zone, keys, budget) {
                    // A record made from a wildcard says nothing of the name it shows (RFC 4035 §5.3.4).
                    Ok(checked) if checked.wildcard.is_none() => {
                        ttl = ttl.min(checked.ttl);
                        right.push(at);
                        records.extend(set.set.data().iter().map(|data| (&set.owner, data)));
                    }
                    Ok(_) => {}
                    Err(fault) => first = first.or(Some(fault)),
                }
            }
            if let (true, Some(fault)) = (records.is_empty(), first) {
                return Err(fault);
            }
            // Nothing is proven by the SOA, but whoever is shown it may want to check it (RFC 4035 §3.2.3).
            let soa = |set: &SignedSet| set.set.rtype() == RecordType::SOA && set.owner == zone;
            if let Some(at) = sets.iter().position(soa)
                && validator.set(&sets[at], &zone, keys, budget).is_ok()
            {
                right.push(at);
            }
            Ok((Proof::new(&zone, records.into_iter()), ttl, right))
        })?;
        Ok(match proven {
            Ok((proof, ttl, right)) => Ground::Proof(proof, ttl, right),
            Err(fault) => Ground::Other(bogus(fault)),
        })
    }

    /// Whether a zone begins at `name`, and its keys.
    pub(super) fn cut(&mut self, name: &Name) -> Result<Arc<Cut>, Stop> {
        let key = Key::Cut(name.clone());
        if let Some((Value::Cut(cut), _)) = self.engine.cache.get(&key, self.began) {
            return Ok(cut.clone());
        }
        // Each goes strictly upwards, so this ends after as many steps as the name has labels.
        let (cut, ttl) = self.find_cut(name)?;
        let ttl = if matches!(cut, Cut::Bogus(_)) { ttl.min(BOGUS_TTL) } else { ttl };
        let cut = Arc::new(cut);
        self.engine.cache.put(
            key,
            Value::Cut(cut.clone()),
            self.at.now,
            ttl.min(self.engine.settings.limits.ttl_max),
        );
        Ok(cut)
    }

    fn find_cut(&mut self, name: &Name) -> Result<(Cut, Ttl), Stop> {
        let anchors = &self.engine.settings.anchors;
        let here: Vec<Ds> = anchors.iter().filter(|a| a.zone == *name).map(|a| a.ds.clone()).collect();
        if !here.is_empty() {
            return self.keys_of(name, &here, Ttl::MAX);
        }
        if !anchors.iter().any(|anchor| name.is_below(&anchor.zone)) {
            return Ok((Cut::Unknown, BOGUS_TTL));
        }
        let (known, _) = self.reply(name, RecordType::DS)?;
        let reply = known.reply;
        let ds = match &reply.said {
            Said::Records(set) => set,
            Said::Cname(set) | Said::Dname(set) => {
                // An alias is no cut (RFC 2181 §10.1).
                let ((verdict, error, ttl), _) = self.judge_set(name, set, &reply)?;
                return Ok((other_cut(verdict, error, Cut::None), ttl.min(reply.ttl)));
            }
            Said::NoData | Said::NxDomain => return self.without_ds(name, &reply),
        };
        let ((verdict, error, ttl), _) = self.judge_set(name, ds, &reply)?;
        let ttl = ttl.min(reply.ttl);
        if verdict != Verdict::Secure {
            return Ok((other_cut(verdict, error, Cut::None), ttl));
        }
        let all: Vec<Ds> = ds.set.data().iter().filter_map(|data| Ds::from_wire(data.as_wire())).collect();
        self.keys_of(name, &all, ttl)
    }

    fn without_ds(&mut self, name: &Name, reply: &Reply) -> Result<(Cut, Ttl), Stop> {
        let (proof, ttl) = match self.ground(name, RecordType::DS, &reply.proof)? {
            Ground::Proof(proof, ttl, _) => (proof, ttl.min(reply.ttl)),
            Ground::Other((verdict, error, ttl)) => return Ok((other_cut(verdict, error, Cut::None), ttl)),
        };
        let limits = self.engine.settings.limits;
        let mut budget = Budget::new(&limits);
        let cut = match reply.said {
            Said::NxDomain => match proof.nx_domain(name, (&limits, &mut budget)) {
                Ok(Worth::Secure) => Cut::None,
                Ok(Worth::Insecure) => Cut::Insecure(None),
                Err(fault) => Cut::Bogus(fault),
            },
            _ => match proof.no_ds(name, (&limits, &mut budget)) {
                Ok(NoDs::Delegation) => Cut::Insecure(None),
                Ok(NoDs::NotCut) => Cut::None,
                Err(fault) => Cut::Bogus(fault),
            },
        };
        self.state.hashes += budget.hashes();
        Ok((cut, ttl))
    }

    /// The keys of a zone, if the set of them is signed by one that `trust` speaks of.
    fn keys_of(&mut self, zone: &Name, trust: &[Ds], ttl: Ttl) -> Result<(Cut, Ttl), Stop> {
        let verify = &*self.engine.verify;
        let limits = self.engine.settings.limits;
        let validator = Validator { verify, limits: &limits, now: self.at.date };
        let usable: Vec<Ds> = trust.iter().filter(|ds| validator.supports(ds)).cloned().collect();
        if usable.is_empty() {
            // RFC 4035 §5.2: as if there were none.
            let known = trust.iter().any(|ds| verify.verify(ds.algorithm, &[], &[], &[]).is_some());
            let code = if known { ede::UNSUPPORTED_DIGEST } else { ede::UNSUPPORTED_ALGORITHM };
            let error = ExtendedError::new(code, format!("the keys of {zone} cannot be used here"));
            return Ok((Cut::Insecure(Some(error)), ttl));
        }
        let (known, _) = self.reply(zone, RecordType::DNSKEY)?;
        let Said::Records(set) = &known.reply.said else {
            let text = format!("{zone} should have keys and shows none");
            return Ok((Cut::Bogus(Fault::new(ede::DNSKEY_MISSING, text)), BOGUS_TTL));
        };
        Ok(match self.verify(|validator, budget| validator.keys(set, zone, &usable, budget))? {
            Ok((keys, of_keys)) => (Cut::Secure(keys), ttl.min(of_keys).min(known.reply.ttl)),
            Err(fault) => (Cut::Bogus(fault), BOGUS_TTL),
        })
    }
}

fn unknown() -> Judgement {
    let error = ExtendedError::new(ede::INDETERMINATE, "there is no trust anchor for it");
    (Verdict::Indeterminate, Some(error), Ttl::MAX)
}

/// The zone that signed a set, if it may speak of `name`: for DS that is a zone above it.
fn signer(set: &SignedSet, name: &Name, rtype: RecordType) -> Option<Name> {
    let may = |zone: &Name| match rtype {
        RecordType::DS if !name.is_root() => name.is_below(zone),
        _ => name.is_at_or_below(zone),
    };
    set.signatures.iter().map(|signature| &signature.signer).find(|zone| may(zone)).cloned()
}

/// The keys of a zone, or what holds for all that is in it.
fn by_cut<'c>(cut: &'c Cut, zone: &Name) -> Result<&'c Keys, Judgement> {
    match cut {
        Cut::Secure(keys) => Ok(keys),
        Cut::Insecure(error) => Err((Verdict::Insecure, error.clone(), Ttl::MAX)),
        Cut::Bogus(fault) => Err(bogus(fault.clone())),
        Cut::Unknown => Err(unknown()),
        Cut::None => {
            Err(bogus(Fault::new(ede::BOGUS, format!("it is signed by {zone}, where no zone begins"))))
        }
    }
}

/// What the verdict on the records about a cut makes of it, if they are not secure.
fn other_cut(verdict: Verdict, error: Option<ExtendedError>, secure: Cut) -> Cut {
    match verdict {
        Verdict::Secure => secure,
        Verdict::Insecure => Cut::Insecure(error),
        Verdict::Indeterminate => Cut::Unknown,
        Verdict::Bogus => Cut::Bogus(error.unwrap_or_else(|| Fault::new(ede::BOGUS, "not valid"))),
    }
}

/// One zone on the way to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The zone.
    pub zone: Name,
    /// The tags of the DS records of its parent, or of trust anchors, with their algorithms.
    pub ds: Vec<(u16, u8)>,
    /// The tags of its keys, their algorithms, and whether each is an entry point.
    pub keys: Vec<(u16, u8, bool)>,
    /// What follows.
    pub status: LinkStatus,
}

/// What is known of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStatus {
    /// Its keys are vouched for.
    Secure,
    /// Its parent proves that it has none, or none that can be used.
    Insecure(Option<ExtendedError>),
    /// It should be signed and is not, or not rightly.
    Bogus(ExtendedError),
}

impl Request {
    /// The zones from the trust anchor down to `name`, as far as they mattered.
    pub fn links(&self, engine: &mut Engine, name: &Name) -> Vec<Link> {
        let mut links = Vec::new();
        for labels in 0..=name.label_count() {
            let zone = name.suffix(labels);
            let Some((Value::Cut(cut), _)) = engine.cache.get(&Key::Cut(zone.clone()), self.began()) else {
                continue;
            };
            let (status, keys) = match &**cut {
                Cut::Secure(keys) => (LinkStatus::Secure, keys.tags()),
                Cut::Insecure(error) => (LinkStatus::Insecure(error.clone()), Vec::new()),
                Cut::Bogus(fault) => (LinkStatus::Bogus(fault.clone()), Vec::new()),
                Cut::None | Cut::Unknown => continue,
            };
            let anchors = engine.settings.anchors.iter().filter(|a| a.zone == zone).map(|a| a.ds.clone());
            let mut ds: Vec<Ds> = anchors.collect();
            let key = Key::Question(zone.clone(), RecordType::DS);
            if let Some((Value::Known(known), _)) = engine.cache.get(&key, self.began())
                && let Said::Records(set) = &known.reply.said
            {
                ds.extend(set.set.data().iter().filter_map(|data| Ds::from_wire(data.as_wire())));
            }
            let ds = ds.iter().map(|ds| (ds.key_tag, ds.algorithm.0)).collect();
            links.push(Link { zone, ds, keys, status });
        }
        links
    }
}
