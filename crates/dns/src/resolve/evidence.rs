//! What a client is shown of an outcome: records, and with them what it needs to judge by itself (RFC 4035 §3.2.1).

use std::collections::HashSet;
use std::sync::Arc;

use super::response::{Reply, Said, SignedSet};
use super::{Answer, Outcome, Verdict};
use crate::code::{RecordType, Ttl};
use crate::name::Name;
use crate::rdata::RData;
use crate::record::Record;

/// The replies that an outcome was made from, in the order in which its aliases lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence(Vec<(Name, Arc<Reply>)>);

impl Evidence {
    pub(super) fn of(name: &Name, reply: &Arc<Reply>) -> Evidence {
        Evidence(vec![(name.clone(), reply.clone())])
    }

    pub(super) fn add(&mut self, name: &Name, reply: &Arc<Reply>) {
        self.0.push((name.clone(), reply.clone()));
    }
}

/// The records of a message that tells an outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sections {
    /// Of the answer section.
    pub answer: Vec<Record>,
    /// Of the authority section.
    pub authority: Vec<Record>,
}

impl Outcome {
    /// What a client is shown that asked for `asked`, written as it wrote it; with signatures and the proofs of
    /// what is not there if it set DO (`dnssec`; RFC 4035 §3.2.1). All of it holds for [`Outcome::ttl`].
    ///
    /// Of a failure nothing is shown.
    pub fn sections(&self, asked: &Name, dnssec: bool) -> Sections {
        if self.is_failure() {
            return Sections::default();
        }
        let mut shown = Shown { asked, ttl: self.ttl, dnssec, sections: Sections::default() };
        match dnssec && !self.evidence.0.is_empty() {
            true => self.evidence.0.iter().for_each(|(name, reply)| shown.step(name, reply)),
            false => shown.plain(self),
        }
        shown.authority(self);
        shown.sections
    }
}

/// A message in the making.
struct Shown<'a> {
    asked: &'a Name,
    ttl: Ttl,
    dnssec: bool,
    sections: Sections,
}

impl Shown<'_> {
    /// Names are the same in any case, but clients want theirs back as they wrote it.
    fn record(&self, owner: &Name, data: RData) -> Record {
        let owner = if owner == self.asked { self.asked } else { owner };
        Record::new(owner.clone(), self.ttl, data)
    }

    fn set(&self, owner: &Name, set: &SignedSet) -> Vec<Record> {
        let data = set.set.data().iter().map(|data| self.record(owner, data.clone()));
        let signatures = set.signatures.iter().filter(|_| self.dnssec);
        data.chain(signatures.map(|signature| self.record(owner, signature.to_rdata()))).collect()
    }

    /// Without signatures. An alias by DNAME is shown as the CNAME that every client understands (RFC 6672 §3.1).
    fn plain(&mut self, outcome: &Outcome) {
        for alias in &outcome.aliases {
            let record = self.record(&alias.name, RData::cname(&alias.target));
            self.sections.answer.push(record);
        }
        for data in outcome.records() {
            let record = self.record(&outcome.name, data.clone());
            self.sections.answer.push(record);
        }
    }

    /// With them: of a CNAME that a DNAME makes, the DNAME is what is signed (RFC 6672 §5.3.1).
    fn step(&mut self, name: &Name, reply: &Reply) {
        let more = match &reply.said {
            Said::Records(set) | Said::Cname(set) => self.set(name, set),
            Said::Dname(set) => {
                let mut all = self.set(&set.owner, set);
                let made = reply.said.alias(name, Verdict::Indeterminate);
                all.extend(made.map(|alias| self.record(name, RData::cname(&alias.target))));
                all
            }
            Said::NoData | Said::NxDomain => Vec::new(),
        };
        self.sections.answer.extend(more);
    }

    /// The SOA of what is not there, for its TTL (RFC 2308 §3), and the proofs of all that needed one.
    fn authority(&mut self, outcome: &Outcome) {
        let is_denial = matches!(outcome.answer, Answer::NoData | Answer::NxDomain);
        let mut seen = HashSet::new();
        for (at, (name, reply)) in outcome.evidence.0.iter().enumerate() {
            let is_last = at + 1 == outcome.evidence.0.len();
            for set in &reply.proof {
                let is_wanted = match set.set.rtype() {
                    RecordType::SOA => is_denial && is_last && name.is_at_or_below(&set.owner),
                    _ => self.dnssec && !set.signatures.is_empty(),
                };
                if is_wanted && seen.insert((&set.owner, set.set.rtype())) {
                    let records = self.set(&set.owner, set);
                    self.sections.authority.extend(records);
                }
            }
        }
    }
}
