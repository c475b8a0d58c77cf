//! Which of the records that are wanted stand in a zone, beside those that are the operator's.
//!
//! What is the operator's always wins: a managed record that would stand beside one that says the same kind
//! of thing is left out, and said to be.

use super::super::book::without_serial;
use super::super::mail_records::{MANAGED_TTL_S, Wanted, text_marker};
use super::super::settings::ZoneSettings;
use dns::{Name, RData, Record, RecordType, Serial, Soa, Ttl, ZoneData};

/// What became of a wanted record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It stands in the zone, managed.
    Managed,
    /// The operator has exactly it.
    Yours,
    /// The operator has another in its place; this one.
    Conflict(String),
    /// It was left to the operator.
    Ignored,
    /// It belongs into another zone.
    Elsewhere,
}

/// A wanted record as data, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// As it was wanted.
    pub wanted: Wanted,
    /// As a record; nothing if the text is none, which is a fault of ours.
    pub record: Option<Record>,
    /// What became of it.
    pub placed: Placed,
}

/// A wanted record as data.
pub fn record_of(wanted: &Wanted) -> Option<Record> {
    let owner: Name = wanted.name.parse().ok()?;
    let rtype: RecordType = wanted.rtype.parse().ok()?;
    let data = RData::parse(rtype, &wanted.data, None).ok()?;
    Some(Record::new(owner, Ttl::new(MANAGED_TTL_S)?, data))
}

/// The text of a TXT record, its strings joined.
fn text_of(data: &RData) -> Vec<u8> {
    let (mut rest, mut text) = (data.as_wire(), Vec::new());
    while let Some((&len, after)) = rest.split_first() {
        let (string, after) = after.split_at(usize::from(len).min(after.len()));
        text.extend_from_slice(string);
        rest = after;
    }
    text
}

/// What of the operator's gives the name away: a delegation at or above it, or a DNAME above (RFC 1034 §4.2.1,
/// RFC 6672 §2.4).
fn hidden_by<'z>(yours: &'z ZoneData, record: &Record) -> Option<&'z RData> {
    let (owner, apex) = (&record.owner, yours.apex());
    let first = |name: &Name, rtype| yours.get(name, rtype).and_then(|set| set.data().first());
    if let Some(cut) = yours.cut(owner)
        && !(cut == *owner && matches!(record.rtype(), RecordType::NS | RecordType::DS))
    {
        return first(&cut, RecordType::NS);
    }
    (apex.label_count()..owner.label_count())
        .find_map(|labels| first(&owner.suffix(labels), RecordType::DNAME))
}

/// What of the operator's stands where `record` would, if anything.
fn in_the_way<'z>(yours: &'z ZoneData, wanted: &Wanted, record: &Record) -> Option<&'z RData> {
    if let Some(other) = hidden_by(yours, record) {
        return Some(other);
    }
    let node = yours.node(&record.owner)?;
    // Nothing stands beside a CNAME (RFC 1034 §3.6.2).
    if let Some(alias) = node.get(RecordType::CNAME).and_then(|set| set.data().first()) {
        return Some(alias);
    }
    if record.rtype() == RecordType::CNAME {
        return node.sets().first().and_then(|set| set.data().first());
    }
    let set = node.get(record.rtype())?;
    match wanted.marker() {
        Some(marker) => set.data().iter().find(|data| {
            let text = text_of(data);
            text_marker(&String::from_utf8_lossy(&text)).eq_ignore_ascii_case(marker)
        }),
        None => set.data().first(),
    }
}

/// Says what becomes of each wanted record.
pub fn place(yours: &ZoneData, settings: &ZoneSettings, wanted: Vec<Wanted>) -> Vec<Placement> {
    let apex = yours.apex();
    let decide = |wanted: Wanted| {
        let record = record_of(&wanted);
        let placed = match &record {
            _ if !wanted.in_zone => Placed::Elsewhere,
            Some(record) if !record.owner.is_at_or_below(apex) => Placed::Elsewhere,
            Some(record) => {
                let own = yours.get(&record.owner, record.rtype());
                let same = own.is_some_and(|set| set.data().contains(&record.data));
                match in_the_way(yours, &wanted, record) {
                    _ if same => Placed::Yours,
                    _ if settings.ignores(&wanted.name, wanted.rtype) => Placed::Ignored,
                    Some(other) => Placed::Conflict(format!("{} {other}", other.rtype())),
                    None => Placed::Managed,
                }
            }
            None => Placed::Ignored,
        };
        Placement { wanted, record, placed }
    };
    wanted.into_iter().map(decide).collect()
}

/// The managed records, in canonical order, and the SOA record if the operator has none.
pub fn managed(placements: &[Placement], yours: &ZoneData, first_server: &str) -> Vec<Record> {
    let mut zone = ZoneData::new(yours.apex().clone());
    for placement in placements.iter().filter(|placement| placement.placed == Placed::Managed) {
        if let Some(record) = &placement.record {
            // It is of the zone: [`place`] looked.
            let _ = zone.insert(record.clone());
        }
    }
    if yours.soa().is_none()
        && let Some(soa) = default_soa(yours.apex(), first_server)
    {
        let _ = zone.insert(without_serial(soa));
    }
    zone.records().collect()
}

/// How often secondaries look, in seconds (RFC 1912 §2.2, between its bounds); they are notified besides.
const REFRESH_S: u32 = 3600;
const RETRY_S: u32 = 600;
/// How long a secondary answers without having reached us: shorter than signatures stay valid after they were
/// due to be made anew (RFC 6781 §4.4.2.2), which is seven days.
const EXPIRE_S: u32 = 5 * 86_400;
/// How long it is remembered that something is not there (RFC 2308 §5).
const NEGATIVE_S: u32 = 3600;

fn default_soa(apex: &Name, first_server: &str) -> Option<Record> {
    let mname: Name = format!("{first_server}.").parse().ok()?;
    let soa = Soa {
        mname,
        rname: apex.prepend(b"postmaster").ok()?,
        serial: Serial(0),
        refresh: REFRESH_S,
        retry: RETRY_S,
        expire: EXPIRE_S,
        minimum: NEGATIVE_S,
    };
    Some(Record::new(apex.clone(), Ttl::new(MANAGED_TTL_S)?, soa.to_rdata()))
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::Ignored;
    use super::*;

    fn zone(lines: &[&str]) -> ZoneData {
        let apex: Name = "example.org.".parse().unwrap();
        let record = |line: &&str| {
            let mut words = line.splitn(3, ' ');
            let owner = Name::parse(words.next().unwrap().as_bytes(), Some(&apex)).unwrap();
            let rtype: RecordType = words.next().unwrap().parse().unwrap();
            let data = RData::parse(rtype, words.next().unwrap(), Some(&apex)).unwrap();
            Record::new(owner, Ttl::new(60).unwrap(), data)
        };
        ZoneData::from_records(apex.clone(), lines.iter().map(record)).unwrap()
    }

    fn wanted(name: &str, rtype: &'static str, data: &str) -> Wanted {
        Wanted { name: name.into(), rtype, data: data.into(), purpose: "", in_zone: true }
    }

    #[test]
    fn what_is_yours_wins() {
        let yours = zone(&[
            "@ TXT \"v=spf1 include:other.example -all\"",
            "@ TXT \"verification=1\"",
            "www CNAME @",
            "mx A 192.0.2.9",
            "_dmarc TXT \"v=DMARC1\" \"; p=none\"",
            "same MX 10 mx.example.org.",
            "_domainkey NS ns.example.net.",
            "alias DNAME example.net.",
        ]);
        let table = [
            (
                wanted("example.org.", "TXT", "\"v=spf1 mx -all\""),
                Placed::Conflict("TXT \"v=spf1 include:other.example -all\"".into()),
            ),
            (wanted("example.org.", "MX", "10 mx.example.org."), Placed::Managed),
            (wanted("mx.example.org.", "A", "192.0.2.1"), Placed::Conflict("A 192.0.2.9".into())),
            (wanted("mx.example.org.", "AAAA", "2001:db8::1"), Placed::Managed),
            (
                wanted("www.example.org.", "TXT", "\"v=spf1 -all\""),
                Placed::Conflict("CNAME example.org.".into()),
            ),
            (
                wanted("_dmarc.example.org.", "TXT", "\"v=DMARC1; p=reject\""),
                Placed::Conflict("TXT \"v=DMARC1\" \"; p=none\"".into()),
            ),
            (wanted("same.example.org.", "MX", "10 mx.example.org."), Placed::Yours),
            (wanted("mx.example.net.", "A", "192.0.2.1"), Placed::Elsewhere),
            (wanted("left.example.org.", "A", "192.0.2.1"), Placed::Ignored),
            (
                wanted("k._domainkey.example.org.", "TXT", "\"v=DKIM1; p=\""),
                Placed::Conflict("NS ns.example.net.".into()),
            ),
            (wanted("x.alias.example.org.", "A", "192.0.2.1"), Placed::Conflict("DNAME example.net.".into())),
        ];
        let ignored = vec![Ignored { name: "Left.example.org.".into(), rtype: "a".into() }];
        let settings = ZoneSettings { ignored, ..ZoneSettings::default() };
        for (wish, expected) in table {
            let placed = place(&yours, &settings, vec![wish.clone()]);
            assert_eq!(placed[0].placed, expected, "{wish:?}");
        }
    }

    #[test]
    fn the_zone_gets_an_soa_record_unless_it_has_one() {
        let placements = place(
            &zone(&[]),
            &ZoneSettings::default(),
            vec![wanted("example.org.", "NS", "ns1.example.org.")],
        );
        let list = managed(&placements, &zone(&[]), "ns1.example.org");
        let types: Vec<RecordType> = list.iter().map(Record::rtype).collect();
        assert_eq!(types, [RecordType::NS, RecordType::SOA]);
        let own = zone(&["@ SOA a. b. 7 3600 600 86400 60"]);
        assert!(managed(&[], &own, "ns1.example.org").is_empty());
    }
}
