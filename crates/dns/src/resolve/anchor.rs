//! Where trust begins (RFC 4033 §2, RFC 9718) and where the search begins (RFC 9609).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::code::RecordType;
use crate::dnssec::{DigestType, DnsKey, Ds};
use crate::master::{NoInclude, read};
use crate::name::Name;
use crate::record::Record;

/// A key that is believed without anyone above it saying so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The zone it is a key of.
    pub zone: Name,
    /// Its digest.
    pub ds: Ds,
}

/// The two keys of the root: that of 2017, and that of 2024 which succeeds it
/// (<https://data.iana.org/root-anchors/root-anchors.xml>).
const ROOT_ANCHORS: [&str; 2] = [
    ". 0 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". 0 IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
];

/// The addresses of the servers of the root, a to m (<https://www.internic.net/domain/named.root>).
const ROOT_SERVERS: [(Ipv4Addr, Ipv6Addr); 13] = [
    (Ipv4Addr::new(198, 41, 0, 4), Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30)),
    (Ipv4Addr::new(170, 247, 170, 2), Ipv6Addr::new(0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb)),
    (Ipv4Addr::new(192, 33, 4, 12), Ipv6Addr::new(0x2001, 0x500, 2, 0, 0, 0, 0, 0xc)),
    (Ipv4Addr::new(199, 7, 91, 13), Ipv6Addr::new(0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd)),
    (Ipv4Addr::new(192, 203, 230, 10), Ipv6Addr::new(0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe)),
    (Ipv4Addr::new(192, 5, 5, 241), Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf)),
    (Ipv4Addr::new(192, 112, 36, 4), Ipv6Addr::new(0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d)),
    (Ipv4Addr::new(198, 97, 190, 53), Ipv6Addr::new(0x2001, 0x500, 1, 0, 0, 0, 0, 0x53)),
    (Ipv4Addr::new(192, 36, 148, 17), Ipv6Addr::new(0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53)),
    (Ipv4Addr::new(192, 58, 128, 30), Ipv6Addr::new(0x2001, 0x503, 0xc27, 0, 0, 0, 2, 0x30)),
    (Ipv4Addr::new(193, 0, 14, 129), Ipv6Addr::new(0x2001, 0x7fd, 0, 0, 0, 0, 0, 1)),
    (Ipv4Addr::new(199, 7, 83, 42), Ipv6Addr::new(0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42)),
    (Ipv4Addr::new(202, 12, 27, 33), Ipv6Addr::new(0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35)),
];

/// Why a file of anchors or hints is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorError(pub String);

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AnchorError {}

impl Anchor {
    /// The keys of the root as they were when this was made.
    pub fn root() -> Vec<Anchor> {
        Anchor::read(ROOT_ANCHORS.join("\n").as_bytes()).expect("written in the form of master files")
    }

    /// Reads a file of DS and DNSKEY records in the form of master files.
    ///
    /// # Errors
    /// What is wrong with it; also if there is none.
    pub fn read(text: &[u8]) -> Result<Vec<Anchor>, AnchorError> {
        let mut anchors = Vec::new();
        for record in records(text)? {
            let ds = match record.rtype() {
                RecordType::DS => Ds::from_wire(record.data.as_wire()),
                RecordType::DNSKEY => DnsKey::from_wire(record.data.as_wire())
                    .filter(|key| key.is_zone_key() && key.is_entry_point())
                    .and_then(|key| Ds::of(&record.owner, &key, DigestType::SHA256)),
                _ => None,
            };
            anchors.extend(ds.map(|ds| Anchor { zone: record.owner, ds }));
        }
        match anchors.is_empty() {
            true => Err(AnchorError("it holds no DS and no DNSKEY that is an entry point".into())),
            false => Ok(anchors),
        }
    }
}

/// The addresses of the root's servers as they were when this was made; asked for newer ones first of all
/// (RFC 9609 §3).
pub fn root_servers() -> Vec<IpAddr> {
    ROOT_SERVERS.iter().flat_map(|(v4, v6)| [IpAddr::V4(*v4), IpAddr::V6(*v6)]).collect()
}

/// Reads a file of hints: the NS records of the root and the addresses of its servers, as master files have them.
///
/// # Errors
/// What is wrong with it; also if there is no address.
pub fn read_hints(text: &[u8]) -> Result<Vec<IpAddr>, AnchorError> {
    let records = records(text)?;
    let servers: Vec<Name> = records
        .iter()
        .filter(|r| r.rtype() == RecordType::NS && r.owner.is_root())
        .filter_map(|r| r.data.target())
        .collect();
    let addresses: Vec<IpAddr> = records
        .iter()
        .filter(|record| servers.contains(&record.owner))
        .filter_map(|record| record.data.address())
        .collect();
    match addresses.is_empty() {
        true => Err(AnchorError("it names no server of the root with an address".into())),
        false => Ok(addresses),
    }
}

/// The records of a file, of whatever names. A TTL may be missing: it says nothing here.
fn records(text: &[u8]) -> Result<Vec<Record>, AnchorError> {
    let text = [b"$TTL 0\n", text].concat();
    match read(&Name::root(), "", &text, &mut NoInclude) {
        Ok(zone) => Ok(zone.records().collect()),
        // One line was put before.
        Err(error) => Err(AnchorError(format!("line {}: {}", error.line.saturating_sub(1), error.reason))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_read() {
        let anchors = Anchor::root();
        assert_eq!(anchors.iter().map(|a| a.ds.key_tag).collect::<Vec<_>>(), [20326, 38696]);
        assert_eq!(root_servers().len(), 26);
    }

    #[test]
    fn files_of_anchors_and_hints() {
        let key = b". IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n\
                    . IN DNSKEY 256 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n";
        let anchors = Anchor::read(key).unwrap();
        assert_eq!((anchors.len(), anchors[0].ds.key_tag), (1, 3613));
        assert!(Anchor::read(b". IN NS a.\n").is_err());
        assert!(Anchor::read(b". IN DS nonsense\n").unwrap_err().0.starts_with("line 1:"));
        let hints = b". 3600000 NS A.ROOT.\nA.ROOT. 3600000 A 192.0.2.1\nA.ROOT. 1 AAAA 2001:db8::1\nb.root. 1 A 192.0.2.9\n";
        assert_eq!(
            read_hints(hints).unwrap(),
            ["192.0.2.1".parse::<IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]
        );
        assert!(read_hints(b". 1 NS a.root.\n").is_err());
    }
}
