//! A small Internet: servers by address, each with its zones.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dns::dnssec::sign::Verify;
use dns::dnssec::{Algorithm, Denial, Ds};
use dns::master::{NoInclude, read};
use dns::resolve::{Anchor, Ask, Engine, Event, Mode, Moment, Outcome, Request, Settings, Step, World};
use dns::time::Timestamp;
use dns::{
    Catalogue, Class, CompiledZone, Context, Flags, Header, MessageReader, MessageWriter, Name, Question,
    Record, RecordType, Section, Transport, ZoneData, answer,
};
use wire::Now;

pub use crate::toy::{DATE, Toy, signed};

thread_local! {
    static VERIFIED: Cell<u32> = const { Cell::new(0) };
}

/// Counts each signature that is looked at.
struct Counting;

impl Verify for Counting {
    fn verify(&self, algorithm: Algorithm, public_key: &[u8], data: &[u8], signature: &[u8]) -> Option<bool> {
        // Without a key it is only asked whether the algorithm is known.
        VERIFIED.set(VERIFIED.get() + u32::from(!public_key.is_empty()));
        Toy.verify(algorithm, public_key, data, signature)
    }
}

/// How many signatures were verified in this test so far.
pub fn verified() -> u32 {
    VERIFIED.get()
}

/// The zone of a master file.
pub fn zone(apex: &str, text: &str) -> ZoneData {
    let text = format!("$TTL 3600\n@ SOA ns.invalid. x.invalid. 1 3600 600 86400 900\n{text}");
    read(&apex.parse().unwrap(), "zone", text.as_bytes(), &mut NoInclude)
        .unwrap_or_else(|e| panic!("{apex}: {e}"))
}

/// What becomes of a message.
pub enum Fate {
    /// The server answers.
    Answer,
    /// This comes instead.
    Bytes(Vec<u8>),
    /// Nothing comes; so many forgeries did.
    Silence(u32),
    /// It cannot be sent.
    Unreachable,
}

type Script = Box<dyn FnMut(&Sent) -> Fate>;

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub server: SocketAddr,
    pub tcp: bool,
    pub name: Name,
    pub rtype: RecordType,
    pub bytes: Vec<u8>,
}

/// Everything that there is.
pub struct Net {
    pub servers: HashMap<IpAddr, Catalogue>,
    pub own: Catalogue,
    pub script: Script,
    pub engine: Engine,
    pub now: Now,
    pub date: Timestamp,
    pub sent: Vec<Sent>,
    pub last: Option<Request>,
    chance: u64,
}

impl Net {
    /// `zones`: address of the server, name, content, and whether it is signed. The DS of a signed zone is put into
    /// the zone above it, if that delegates it with a comment `; DS` at the line.
    pub fn new(zones: &[(&str, &str, &str, Option<Denial>)]) -> Net {
        Net::with(zones, |_| {})
    }

    pub fn with(zones: &[(&str, &str, &str, Option<Denial>)], change: impl FnOnce(&mut Settings)) -> Net {
        let mut ready: BTreeMap<Name, (Vec<IpAddr>, ZoneData)> = BTreeMap::new();
        let mut ds: BTreeMap<Name, Ds> = BTreeMap::new();
        // Children first: their keys go into the parents.
        let mut order: Vec<_> = zones.iter().collect();
        order.sort_by_key(|(_, apex, ..)| std::cmp::Reverse(apex.parse::<Name>().unwrap().label_count()));
        for (addresses, apex, text, denial) in order {
            let mut data = zone(apex, text);
            for (child, ds) in &ds {
                let wants = text.contains(&format!("; DS {child}"));
                if wants {
                    let rdata = dns::RData::from_wire(RecordType::DS, &ds.to_wire()).unwrap();
                    data.insert(Record::new(child.clone(), dns::Ttl::from_wire(3600), rdata)).unwrap();
                }
            }
            if let Some(denial) = denial {
                let (signed, own) = signed(&data, *denial, DATE);
                ds.insert(data.apex().clone(), own);
                data = signed;
            }
            let addresses = addresses.split(' ').map(|a| a.parse().unwrap()).collect();
            ready.insert(data.apex().clone(), (addresses, data));
        }
        let mut servers: HashMap<IpAddr, Catalogue> = HashMap::new();
        for (addresses, data) in ready.values() {
            for address in addresses {
                let catalogue = servers.entry(*address).or_default();
                *catalogue = catalogue.with_zone(CompiledZone::new(data).unwrap());
            }
        }
        let mut settings = Settings::new([7; 16]);
        settings.hints = vec!["10.0.0.1".parse().unwrap()];
        settings.anchors = ds
            .get(&Name::root())
            .map(|ds| Anchor { zone: Name::root(), ds: ds.clone() })
            .into_iter()
            .collect();
        change(&mut settings);
        Net {
            servers,
            own: Catalogue::new(),
            script: Box::new(|_| Fate::Answer),
            engine: Engine::new(settings, Box::new(Counting)),
            now: Now::from_millis(1_000_000),
            date: DATE + 3600,
            sent: Vec::new(),
            last: None,
            chance: 1,
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.date = self.date + u32::try_from(time.as_secs()).unwrap();
    }

    /// Asks until there is an outcome.
    pub fn ask(&mut self, name: &str, rtype: &str) -> Outcome {
        let request = Request::new(name.parse().unwrap(), rtype.parse().unwrap(), self.now);
        self.run(request)
    }

    /// Asks as one who judges by himself.
    pub fn ask_unvalidated(&mut self, name: &str, rtype: &str) -> Outcome {
        let request = Request::unvalidated(name.parse().unwrap(), rtype.parse().unwrap(), self.now);
        self.run(request)
    }

    fn run(&mut self, mut request: Request) -> Outcome {
        self.sent.clear();
        for _ in 0..1000 {
            let at = Moment { now: self.now, date: self.date };
            let chance = &mut self.chance;
            let mut next = || {
                *chance =
                    chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *chance ^ *chance >> 29
            };
            let mut world = World { own: &self.own, chance: &mut next };
            match request.step(&mut self.engine, at, &mut world) {
                Step::Done(outcome) => {
                    self.last = Some(request);
                    return *outcome;
                }
                Step::Ask(ask) => self.deliver(&mut request, &ask),
            }
        }
        panic!("no outcome: {:?}", request.exchanges());
    }

    fn deliver(&mut self, request: &mut Request, ask: &Ask) {
        let question = MessageReader::new(&ask.message).unwrap().question().unwrap().unwrap();
        let sent = Sent {
            server: ask.server,
            tcp: ask.tcp,
            name: question.name,
            rtype: question.rtype,
            bytes: ask.message.clone(),
        };
        self.sent.push(sent.clone());
        let bytes = match (self.script)(&sent) {
            Fate::Answer => self.answer_of(&sent),
            Fate::Bytes(bytes) => Some(bytes),
            Fate::Silence(forged) => {
                self.pass(ask.wait);
                let at = Moment { now: self.now, date: self.date };
                return request.event(&mut self.engine, Event::TimedOut { forged }, at);
            }
            Fate::Unreachable => None,
        };
        self.now = self.now + Duration::from_millis(20);
        let at = Moment { now: self.now, date: self.date };
        match bytes {
            Some(bytes) => {
                assert!(ask.check.accepts(&bytes), "an answer that is not taken as one: {bytes:?}");
                request.event(&mut self.engine, Event::Message(&bytes), at);
            }
            None => request.event(&mut self.engine, Event::Unreachable, at),
        }
    }

    /// What the server says.
    pub fn answer_of(&self, sent: &Sent) -> Option<Vec<u8>> {
        let zones = self.servers.get(&sent.server.ip())?;
        reply(zones, sent)
    }

    /// The names and types asked for, in lower case.
    pub fn asked(&self) -> Vec<String> {
        let shown = |s: &Sent| format!("{} {} {}", s.server.ip(), s.name.to_lowercase(), s.rtype);
        self.sent.iter().map(shown).collect()
    }
}

pub fn reply(zones: &Catalogue, sent: &Sent) -> Option<Vec<u8>> {
    let mut out = vec![0; 65_535];
    let transport = if sent.tcp { Transport::Tcp } else { Transport::Udp };
    match answer(&sent.bytes, &Context::new(transport), zones, &mut out) {
        dns::Outcome::Reply(reply) => {
            out.truncate(reply.len);
            Some(out)
        }
        _ => None,
    }
}

/// An answer made by hand: flags, and records as master files write them by section.
pub fn craft(sent: &Sent, flags: Flags, sections: [&str; 3]) -> Vec<u8> {
    let all = [Section::Answer, Section::Authority, Section::Additional];
    let mut records = Vec::new();
    for (section, text) in all.into_iter().zip(sections) {
        let text = format!("$TTL 300\n{text}");
        let data =
            read(&Name::root(), "section", text.as_bytes(), &mut NoInclude).unwrap_or_else(|e| panic!("{e}"));
        records.extend(data.records().map(|record| (section, record)).collect::<Vec<_>>());
    }
    craft_records(sent, flags, &records)
}

pub fn craft_records(sent: &Sent, flags: Flags, records: &[(Section, Record)]) -> Vec<u8> {
    let id = Header::read(&sent.bytes).unwrap().id;
    let mut writer = MessageWriter::new(Vec::new(), id, flags.with(Flags::QR), 65_535);
    let question = Question { name: sent.name.clone(), rtype: sent.rtype, class: Class::IN };
    writer.question(&question).unwrap();
    let mut records = records.to_vec();
    records.sort_by_key(|(section, _)| *section);
    for (section, record) in &records {
        writer.record(*section, record).unwrap();
    }
    writer.finish()
}

/// The records of a message, by section.
pub fn records(message: &[u8]) -> Vec<(Section, Record)> {
    readable(message).unwrap()
}

/// The same; nothing if it cannot be read.
pub fn readable(message: &[u8]) -> Option<Vec<(Section, Record)>> {
    let mut reader = MessageReader::new(message).ok()?;
    let mut all = Vec::new();
    while let Some(raw) = reader.raw_record().ok()? {
        if raw.rtype != RecordType::OPT {
            all.push((raw.section, raw.to_record().ok()?));
        }
    }
    Some(all)
}

/// A root, a top-level domain and some domains: signed with NSEC, with NSEC3, not at all, and wrongly.
pub fn usual() -> Net {
    usual_with(|_| {})
}

pub fn usual_with(change: impl FnOnce(&mut Settings)) -> Net {
    const ROOT: &str = "@ NS a.root.\na.root. A 10.0.0.1\n; DS test.\ntest. NS ns.test.\nns.test. A 10.0.0.2\nother. NS ns.other.\nns.other. A 10.0.0.9";
    const TEST: &str = "@ NS ns\nns A 10.0.0.2\n; DS signed.test.\nsigned NS ns.signed\nns.signed A 10.0.0.3\n\
        ; DS three.test.\nthree NS ns.three\nns.three A 10.0.0.4\nplain NS ns.plain\nns.plain A 10.0.0.5\n\
        wrong NS ns.wrong\nns.wrong A 10.0.0.6\n\
        wrong DS 4711 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
        strange NS ns.wrong\nstrange DS 1 253 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
        far NS ns1.plain\nfar NS ns2.plain\nempty.below A 10.9.9.9\n; DS opt.test.\nopt NS ns.opt\nns.opt A 10.0.0.7";
    const DATA: &str = "@ NS ns\nns A 10.0.0.3\n@ MX 10 mail\nmail A 192.0.2.25\n_25._tcp.mail TLSA 3 1 1 \
        0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n*.wild A 192.0.2.7\nwww CNAME mail\n\
        out CNAME mail.plain.test.\nloop CNAME loop2\nloop2 CNAME loop\ntree DNAME mail\na.b.c.deep TXT x\n\
        weak NS ns.weak.other.\n";
    const PLAIN: &str = "@ NS ns\nns A 10.0.0.5\n@ MX 10 mail\nmail A 192.0.2.26\nns1 A 10.0.0.8\nns2 A 10.0.0.8\n\
        into CNAME mail.signed.test.\nd DNAME signed.test.\ne DNAME a-longer-name.signed.test.\n";
    Net::with(
        &[
            ("10.0.0.1", ".", ROOT, Some(Denial::Nsec)),
            ("10.0.0.2", "test.", TEST, Some(Denial::Nsec)),
            ("10.0.0.3", "signed.test.", DATA, Some(Denial::Nsec)),
            ("10.0.0.4", "three.test.", DATA, Some(Denial::Nsec3)),
            ("10.0.0.7", "opt.test.", DATA, Some(Denial::Nsec3OptOut)),
            ("10.0.0.5", "plain.test.", PLAIN, None),
            ("10.0.0.6", "wrong.test.", DATA, Some(Denial::Nsec)),
            ("10.0.0.6", "strange.test.", PLAIN, None),
            ("10.0.0.8", "far.test.", "@ NS ns1.plain.test.\n@ NS ns2.plain.test.\n@ TXT far", None),
        ],
        change,
    )
}

/// Forwards everything to one server that knows all zones.
pub fn forwarding() -> Net {
    usual_with(|settings| settings.mode = Mode::Forward(vec!["10.1.0.1:53".parse().unwrap()]))
}
