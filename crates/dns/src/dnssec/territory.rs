//! Which names of a zone are its own, which are delegated away, and which merely lie there.

use crate::code::RecordType;
use crate::name::Name;
use crate::zone::{Node, ZoneData};

/// How a name belongs to the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The zone speaks for it: all of it is signed.
    Own,
    /// Delegated away: DS and the denial are signed, NS and what else lies there are not (RFC 4035 §2.2).
    Delegation,
    /// The hash of a name, below a DNAME record of the zone's own name: of all that lies there, only NSEC3 is the
    /// zone's.
    Hash,
}

/// The names that the zone speaks for or delegates, in canonical order. What is below a delegation (glue)
/// or below a DNAME (RFC 6672 §2.4) is passed over, but for hashes of names.
pub(super) fn standings(zone: &ZoneData) -> impl Iterator<Item = (&Name, &Node, Standing)> {
    let mut roof: Option<&Name> = None;
    zone.nodes().filter_map(move |(name, node)| {
        if roof.is_some_and(|roof| name.is_below(roof)) {
            let is_hash = roof == Some(zone.apex()) && node.has(RecordType::NSEC3);
            return is_hash.then_some((name, node, Standing::Hash));
        }
        let delegation = name != zone.apex() && node.has(RecordType::NS);
        roof = (delegation || node.has(RecordType::DNAME)).then_some(name);
        Some((name, node, if delegation { Standing::Delegation } else { Standing::Own }))
    })
}

/// True if the signer makes records of that type there, so that others of it have no place in the zone. Below the
/// apex CDS and CDNSKEY speak of other zones (RFC 9615 §2).
pub(super) fn is_made_by_signer(rtype: RecordType, at_apex: bool) -> bool {
    match rtype {
        RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3 => true,
        RecordType::NSEC3PARAM
        | RecordType::DNSKEY
        | RecordType::CDS
        | RecordType::CDNSKEY
        | RecordType::ZONEMD => at_apex,
        _ => false,
    }
}

/// True if a set of that type is signed at a name of that standing.
pub(super) fn is_signed(standing: Standing, rtype: RecordType) -> bool {
    match standing {
        Standing::Own => rtype != RecordType::RRSIG,
        Standing::Delegation => matches!(rtype, RecordType::DS | RecordType::NSEC),
        Standing::Hash => rtype == RecordType::NSEC3,
    }
}

/// The types that a denial shows of a name, before its own and that of signatures (RFC 4034 §4.1.2, RFC
/// 4035 §2.3): at a delegation NS and DS only.
pub(super) fn shown_types(node: &Node, standing: Standing) -> impl Iterator<Item = RecordType> {
    let types = node.sets().iter().map(|set| set.rtype());
    types.filter(move |rtype| match standing {
        Standing::Own => true,
        Standing::Delegation => matches!(*rtype, RecordType::NS | RecordType::DS),
        Standing::Hash => false,
    })
}
