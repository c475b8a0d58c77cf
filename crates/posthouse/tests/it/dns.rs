//! Names served by the real program: what the tests of DNS share, and what common clients see.

use crate::programs::{program, run};
use crate::server::{Server, setup};
use crate::wait;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long an answer may take; nothing here takes a hundredth of it.
pub const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long silence is listened to.
const SILENCE_WAIT: Duration = Duration::from_millis(150);
/// How long another server may take to notice a change.
pub const NOTICE_WAIT: Duration = Duration::from_secs(60);

/// A zone of this many kinds of records, at serial 10.
pub const ZONE: &str = "\
$TTL 300
@ SOA ns1 hostmaster 10 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
*.wild TXT \"wild\"
big TXT ( \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" \
 \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" \
 \"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\" \
 \"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\" \
 \"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\" )
sub NS ns.sub
ns.sub A 192.0.2.53
";

/// A running server with [`ZONE`] as `zone.test`, unsigned.
pub fn serve() -> Server {
    serve_with("")
}

/// The same with more in its configuration.
pub fn serve_with(tables: &str) -> Server {
    let mut server = setup().tables(tables).prepare();
    server.launch();
    import(&server, "zone.test", ZONE);
    server
}

/// Loads a zone on the running server.
pub fn import(server: &Server, zone: &str, text: &str) {
    server.cli_with(&["dns", "import", "--unsigned", zone, "-"], text).ok();
}

/// `dig` with some arguments, against the server.
pub fn dig(port: u16, arguments: &[&str]) -> String {
    let port = port.to_string();
    let mut dig = program("dig");
    dig.args(["@127.0.0.1", "-p", &port, "+tries=1", "+time=5", "+norecurse"]).args(arguments);
    run(&mut dig).ok()
}

/// The serial that a server on this port shows for a zone.
pub fn serial(port: u16, zone: &str) -> Option<u32> {
    let port = port.to_string();
    let mut dig = program("dig");
    dig.args(["@127.0.0.1", "-p", &port, "+short", "+tries=1", "+time=2", "+norecurse", zone, "SOA"]);
    run(&mut dig).said().split(' ').nth(2)?.parse().ok()
}

/// Waits until a server on this port shows what `wanted` takes.
#[track_caller]
pub fn wait_for_serial(port: u16, zone: &str, wanted: impl Fn(u32) -> bool) -> u32 {
    let found = wait::until(NOTICE_WAIT, || serial(port, zone).filter(|serial| wanted(*serial)));
    found.unwrap_or_else(|| panic!("port {port} shows {:?} for {zone}", serial(port, zone)))
}

/// One datagram and its answer; nothing if none comes.
pub fn ask(port: u16, query: &[u8]) -> Option<Vec<u8>> {
    ask_for(port, query, ANSWER_WAIT)
}

/// The same where silence is expected.
pub fn ask_in_vain(port: u16, query: &[u8]) -> Option<Vec<u8>> {
    ask_for(port, query, SILENCE_WAIT)
}

fn ask_for(port: u16, query: &[u8], wait: Duration) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    socket.set_read_timeout(Some(wait)).unwrap();
    socket.send(query).unwrap();
    let mut buffer = [0; 65_535];
    let len = socket.recv(&mut buffer).ok()?;
    Some(buffer[..len].to_vec())
}

/// A connection for DNS.
pub struct Stream(pub TcpStream);

impl Stream {
    /// Connects.
    pub fn open(port: u16) -> Stream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(ANSWER_WAIT + ANSWER_WAIT)).unwrap();
        Stream(stream)
    }

    /// Sends a message with its length.
    pub fn send(&mut self, message: &[u8]) {
        let len = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&len[..], message].concat()).unwrap();
    }

    /// The next message; nothing at the end.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut len = [0; 2];
        self.0.read_exact(&mut len).ok()?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
        self.0.read_exact(&mut message).ok()?;
        Some(message)
    }
}

/// A name in wire form.
pub fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// A query of one question.
pub fn query(name: &str, rtype: u16) -> Vec<u8> {
    [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &wire(name)[..], &rtype.to_be_bytes(), &[0, 1]].concat()
}

/// The same with an OPT record of this payload size and these options.
pub fn query_with_opt(name: &str, rtype: u16, payload: u16, options: &[u8]) -> Vec<u8> {
    let mut message = query(name, rtype);
    message[11] = 1;
    message.extend([0, 0, 41]);
    message.extend(payload.to_be_bytes());
    message.extend([0, 0, 0, 0]);
    message.extend((options.len() as u16).to_be_bytes());
    message.extend(options);
    message
}

/// Everything is well: a plain question has its answer, by both ways.
#[track_caller]
pub fn canary(port: u16, what: &str) {
    let answer = ask(port, &query("www.zone.test", 1)).unwrap_or_else(|| panic!("silence after {what}"));
    assert_eq!((answer[3] & 15, answer[7]), (0, 2), "after {what}");
}

#[test]
fn common_clients_are_answered_by_both_ways() {
    let server = serve();
    let port = server.port("dns");
    for way in ["+notcp", "+tcp"] {
        let said = dig(port, &[way, "www.zone.test", "A"]);
        assert!(
            said.contains("status: NOERROR") && said.contains("192.0.2.1") && said.contains("192.0.2.2"),
            "{said}"
        );
        assert!(said.contains(" aa"), "{said}");
        assert!(dig(port, &[way, "alias.zone.test", "A"]).contains("192.0.2.2"));
        assert!(dig(port, &[way, "x.y.wild.zone.test", "TXT"]).contains("\"wild\""));
        assert!(dig(port, &[way, "no.zone.test", "A"]).contains("status: NXDOMAIN"));
        assert!(dig(port, &[way, "a.sub.zone.test", "A"]).contains("192.0.2.53"));
        assert!(dig(port, &[way, "example.com", "A"]).contains("status: REFUSED"));
    }
    // Too long for 512 bytes: cut, and whole by TCP.
    assert!(dig(port, &["+noedns", "+ignore", "big.zone.test", "TXT"]).contains(" tc"));
    assert!(dig(port, &["+noedns", "big.zone.test", "TXT"]).contains("eeee"));
    let at = format!("@127.0.0.1#{port}");
    let said =
        run(program("kdig").args([&at, "+tcp", "+keepopen", "www.zone.test", "A", "alias.zone.test", "A"]))
            .ok();
    assert!(said.matches("192.0.2.1").count() >= 2, "{said}");
}

#[test]
fn questions_inside_tls_are_answered() {
    let server = serve();
    let at = format!("@127.0.0.1#{}", server.port("dot"));
    let ca = format!("+tls-ca={}", server.certificate().display());
    let said =
        run(program("kdig").args([&at, "+tls", &ca, "+tls-hostname=localhost", "www.zone.test", "A"])).ok();
    assert!(said.contains("192.0.2.1") && said.contains("TLS"), "{said}");
}

#[test]
fn a_change_is_seen_at_once_and_no_question_is_lost() {
    let server = serve();
    let port = server.port("dns");
    let before = serial(port, "zone.test").unwrap();
    server.cli(&["dns", "add", "new.zone.test", "A", "192.0.2.77"]).ok();
    assert!(dig(port, &["+short", "new.zone.test", "A"]).contains("192.0.2.77"));
    assert!(serial(port, "zone.test").unwrap() > before);
    // Questions go on while zones change.
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for number in 0..10 {
                server.cli(&["dns", "add", &format!("n{number}.zone.test"), "A", "192.0.2.78"]).ok();
            }
        });
        while !changes.is_finished() {
            canary(port, "a change");
        }
    });
}

#[test]
fn a_stop_is_in_order_and_a_restart_serves_the_same() {
    let mut server = serve();
    let port = server.port("dns");
    let before = serial(port, "zone.test");
    server.stop();
    assert!(ask_in_vain(port, &query("www.zone.test", 1)).is_none());
    server.launch();
    canary(port, "a restart");
    assert_eq!(serial(port, "zone.test"), before);
}
