//! What the world sees: the zone's name servers and the parent's, asked one by one and directly.
//!
//! Blocks; for threads outside the runtime. Answers come from strangers. What the parent shows decides which keys
//! may go: so all of its servers must say the same, and where it is signed, a validated answer, too.

use super::client::random_id;
use super::dkim::{DkimAlgorithm, DkimBook};
use super::mail_records::is_within;
use super::zones::{Draft, Zones, record_of};
use dns::dnssec::ds::Ds;
use dns::resolve::{Answer as Found, Outcome, Verdict};
use dns::roll::dkim::DkimSeen;
use dns::roll::tlsa::TlsaSeen;
use dns::roll::{DsView, Observed, ParentView, ZoneKeys};
use dns::{
    Class, Flags, MessageReader, MessageWriter, Name, Question, RData, Rcode, Record, RecordType, Section,
    Serial, ZoneData,
};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long one server may take to answer one question.
const WAIT: Duration = Duration::from_millis(1500);
/// How often a datagram is sent.
const TRIES: u32 = 2;
/// Servers that are asked at most, of the zone and of the parent each; more are nobody's intention.
const SERVERS_MAX: usize = 16;
/// The port of DNS.
const PORT: u16 = 53;

/// An answer, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the server speaks for the zone.
    pub authoritative: bool,
    /// What it says.
    pub rcode: Rcode,
    /// The answer section.
    pub answers: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
}

impl Answer {
    /// The data of a name and type in the answer, with its TTL.
    pub fn of(&self, name: &Name, rtype: RecordType) -> Vec<&Record> {
        self.answers.iter().filter(|record| record.owner == *name && record.rtype() == rtype).collect()
    }
}

/// Asks one server one question.
///
/// # Errors
/// Why there is no answer, in words.
pub fn ask(server: SocketAddr, name: &Name, rtype: RecordType, recursive: bool) -> Result<Answer, String> {
    let id = random_id().map_err(|error| error.to_string())?;
    let flags = if recursive { Flags::default().with(Flags::RD) } else { Flags::default() };
    let question = Question { name: name.clone(), rtype, class: Class::IN };
    let mut writer = MessageWriter::new(Vec::new(), id, flags, 512);
    writer.question(&question).map_err(|_| "the question does not fit".to_owned())?;
    let query = writer.finish();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "it does not answer".to_owned(),
        _ => error.to_string(),
    };
    for _ in 0..TRIES {
        match by_datagram(server, &query, id, &question) {
            Ok((answer, false)) => return Ok(answer),
            Ok((_, true)) => return by_stream(server, &query, id, &question).map_err(failed),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err("it does not answer".to_owned())
}

fn by_datagram(
    server: SocketAddr,
    query: &[u8],
    id: u16,
    question: &Question,
) -> std::io::Result<(Answer, bool)> {
    let local: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(local)?;
    // Connected: what others send does not arrive.
    socket.connect(server)?;
    socket.send(query)?;
    let (mut buffer, until) = ([0; 4096], Instant::now() + WAIT);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let len = socket.recv(&mut buffer)?;
        // What answers something else may be forged: the true one may still come.
        if let Some(read) = read_answer(&buffer[..len], id, question) {
            return Ok(read);
        }
    }
}

fn by_stream(server: SocketAddr, query: &[u8], id: u16, question: &Question) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let len = u16::try_from(query.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&len.to_be_bytes(), query].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut message)?;
    let read = read_answer(&message, id, question);
    read.map(|(answer, _)| answer).ok_or_else(|| std::io::Error::other("the answer is none"))
}

/// The answer in a message, and whether it was cut short; nothing if it answers something else.
fn read_answer(message: &[u8], id: u16, question: &Question) -> Option<(Answer, bool)> {
    let mut reader = MessageReader::new(message).ok()?;
    let header = *reader.header();
    let asked = reader.question().ok()??;
    let fits = asked.name == question.name && asked.rtype == question.rtype && asked.class == question.class;
    if header.id != id || !header.flags.has(Flags::QR) || !fits {
        return None;
    }
    let mut answer = Answer {
        authoritative: header.flags.has(Flags::AA),
        rcode: header.flags.rcode(),
        answers: Vec::new(),
        authority: Vec::new(),
    };
    let truncated = header.flags.has(Flags::TC);
    // What was cut short is asked for again, so its records are not looked at.
    if truncated {
        return Some((answer, truncated));
    }
    while let Some((section, record)) = reader.record().ok()? {
        match section {
            Section::Answer => answer.answers.push(record),
            Section::Authority => answer.authority.push(record),
            _ => {}
        }
    }
    Some((answer, truncated))
}

/// A name server with what is known of how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name without final dot.
    pub name: String,
    /// Its addresses, or why there are none.
    pub addresses: Result<Vec<SocketAddr>, String>,
    /// Addresses of it to which this host has no way, as an IPv6 address where there is only IPv4: they are not
    /// asked, and nobody waits for them.
    pub out_of_reach: Vec<SocketAddr>,
}

impl Server {
    /// A server with the addresses that are known of it.
    fn new(name: String, addresses: Result<Vec<SocketAddr>, String>) -> Server {
        let Ok(all) = addresses else { return Server { name, addresses, out_of_reach: Vec::new() } };
        let (near, out_of_reach): (Vec<_>, Vec<_>) = all.into_iter().partition(|address| has_way(*address));
        let addresses = match (near.is_empty(), out_of_reach.is_empty()) {
            (true, false) => Err("this host has no way to any of its addresses".to_owned()),
            _ => Ok(near),
        };
        Server { name, addresses, out_of_reach }
    }

    /// One that is known by its addresses alone.
    pub fn at(address: SocketAddr, name: String) -> Server {
        Server::new(name, Ok(vec![address]))
    }
}

/// The resolvers that are asked where no server of our own can tell: those configured, or the system's.
fn resolvers(zones: &Zones) -> Vec<SocketAddr> {
    let configured = &zones.host().resolvers;
    if !configured.is_empty() {
        return configured.clone();
    }
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let address = |line: &str| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok();
    text.lines().filter_map(address).map(|address| SocketAddr::new(address, PORT)).take(3).collect()
}

/// Asks a resolver.
fn resolve(zones: &Zones, name: &Name, rtype: RecordType) -> Result<Answer, String> {
    let mut fault = "no resolver is known".to_owned();
    for resolver in resolvers(zones) {
        match ask(resolver, name, rtype, true) {
            Ok(answer) if matches!(answer.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) => return Ok(answer),
            Ok(answer) => fault = format!("the resolver {resolver} answers {}", answer.rcode),
            Err(error) => fault = format!("the resolver {resolver}: {error}"),
        }
    }
    Err(fault)
}

/// Whether this host has any way to an address; without one, a server must do with its others. Nothing is sent.
fn has_way(address: SocketAddr) -> bool {
    let local: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let way = UdpSocket::bind(local).and_then(|socket| socket.connect(address));
    !way.is_err_and(|error| {
        use std::io::ErrorKind as Kind;
        matches!(
            error.kind(),
            Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::AddrNotAvailable | Kind::Unsupported
        )
    })
}

/// Where a server with this address listens: our own may be behind another port, as in a test.
fn place(zones: &Zones, address: IpAddr) -> SocketAddr {
    let listens = &zones.host().dns_listen;
    let own = listens.iter().find(|listen| listen.ip() == address).or_else(|| {
        let ours = zones.host().addresses.contains(&address);
        listens.iter().find(|listen| ours && listen.ip().is_unspecified())
    });
    SocketAddr::new(address, own.map_or(PORT, SocketAddr::port))
}

fn addresses_in(records: &[Record]) -> Vec<IpAddr> {
    records.iter().filter_map(|record| record.data.address()).collect()
}

/// The addresses of a server: as the zone has them, as the configuration has them, or as a resolver does.
fn addresses_of(zones: &Zones, served: Option<&ZoneData>, name: &Name) -> Result<Vec<SocketAddr>, String> {
    let mut found: Vec<IpAddr> = Vec::new();
    if let Some(node) = served.and_then(|zone| zone.node(name)) {
        let sets = node.sets().iter().filter(|set| matches!(set.rtype(), RecordType::A | RecordType::AAAA));
        let records: Vec<Record> = sets
            .flat_map(|set| set.data().iter().map(|data| Record::new(name.clone(), set.ttl, data.clone())))
            .collect();
        found = addresses_in(&records);
    }
    if found.is_empty() {
        let text = name.to_lowercase().to_text_without_dot();
        let known = zones.host().name_servers.iter().find(|server| server.name == text);
        found = known.map(|server| server.addresses.clone()).unwrap_or_default();
    }
    let mut fault = format!("no address of {} is known", name.to_text_without_dot());
    if found.is_empty() {
        for rtype in [RecordType::A, RecordType::AAAA] {
            match resolve(zones, name, rtype) {
                Ok(answer) => found.extend(addresses_in(&answer.answers)),
                Err(error) => fault = error,
            }
        }
    }
    if found.is_empty() {
        return Err(fault);
    }
    Ok(found.into_iter().map(|address| place(zones, address)).collect())
}

fn servers_named(zones: &Zones, served: Option<&ZoneData>, names: Vec<Name>) -> Vec<Server> {
    let server = |name: Name| {
        Server::new(name.to_lowercase().to_text_without_dot(), addresses_of(zones, served, &name))
    };
    names.into_iter().take(SERVERS_MAX).map(server).collect()
}

/// The name servers of a zone that is served here.
pub fn servers(zones: &Zones, served: &ZoneData) -> Vec<Server> {
    let set = served.get(served.apex(), RecordType::NS);
    let names = set.map(|set| set.data().iter().filter_map(RData::target).collect()).unwrap_or_default();
    servers_named(zones, Some(served), names)
}

/// The name servers of whatever zone a name is in, found by a resolver; with the name of that zone.
///
/// # Errors
/// Why they are not known.
pub fn servers_elsewhere(zones: &Zones, name: &Name) -> Result<(Name, Vec<Server>), String> {
    for labels in (0..=name.label_count()).rev() {
        let zone = name.suffix(labels);
        let answer = resolve(zones, &zone, RecordType::NS)?;
        let names: Vec<Name> =
            answer.of(&zone, RecordType::NS).into_iter().filter_map(|record| record.data.target()).collect();
        if !names.is_empty() {
            return Ok((zone, servers_named(zones, None, names)));
        }
    }
    Err("no name servers are known".to_owned())
}

/// One address of a server with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The server's name.
    pub name: String,
    /// The address that was asked; nothing if none is known.
    pub address: Option<SocketAddr>,
    /// The serial it shows, or why it could not be asked.
    pub serial: Result<Serial, String>,
}

/// Asks every address of every server for the zone's serial, all at once.
pub fn serials(servers: &[Server], apex: &Name) -> Vec<Seen> {
    std::thread::scope(|scope| {
        let mut tasks = Vec::new();
        for server in servers {
            match &server.addresses {
                Err(fault) => tasks.push((server, None, Err(fault.clone()))),
                Ok(addresses) => {
                    for address in addresses.iter().take(SERVERS_MAX).copied() {
                        tasks.push((server, Some(address), Ok(scope.spawn(move || serial(address, apex)))));
                    }
                }
            }
        }
        let done = tasks.into_iter().map(|(server, address, task)| Seen {
            name: server.name.clone(),
            address,
            serial: match task {
                Ok(task) => task.join().unwrap_or_else(|_| Err("the question failed".to_owned())),
                Err(fault) => Err(fault),
            },
        });
        done.collect()
    })
}

fn serial(address: SocketAddr, apex: &Name) -> Result<Serial, String> {
    let answer = ask(address, apex, RecordType::SOA, false)?;
    let soa = answer.of(apex, RecordType::SOA).first().and_then(|record| dns::Soa::from_rdata(&record.data));
    match soa {
        Some(soa) if answer.authoritative => Ok(soa.serial),
        _ if answer.rcode != Rcode::NOERROR => Err(format!("it answers {}", answer.rcode)),
        _ => Err("it does not serve this zone".to_owned()),
    }
}

/// The oldest serial, if every server showed one (RFC 1982 order).
pub fn oldest(seen: &[Seen]) -> Option<Serial> {
    let all: Option<Vec<Serial>> = seen.iter().map(|seen| seen.serial.clone().ok()).collect();
    let all = all?;
    all.iter().copied().reduce(|one, other| if one.is_after(other) { other } else { one })
}

/// A DS set with its TTL, or why there is none.
pub type DsShown = Result<(Vec<Ds>, u32), String>;

/// What the parent's servers say of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parent {
    /// The name of the parent zone; nothing if it could not be found.
    pub zone: Option<Name>,
    /// Why nobody could be asked.
    pub fault: Option<String>,
    /// Each server's DS set with its TTL, or why it gave none.
    pub ds: Vec<(String, DsShown)>,
    /// The same by a validated look-up, which caches may have held back; nothing if it says nothing, because the
    /// parent is not signed or nobody was asked.
    pub validated: Option<DsShown>,
    /// The names that its delegation gives, with the addresses beside them.
    pub delegation: BTreeSet<String>,
}

/// Asks the servers of the parent zone.
pub fn parent(zones: &Zones, apex: &Name, keys: &ZoneKeys) -> Parent {
    let Some(above) = apex.parent() else {
        return Parent { fault: Some("the root has no parent".to_owned()), ..Parent::default() };
    };
    let (zone, servers) = match parent_servers(zones, &above) {
        Ok(found) => found,
        Err(fault) => return Parent { fault: Some(fault), ..Parent::default() },
    };
    let is_here = zones.zone(&zone).is_ok();
    let mut parent = Parent { zone: Some(zone), ..Parent::default() };
    for server in servers {
        let addresses = match server.addresses {
            Ok(addresses) => addresses,
            Err(fault) => {
                parent.ds.push((server.name, Err(fault)));
                continue;
            }
        };
        for address in addresses.into_iter().take(SERVERS_MAX) {
            let shown = format!("{} ({address})", server.name);
            parent.ds.push((shown, ds_of(address, apex)));
            if let Ok(answer) = ask(address, apex, RecordType::NS, false) {
                let records = answer.authority.iter().chain(&answer.answers);
                let names =
                    records.filter(|record| record.owner == *apex && record.rtype() == RecordType::NS);
                let names = names.filter_map(|record| record.data.target());
                parent.delegation.extend(names.map(|name| name.to_lowercase().to_text_without_dot()));
            }
        }
    }
    // Who is to be believed matters where something hangs on it: not before there is a DS.
    let there_is =
        parent.ds.iter().any(|(_, shown)| shown.as_ref().is_ok_and(|(records, _)| !records.is_empty()));
    let there_was = keys.was_secure() && parent.ds.iter().any(|(_, shown)| shown.is_ok());
    if !is_here && (there_is || there_was) {
        parent.validated = zones.look_up(apex, RecordType::DS).and_then(validated);
    }
    parent
}

/// What a validated look-up adds to the answers of the parent's servers, which anybody on the way could have forged.
/// Nothing where the parent is not signed: nobody can tell there.
fn validated(found: Outcome) -> Option<DsShown> {
    let records = || found.records().iter().filter_map(|data| Ds::from_wire(data.as_wire())).collect();
    match (found.verdict, &found.answer) {
        (Verdict::Insecure, _) => None,
        (Verdict::Secure, Found::Records(_) | Found::NoData | Found::NxDomain) => {
            Some(Ok((records(), found.ttl.seconds())))
        }
        _ => {
            let why = found.error.as_ref().map_or("", |error| error.text.as_str());
            Some(Err(why.to_owned()))
        }
    }
}

/// The parent's servers: our own where the parent is a zone of ours, else those that a resolver finds.
fn parent_servers(zones: &Zones, above: &Name) -> Result<(Name, Vec<Server>), String> {
    if let Ok(zone) = zones.zone_of(above)
        && let (Ok(name), Ok(book)) = (super::zones::zone_name(&zone), zones.book(&zone))
    {
        return Ok((name, servers(zones, &book.served)));
    }
    servers_elsewhere(zones, above)
}

fn ds_of(address: SocketAddr, apex: &Name) -> Result<(Vec<Ds>, u32), String> {
    let answer = ask(address, apex, RecordType::DS, false)?;
    match answer.rcode {
        Rcode::NOERROR | Rcode::NXDOMAIN if answer.authoritative => {
            let records = answer.of(apex, RecordType::DS);
            let ttl = records.iter().map(|record| record.ttl.seconds()).max().unwrap_or(0);
            Ok((records.iter().filter_map(|record| Ds::from_wire(record.data.as_wire())).collect(), ttl))
        }
        Rcode::NOERROR | Rcode::NXDOMAIN => Err("it does not speak for the parent zone".to_owned()),
        rcode => Err(format!("it answers {rcode}")),
    }
}

/// What keys go by: how far the zone has spread, and what the parent shows.
pub fn observed(zones: &Zones, draft: &Draft, seen: &[Seen], parent: &Parent) -> Observed {
    let served = &draft.book.served;
    let apex = served.apex();
    let keys = &draft.keys.keys;
    let view = |(server, ds): (&str, &DsShown)| ParentView {
        server: server.to_owned(),
        ds: ds.as_ref().ok().map(|(records, ttl_seconds)| DsView {
            records: records.iter().map(|ds| keys.recognise(apex, ds)).collect(),
            ttl_seconds: *ttl_seconds,
        }),
    };
    let direct = parent.ds.iter().map(|(server, ds)| (server.as_str(), ds));
    let shown = direct.chain(parent.validated.iter().map(|ds| ("validated", ds)));
    let ttls = served.nodes().flat_map(|(_, node)| node.sets().iter().map(|set| set.ttl.seconds()));
    Observed {
        at: zones.now(),
        our_serial: served.serial().unwrap_or(Serial(0)).0,
        every_server_shows: oldest(seen).map(|serial| serial.0),
        parent: shown.map(view).collect(),
        zone_ttl_max_seconds: ttls.max().unwrap_or(0),
        dnskey_ttl_seconds: served.get(apex, RecordType::DNSKEY).map_or(0, |set| set.ttl.seconds()),
        negative_ttl_seconds: served.negative_ttl().map_or(0, |ttl| ttl.seconds()),
    }
}

/// Asks everybody, for one decision.
pub fn observe(zones: &Zones, draft: &Draft) -> Observed {
    let at = zones.now();
    let seen = serials(&servers(zones, &draft.book.served), draft.book.served.apex());
    let parent = parent(zones, draft.book.served.apex(), &draft.keys.keys);
    Observed { at, ..observed(zones, draft, &seen, &parent) }
}

/// Whether every server shows exactly this record: yes, no, or nobody could tell.
fn everywhere(seen: &[Seen], record: &Record) -> Option<bool> {
    let mut all = !seen.is_empty();
    for server in seen {
        // Whoever did not answer just now is not waited for again.
        let reachable = server.address.filter(|_| server.serial.is_ok());
        let answer = reachable.map(|address| ask(address, &record.owner, record.rtype(), false));
        match answer {
            Some(Ok(answer)) => {
                let shown = answer.of(&record.owner, record.rtype());
                if !shown.iter().any(|other| other.data == record.data) {
                    return Some(false);
                }
            }
            _ => all = false,
        }
    }
    all.then_some(true)
}

/// What every server shows of a domain's DKIM keys, by algorithm in the order of [`DkimAlgorithm::ALL`].
pub fn dkim_seen(zones: &Zones, domain: &str, book: &DkimBook, seen: &[Seen]) -> [DkimSeen; 2] {
    let at = zones.now();
    let mut out = [DkimSeen { at, ..DkimSeen::default() }, DkimSeen { at, ..DkimSeen::default() }];
    for (algorithm, id, record) in book.records() {
        let slot = &mut out[usize::from(algorithm == DkimAlgorithm::Ed25519)];
        let wanted = super::mail_records::dkim_record(domain, &record);
        match record_of(&wanted).and_then(|record| everywhere(seen, &record)) {
            Some(true) => slot.shown.push(id),
            Some(false) => slot.missing.push(id),
            None => {}
        }
    }
    out
}

/// What every server shows of the digests of the certificate's keys.
pub fn tlsa_seen(zones: &Zones, draft: &Draft, seen: &[Seen]) -> Option<TlsaSeen> {
    let host = zones.host();
    if !is_within(&host.host, &draft.zone.name) || host.tlsa_ports.is_empty() {
        return None;
    }
    let mut out = TlsaSeen { at: zones.now(), ..TlsaSeen::default() };
    for (id, digest) in draft.certificate.digests() {
        let mut verdict = Some(true);
        for port in &host.tlsa_ports {
            let wanted = super::mail_records::tlsa_record(&host.host, *port, &digest);
            let shown = record_of(&wanted).and_then(|record| everywhere(seen, &record));
            verdict = match (verdict, shown) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        match verdict {
            Some(true) => out.shown.push(id),
            Some(false) => out.missing.push(id),
            None => {}
        }
    }
    Some(out)
}
