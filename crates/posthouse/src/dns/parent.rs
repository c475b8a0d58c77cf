//! Telling a parent that wants to know that a zone's CDS records changed, so that it looks at once and not within
//! a day (RFC 9859). Blocks.

use super::client::random_id;
use super::zones::Zones;
use dns::notify::{Dsync, dsync_name, is_answer, parent_request};
use dns::resolve::Verdict;
use dns::{Name, RData, RecordType};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How long the parent may take to answer.
const WAIT: Duration = Duration::from_secs(2);
/// How often it is told.
const TRIES: u32 = 3;
/// Targets told at most; a parent has one or two.
const TARGETS_MAX: usize = 4;

/// Tells the parent of `zone`, if it says where. That it did not hear is no fault: it looks by itself, later.
pub fn tell(zones: &Zones, zone: &Name) {
    let Some(parent) = zone.parent() else { return };
    for target in targets(zones, zone, &parent) {
        for address in addresses(zones, &target.target).into_iter().take(TARGETS_MAX) {
            let address = SocketAddr::new(address, target.port);
            match send(address, zone, target.rtype) {
                Ok(()) => {
                    tracing::info!(%zone, %address, "the parent was told of new CDS records");
                    break;
                }
                Err(error) => {
                    tracing::debug!(%zone, %address, %error, "the parent did not hear of new CDS records");
                }
            }
        }
    }
}

/// Where the parent wants to be told. Names between the zone and its parent zone are not asked for one by one: a
/// parent that is further up answers for them (RFC 9859 §4.1), or has none.
fn targets(zones: &Zones, zone: &Name, parent: &Name) -> Vec<Dsync> {
    let found = dsync_name(zone, parent).and_then(|name| zones.look_up(&name, RecordType::DSYNC));
    let Some(found) = found.filter(|found| found.verdict != Verdict::Bogus) else { return Vec::new() };
    let told = found.records().iter().filter_map(Dsync::from_rdata);
    let ours = told.filter(|target| matches!(target.rtype, RecordType::CDS | RecordType::CDNSKEY));
    ours.take(TARGETS_MAX).collect()
}

fn addresses(zones: &Zones, host: &Name) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for rtype in [RecordType::A, RecordType::AAAA] {
        let found = zones.look_up(host, rtype).filter(|found| found.verdict != Verdict::Bogus);
        all.extend(found.iter().flat_map(|found| found.records()).filter_map(RData::address));
    }
    all
}

fn send(address: SocketAddr, zone: &Name, rtype: RecordType) -> std::io::Result<()> {
    let local: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(WAIT))?;
    let id = random_id()?;
    let (request, mut buffer) = (parent_request(id, zone, rtype), [0; 512]);
    for _ in 0..TRIES {
        socket.send(&request)?;
        match socket.recv(&mut buffer) {
            Ok(len) if is_answer(&buffer[..len], id) => return Ok(()),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::TimedOut.into())
}
