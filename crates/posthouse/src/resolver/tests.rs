//! Real sockets on the loopback interface, with a server that misbehaves.

use super::*;
use ::dns::resolve::Answer;
use ::dns::{Class, Flags, Header, MessageReader, MessageWriter, RData, Record, Section, Ttl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// An answer to `query` with one address, and nothing of DNSSEC.
fn answer(query: &[u8], flags: Flags) -> Vec<u8> {
    let id = Header::read(query).unwrap().id;
    let question = MessageReader::new(query).unwrap().question().unwrap().unwrap();
    let mut writer = MessageWriter::new(Vec::new(), id, flags.with(Flags::QR).with(Flags::RA), 4096);
    writer.question(&question).unwrap();
    if question.rtype == RecordType::A && !flags.has(Flags::TC) {
        let record = Record::new(question.name, Ttl::from_wire(60), RData::a([192, 0, 2, 1].into()));
        writer.record(Section::Answer, &record).unwrap();
    }
    writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, Class(1232), 0), b"").unwrap();
    writer.finish()
}

fn resolver(server: SocketAddr) -> Resolver {
    let config = config::Resolver { servers: vec![server], ..config::Resolver::default() };
    let resolver = Resolver::new(&config, Arc::default(), Clock::new()).unwrap();
    // Nobody is believed and nobody disbelieved: this is about sockets.
    let mut settings = Settings::new([1; 16]);
    settings.mode = Mode::Forward(vec![server]);
    settings.anchors.clear();
    *locked(&resolver.0.engine) = Engine::new(settings, Box::new(Verifier));
    resolver
}

async fn sockets() -> (UdpSocket, TcpListener, SocketAddr) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    (UdpSocket::bind(address).await.unwrap(), tcp, address)
}

async fn answer_by_tcp(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let len = stream.read_u16().await.unwrap();
    let mut query = vec![0; usize::from(len)];
    stream.read_exact(&mut query).await.unwrap();
    let answer = answer(&query, Flags::default());
    stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
    stream.write_all(&answer).await.unwrap();
}

fn is_found(outcome: &Outcome) {
    assert_eq!(outcome.records(), [RData::a([192, 0, 2, 1].into())], "{outcome:?}");
}

#[tokio::test]
async fn forgeries_are_passed_over_and_too_many_lead_to_tcp() {
    let (udp, tcp, address) = sockets().await;
    let resolver = resolver(address);
    let name: Name = "some-long-name.example".parse().unwrap();
    let server = async {
        let mut buffer = [0; 1024];
        let (len, peer) = udp.recv_from(&mut buffer).await.unwrap();
        // A few wrong ones before the right one.
        for byte in [0, 1, 13, 15] {
            let mut forged = answer(&buffer[..len], Flags::default());
            forged[byte] ^= if byte < 2 { 1 } else { 0x20 };
            udp.send_to(&forged, peer).await.unwrap();
        }
        udp.send_to(&answer(&buffer[..len], Flags::default()), peer).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(resolver.lookup(&name, RecordType::A), server);
    is_found(&outcome);
    let other: Name = "another-long-name.example".parse().unwrap();
    let server = async {
        let mut buffer = [0; 1024];
        let (len, peer) = udp.recv_from(&mut buffer).await.unwrap();
        for number in 0..20 {
            let mut forged = answer(&buffer[..len], Flags::default());
            forged[1] ^= 1 + number;
            // Refused from the moment at which nobody listens any more.
            let _ = udp.send_to(&forged, peer).await;
        }
        answer_by_tcp(&tcp).await;
    };
    let (outcome, ()) = tokio::join!(resolver.lookup(&other, RecordType::A), server);
    is_found(&outcome);
}

#[tokio::test]
async fn what_is_cut_short_comes_by_tcp() {
    let (udp, tcp, address) = sockets().await;
    let resolver = resolver(address);
    let name: Name = "www.example".parse().unwrap();
    let server = async {
        let mut buffer = [0; 1024];
        let (len, peer) = udp.recv_from(&mut buffer).await.unwrap();
        udp.send_to(&answer(&buffer[..len], Flags::TC), peer).await.unwrap();
        answer_by_tcp(&tcp).await;
    };
    let (outcome, ()) = tokio::join!(resolver.lookup(&name, RecordType::A), server);
    is_found(&outcome);
}

#[tokio::test]
async fn many_who_ask_the_same_are_one_question() {
    let (udp, _tcp, address) = sockets().await;
    let resolver = resolver(address);
    let name: Name = "www.example".parse().unwrap();
    let server = async {
        let mut buffer = [0; 1024];
        let (len, peer) = udp.recv_from(&mut buffer).await.unwrap();
        udp.send_to(&answer(&buffer[..len], Flags::default()), peer).await.unwrap();
        // No second question comes.
        assert!(udp.try_recv(&mut buffer).is_err());
    };
    let (one, two, three, ()) = tokio::join!(
        resolver.lookup(&name, RecordType::A),
        resolver.lookup(&name, RecordType::A),
        resolver.lookup(&name, RecordType::A),
        server
    );
    [one, two, three].iter().for_each(is_found);
    assert!(locked(&resolver.0.flights).is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once() {
    let (udp, tcp, address) = sockets().await;
    drop((udp, tcp));
    let outcome = resolver(address).lookup(&"www.example".parse().unwrap(), RecordType::A).await;
    assert_eq!((outcome.answer, outcome.error.unwrap().code), (Answer::Failed, 22));
}
