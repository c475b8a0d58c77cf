//! Orders about other servers and programs that have to do with a zone.

use super::super::book::Step;
use super::super::inverse::{FormerPeer, Inverse, role_of};
use super::super::request::DnsRequest;
use super::super::settings::ZoneSettings;
use super::super::zones::{ZoneError, Zones, stored_name};
use super::{Done, name, words};
use dns::Name;
use store::{
    Missing, PeerRole, StoreError, Tx, ZoneChange, ZoneChangeKind, ZoneId, ZoneKind, ZoneNote, ZonePeer,
};

/// What one address is to do with a zone from now on.
#[derive(Debug, Clone)]
struct Wish {
    /// What is done, for the journal.
    what: String,
    /// What it is about.
    role: PeerRole,
    /// The address as it was entered.
    address: String,
    /// The shared key.
    key: Option<String>,
    /// Whether it may from now on, or no longer.
    adds: bool,
}

impl Wish {
    /// A secondary is both: it may fetch, and it is told.
    fn roles(&self) -> Vec<PeerRole> {
        match self.role {
            PeerRole::Fetches => vec![PeerRole::Fetches, PeerRole::Notified],
            role => vec![role],
        }
    }

    fn peers(&self) -> Vec<ZonePeer> {
        let peer = |role| ZonePeer { role, address: self.address.clone(), tsig_key: self.key.clone() };
        self.roles().into_iter().filter(|_| self.adds).map(peer).collect()
    }
}

pub(super) fn carry_out(zones: &Zones, request: DnsRequest) -> Done {
    let (zone, verb, role, address, key, adds) = match request {
        DnsRequest::SecondaryAdd { zone, address, key } => {
            (zone, "secondary add", PeerRole::Fetches, address, key, true)
        }
        DnsRequest::SecondaryRemove { zone, address } => {
            (zone, "secondary remove", PeerRole::Fetches, address, None, false)
        }
        DnsRequest::UpdaterAdd { zone, address, key } => {
            (zone, "updater add", PeerRole::Updates, address, Some(key), true)
        }
        DnsRequest::UpdaterRemove { zone, address } => {
            (zone, "updater remove", PeerRole::Updates, address, None, false)
        }
        DnsRequest::Follow { zone, primary, key } => (zone, "follow", PeerRole::Primary, primary, key, true),
        _ => return Err(ZoneError::Refused("this order is not known".into())),
    };
    let apex = name(&zone)?;
    check_address(role, &address)?;
    let key = key.map(|key| key.trim_end_matches('.').to_ascii_lowercase());
    let wish = Wish { what: format!("{verb} {address}"), role, address, key, adds };
    let zone = apex.to_text_without_dot();
    match (adds, enter(zones, &apex, &wish)?) {
        (true, _) => words(format!("{zone}: {}", entered_words(role, &wish.address))),
        (false, true) => words(format!("{zone}: {}", gone_words(role, &wish.address))),
        (false, false) => Err(ZoneError::Refused(format!("{zone}: {} was not entered", wish.address))),
    }
}

/// Writes a wish, with the entry of the journal that takes it back. False if all was so before.
fn enter(zones: &Zones, apex: &Name, wish: &Wish) -> Result<bool, ZoneError> {
    let (text, at_ms, wished) = (stored_name(apex), zones.now_ms(), wish.clone());
    let done = zones.store().write_blocking(move |tx| {
        let (id, made) = zone_for(tx, &text, wished.role)?;
        let (roles, after) = (wished.roles(), wished.peers());
        let before = of_address(tx.zone_peers(id)?, &roles, &wished.address);
        if before == after && !made {
            return Ok(false);
        }
        let inverse = match made {
            true => Inverse::Unfollow,
            false => Inverse::peers(&wished.address, &roles, &before),
        };
        put(tx, id, &roles, &wished.address, &after)?;
        let note = ZoneNote {
            at_ms,
            kind: ZoneChangeKind::Edit,
            undoes: None,
            what: wished.what.clone(),
            data: Step::beside(inverse.to_text()).to_bytes(),
        };
        tx.note_zone(id, &note)?;
        Ok(true)
    });
    let done = match done {
        Err(StoreError::Missing(Missing::Zone)) => Err(ZoneError::NoZone(apex.to_text_without_dot())),
        done => Ok(done?),
    };
    zones.refresh()?;
    done
}

/// The zone of that name, made if it is to be fetched from elsewhere; and whether it was made.
fn zone_for(tx: &mut Tx<'_>, name: &str, role: PeerRole) -> Result<(ZoneId, bool), StoreError> {
    let follows = role == PeerRole::Primary;
    match tx.zone_by_name(name)? {
        Some(zone) if follows && zone.kind != ZoneKind::Secondary => Err(StoreError::Exists("zone")),
        Some(zone) => Ok((zone.id, false)),
        None if follows => {
            let settings = ZoneSettings::default().to_text();
            Ok((tx.add_zone(name, ZoneKind::Secondary, &settings)?.id, true))
        }
        None => Err(StoreError::Missing(Missing::Zone)),
    }
}

/// Those of `peers` that an entry of this address in these roles replaces, in the order of the roles.
fn of_address(peers: Vec<ZonePeer>, roles: &[PeerRole], address: &str) -> Vec<ZonePeer> {
    let mut found: Vec<ZonePeer> =
        peers.into_iter().filter(|peer| roles.contains(&peer.role) && peer.address == address).collect();
    found.sort();
    found
}

/// From now on these are all entries of the address in these roles.
fn put(
    tx: &mut Tx<'_>,
    id: ZoneId,
    roles: &[PeerRole],
    address: &str,
    peers: &[ZonePeer],
) -> Result<(), StoreError> {
    for role in roles {
        tx.remove_zone_peer(id, *role, address)?;
    }
    for peer in peers {
        tx.add_zone_peer(id, peer)?;
    }
    Ok(())
}

/// Undoes an entry of the journal that is about peers.
///
/// - `former`: as in [`Inverse::Peers`].
pub(super) fn take_back(
    zones: &Zones,
    apex: &Name,
    entry: &ZoneChange,
    former: (&str, &[String], &[FormerPeer]),
) -> Result<(), ZoneError> {
    let (address, roles, before) = former;
    let id = zones.zone(apex)?.id;
    let unknown = || ZoneError::Refused(format!("\"{}\" is not known to this program", entry.what));
    let roles: Option<Vec<PeerRole>> = roles.iter().map(|role| role_of(role)).collect();
    let roles = roles.ok_or_else(unknown)?;
    let peer = |peer: &FormerPeer| {
        let role = role_of(&peer.role)?;
        Some(ZonePeer { role, address: address.to_owned(), tsig_key: peer.key.clone() })
    };
    let before: Option<Vec<ZonePeer>> = before.iter().map(peer).collect();
    let before = before.ok_or_else(unknown)?;
    let note = ZoneNote {
        at_ms: zones.now_ms(),
        kind: ZoneChangeKind::Undo,
        undoes: Some(entry.change),
        what: format!("undo: {}", entry.what),
        data: Vec::new(),
    };
    let entered = address.to_owned();
    let done = zones.store().write_blocking(move |tx| {
        put(tx, id, &roles, &entered, &before)?;
        tx.note_zone(id, &note)
    });
    match done {
        Err(StoreError::Missing(Missing::Key)) => Err(ZoneError::Refused(format!(
            "\"{}\" cannot be undone: the key that {address} proved is not here any more",
            entry.what
        ))),
        done => {
            done?;
            zones.refresh()
        }
    }
}

fn entered_words(role: PeerRole, address: &str) -> String {
    match role {
        PeerRole::Fetches => format!("{address} may fetch it and is told of changes from now on"),
        PeerRole::Primary => format!("it is fetched from {address} from now on"),
        PeerRole::Updates if address == "any" => {
            "updates with this key may change what is yours in it, from any address".to_owned()
        }
        PeerRole::Updates => format!("updates with this key from {address} may change what is yours in it"),
        PeerRole::Notified => format!("{address} is told of changes from now on"),
    }
}

fn gone_words(role: PeerRole, address: &str) -> String {
    match role {
        PeerRole::Fetches => format!("{address} may no longer fetch it, nor is it told of changes"),
        PeerRole::Primary => format!("it is no longer fetched from {address}"),
        PeerRole::Updates if address == "any" => "updates from anywhere are refused from now on".to_owned(),
        PeerRole::Updates => format!("updates from {address} are refused from now on"),
        PeerRole::Notified => format!("{address} is no longer told of changes"),
    }
}

/// An address, with a port or without; networks and `any` too where the role allows many.
fn check_address(role: PeerRole, text: &str) -> Result<(), ZoneError> {
    let one = text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok();
    let many = text == "any" || crate::config::Network::try_from(text.to_owned()).is_ok();
    if one || (many && role == PeerRole::Updates) {
        return Ok(());
    }
    Err(ZoneError::Refused(format!("{text:?} is no address such as 198.51.100.2 or 198.51.100.2:5353")))
}
