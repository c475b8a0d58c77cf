//! What is wrong with a zone before it is served.

use std::fmt;

use crate::code::RecordType;
use crate::name::{self, Name};
use crate::rdata;
use crate::record::RRset;
use crate::zone::{Node, ZoneData};

/// Hashing more often than this for NSEC3 costs servers and gains nothing; RFC 9276 §3.1 wants none.
pub const NSEC3_ITERATIONS_MAX: u16 = 150;
/// A message of 65535 bytes, less header, question and OPT with its options.
const SET_LEN_MAX_BYTES: usize = 65_535 - 12 - 259 - 300;
/// At most so many findings of each severity are told: more would not be read.
const FINDINGS_MAX: usize = 100;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The zone can be served, and somebody will be surprised.
    Warning,
    /// The zone is not to be served.
    Error,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The name at which it is wrong.
    pub name: Name,
    /// What it is.
    pub problem: Problem,
}

/// The kinds of what can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No SOA record at the apex (RFC 1035 §5.2).
    NoSoa,
    /// More than one SOA record (RFC 1035 §5.2).
    SeveralSoa,
    /// An SOA record elsewhere than at the apex.
    SoaBelowApex,
    /// No NS record at the apex (RFC 1034 §4.2.1).
    NoApexNs,
    /// A CNAME record beside others (RFC 2181 §10.1).
    CnameAndOther(RecordType),
    /// More than one CNAME record (RFC 2181 §10.1).
    SeveralCname,
    /// More than one DNAME record (RFC 6672 §2.4).
    SeveralDname,
    /// Records below a DNAME record (RFC 6672 §2.4).
    BelowDname,
    /// A DNAME record at a delegation (RFC 6672 §2.3).
    DnameAtCut,
    /// The target of NS, MX or SRV is an alias (RFC 2181 §10.3, RFC 2782).
    TargetIsAlias(RecordType, Name),
    /// The target of NS or MX is in this zone and has no address.
    TargetWithoutAddress(RecordType, Name),
    /// A delegation to a server below itself, without its address (RFC 9471 §2).
    MissingGlue(Name),
    /// A DS record without a delegation.
    DsWithoutNs,
    /// A DS record at the zone's own name: the zone above speaks of this one's keys (RFC 4035 §2.4).
    DsAtApex,
    /// A delegation by wildcard (RFC 4592 §4.2).
    WildcardNs,
    /// `0 .` (RFC 7505 §3) beside other MX records.
    NullMxAndOther,
    /// An SVCB or HTTPS alias with parameters, or beside services (RFC 9460 §2.4.1, §2.4.2).
    AliasAndService(RecordType),
    /// An SVCB or HTTPS record that leads to its own owner as an alias (RFC 9460 §2.4.2).
    AliasOfItself,
    /// A set that no message can carry.
    SetTooLarge(RecordType),
    /// More NSEC3 iterations than [`NSEC3_ITERATIONS_MAX`].
    Nsec3Iterations(u16),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoSoa => f.write_str("no SOA record"),
            Problem::SeveralSoa => f.write_str("more than one SOA record"),
            Problem::SoaBelowApex => f.write_str("an SOA record that is not at the zone's name"),
            Problem::NoApexNs => f.write_str("no NS record at the zone's name"),
            Problem::CnameAndOther(rtype) => write!(f, "a CNAME record and also {rtype}"),
            Problem::SeveralCname => f.write_str("more than one CNAME record"),
            Problem::SeveralDname => f.write_str("more than one DNAME record"),
            Problem::BelowDname => f.write_str("hidden by the DNAME record above it"),
            Problem::DnameAtCut => f.write_str("a DNAME record at a delegation"),
            Problem::TargetIsAlias(rtype, name) => {
                write!(f, "{rtype} leads to {name}, which is a CNAME record")
            }
            Problem::TargetWithoutAddress(rtype, name) => {
                write!(f, "{rtype} leads to {name}, which has no address")
            }
            Problem::MissingGlue(name) => {
                write!(f, "the address of {name} is missing, and cannot be asked for")
            }
            Problem::DsWithoutNs => f.write_str("a DS record without NS records"),
            Problem::DsAtApex => {
                f.write_str("a DS record at the zone's own name, where only its parent has one")
            }
            Problem::WildcardNs => f.write_str("NS records at a wildcard"),
            Problem::NullMxAndOther => f.write_str("an MX record that refuses mail (0 .) beside another"),
            Problem::AliasAndService(rtype) => {
                write!(f, "a {rtype} alias (priority 0) with parameters or others")
            }
            Problem::AliasOfItself => f.write_str("an alias of itself"),
            Problem::SetTooLarge(rtype) => write!(f, "the {rtype} records do not fit in a message"),
            Problem::Nsec3Iterations(count) => {
                write!(f, "{count} NSEC3 iterations, over {NSEC3_ITERATIONS_MAX}")
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}: {}", self.name, self.problem)
    }
}

/// Looks through `zone`; what is wrong, in canonical order of names, at most a hundred findings of
/// each severity. A zone with a
/// finding of [`Severity::Error`] is not to be served.
pub fn check(zone: &ZoneData) -> Vec<Finding> {
    look(zone, FINDINGS_MAX)
}

/// The same for a zone that was changed: all that forbids to serve it, and those warnings that the zone
/// `before` did not deserve.
pub fn check_change(before: &ZoneData, zone: &ZoneData) -> Vec<Finding> {
    let mut found = look(zone, usize::MAX);
    if found.iter().any(|finding| finding.severity == Severity::Warning) {
        // In the same order of names, so that one pass tells them apart.
        let mut old = look(before, usize::MAX).into_iter().peekable();
        found.retain(|finding| {
            while old.next_if(|old| old.name < finding.name).is_some() {}
            finding.severity == Severity::Error || !take_equal(&mut old, finding)
        });
    }
    let mut findings = Findings { most: FINDINGS_MAX, ..Findings::default() };
    found.into_iter().for_each(|finding| findings.push(finding));
    findings.list
}

/// Whether `finding` is among those of its name, which come next in `old`.
fn take_equal(old: &mut std::iter::Peekable<std::vec::IntoIter<Finding>>, finding: &Finding) -> bool {
    while let Some(next) = old.next_if(|old| old.name == finding.name) {
        if next == *finding {
            return true;
        }
    }
    false
}

fn look(zone: &ZoneData, most: usize) -> Vec<Finding> {
    let mut found = Findings { most, ..Findings::default() };
    apex(zone, &mut found);
    // Names come in canonical order, so that what is below a cut or a DNAME follows it at once.
    let (mut cut, mut dname): (Option<&Name>, Option<&Name>) = (None, None);
    for (name, node) in zone.nodes() {
        if found.errors >= most {
            break;
        }
        cut = cut.filter(|cut| name.is_at_or_below(cut));
        dname = dname.filter(|dname| name.is_below(dname));
        if dname.is_some() {
            found.add(Severity::Warning, name, Problem::BelowDname);
        }
        if cut.is_none() {
            node_alone(zone, name, node, &mut found);
            targets(zone, name, node, &mut found);
        }
        if cut.is_none() && name != zone.apex() && node.has(RecordType::NS) {
            cut = Some(name);
        }
        if dname.is_none() && node.has(RecordType::DNAME) {
            dname = Some(name);
        }
    }
    found.list
}

/// Whether none of the findings forbids to serve the zone.
pub fn may_be_served(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity < Severity::Error)
}

#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
    /// Of each severity.
    most: usize,
    errors: usize,
    warnings: usize,
}

impl Findings {
    fn add(&mut self, severity: Severity, name: &Name, problem: Problem) {
        self.push(Finding { severity, name: name.clone(), problem });
    }

    fn push(&mut self, finding: Finding) {
        // Each severity has its own room: no crowd of warnings may hide what forbids to serve the zone.
        let count = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *count < self.most {
            *count += 1;
            self.list.push(finding);
        }
    }
}

fn apex(zone: &ZoneData, found: &mut Findings) {
    let apex = zone.apex();
    match zone.get(apex, RecordType::SOA).map_or(0, RRset::len) {
        0 => found.add(Severity::Error, apex, Problem::NoSoa),
        1 => {}
        _ => found.add(Severity::Error, apex, Problem::SeveralSoa),
    }
    if zone.get(apex, RecordType::NS).is_none() {
        found.add(Severity::Error, apex, Problem::NoApexNs);
    }
    let params = zone.get(apex, RecordType::NSEC3PARAM).map_or(&[][..], RRset::data);
    for data in params {
        let iterations = u16::from_be_bytes([data.as_wire()[2], data.as_wire()[3]]);
        if iterations > NSEC3_ITERATIONS_MAX {
            found.add(Severity::Error, apex, Problem::Nsec3Iterations(iterations));
        }
    }
}

fn node_alone(zone: &ZoneData, name: &Name, node: &Node, found: &mut Findings) {
    let is_apex = name == zone.apex();
    if !is_apex && node.has(RecordType::SOA) {
        found.add(Severity::Error, name, Problem::SoaBelowApex);
    }
    if let Some(cname) = node.get(RecordType::CNAME) {
        // RFC 4034 §2.5, §3, §4: these three stand beside a CNAME record; NSEC3 is of another name.
        let beside = [RecordType::CNAME, RecordType::RRSIG, RecordType::NSEC, RecordType::NSEC3];
        if let Some(set) = node.sets().iter().find(|set| !beside.contains(&set.rtype())) {
            found.add(Severity::Error, name, Problem::CnameAndOther(set.rtype()));
        }
        if cname.len() > 1 {
            found.add(Severity::Error, name, Problem::SeveralCname);
        }
    }
    if node.get(RecordType::DNAME).is_some_and(|set| set.len() > 1) {
        found.add(Severity::Error, name, Problem::SeveralDname);
    }
    if !is_apex && node.has(RecordType::DNAME) && node.has(RecordType::NS) {
        found.add(Severity::Error, name, Problem::DnameAtCut);
    }
    for set in node.sets().iter().filter(|set| set_len_bytes(set) > SET_LEN_MAX_BYTES) {
        found.add(Severity::Error, name, Problem::SetTooLarge(set.rtype()));
    }
    if is_apex && node.has(RecordType::DS) {
        found.add(Severity::Error, name, Problem::DsAtApex);
    } else if node.has(RecordType::DS) && !node.has(RecordType::NS) {
        found.add(Severity::Warning, name, Problem::DsWithoutNs);
    }
    if name.is_wildcard() && node.has(RecordType::NS) {
        found.add(Severity::Error, name, Problem::WildcardNs);
    }
    if node.get(RecordType::MX).is_some_and(|set| set.len() > 1 && set.data().iter().any(is_null_mx)) {
        found.add(Severity::Error, name, Problem::NullMxAndOther);
    }
    for rtype in [RecordType::SVCB, RecordType::HTTPS] {
        if let Some(set) = node.get(rtype) {
            services(name, set, found);
        }
    }
}

/// What the set takes in an answer: each owner is a pointer, and ten bytes of numbers follow it.
fn set_len_bytes(set: &RRset) -> usize {
    set.data().iter().map(|data| 12 + data.as_wire().len()).sum()
}

fn is_null_mx(data: &rdata::RData) -> bool {
    data.as_wire().get(2..) == Some(&[0])
}

/// RFC 9460 §2.4: an alias stands alone, without parameters, and leads elsewhere.
fn services(name: &Name, set: &RRset, found: &mut Findings) {
    for data in set.data() {
        let wire = data.as_wire();
        if wire[..2] != [0, 0] {
            continue;
        }
        let name_len = name::wire_len(&wire[2..]).unwrap_or_default();
        if wire.len() > 2 + name_len {
            found.add(Severity::Error, name, Problem::AliasAndService(set.rtype()));
        } else if set.len() > 1 {
            found.add(Severity::Warning, name, Problem::AliasAndService(set.rtype()));
        }
        if data.target().is_some_and(|target| target == *name) {
            found.add(Severity::Error, name, Problem::AliasOfItself);
        }
    }
}

/// Where NS, MX and SRV records lead.
fn targets(zone: &ZoneData, name: &Name, node: &Node, found: &mut Findings) {
    for rtype in [RecordType::NS, RecordType::MX, RecordType::SRV] {
        let Some(set) = node.get(rtype) else { continue };
        let is_cut = rtype == RecordType::NS && name != zone.apex();
        for target in set.data().iter().filter_map(rdata::RData::target) {
            if target.is_root() || !target.is_at_or_below(zone.apex()) {
                continue;
            }
            let at_target = zone.node(&target);
            if at_target.is_some_and(|node| node.has(RecordType::CNAME)) {
                // RFC 2181 §10.3 forbids it for NS and MX, RFC 2782 for SRV, which others are lenient about.
                let severity = if rtype == RecordType::SRV { Severity::Warning } else { Severity::Error };
                found.add(severity, name, Problem::TargetIsAlias(rtype, target));
                continue;
            }
            let has_address = at_target.is_some_and(|n| n.has(RecordType::A) || n.has(RecordType::AAAA));
            if has_address {
                continue;
            }
            if is_cut && target.is_at_or_below(name) {
                found.add(Severity::Error, name, Problem::MissingGlue(target));
            } else if zone.cut(&target).is_none() && !covered_by_wildcard(zone, &target) {
                found.add(Severity::Warning, name, Problem::TargetWithoutAddress(rtype, target));
            }
        }
    }
}

/// Whether a wildcard or a DNAME record answers for `name`, as far as that is worth finding out here.
fn covered_by_wildcard(zone: &ZoneData, name: &Name) -> bool {
    let mut above = name.parent();
    while let Some(parent) = above.filter(|parent| parent.is_at_or_below(zone.apex())) {
        let wildcard = parent.wildcard().ok().and_then(|wildcard| zone.node(&wildcard).map(|_| ()));
        if wildcard.is_some() || zone.get(&parent, RecordType::DNAME).is_some() {
            return true;
        }
        above = parent.parent();
    }
    false
}
