//! The data plane over real sockets: who is let in, what TLS is bound to, and that every byte arrives.

use super::binding::{Binding, Tickets};
use super::cut::Cut;
use super::data::{Bound, Door, Ends, Link, Protection};
use super::halt::Halt;
use super::pump::{BLOCK_BYTES, Pace, Pump, Threads};
use crate::clock::Clock;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use store::AccountId;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

fn ends() -> Ends {
    Ends { peer: LOCAL, own: (LOCAL, 21).into(), from_20: false, patience: PATIENCE }
}

fn pace() -> Pace {
    Pace { halt: Halt::new(), bucket: None, clock: Clock::new(), moved: Arc::default() }
}

async fn door() -> (Door, SocketAddr) {
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (Door::Passive(listener), address)
}

/// Trusts everybody: what is tested is not the certificate.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_tls12_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn server_config() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap()
}

/// One client program: what it keeps of its sessions is in it.
fn client_config(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth();
    Arc::new(config)
}

type ClientStream = StreamOwned<ClientConnection, std::net::TcpStream>;

/// A client's TLS connection, made on a thread; `act` is what it does with it.
fn client<T: Send + 'static>(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    act: impl FnOnce(ClientStream) -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let connection =
        ClientConnection::new(config.clone(), ServerName::try_from("localhost").unwrap()).unwrap();
    tokio::task::spawn_blocking(move || {
        act(StreamOwned::new(connection, std::net::TcpStream::connect(address).unwrap()))
    })
}

fn protection(binding: &Arc<Binding>, base: &ServerConfig, bound: Bound) -> Protection {
    Protection { config: binding.for_data(base), binding: binding.clone(), bound }
}

/// A first handshake, as on the control connection; and one word each way, so that tickets arrive.
async fn control(config: &Arc<ClientConfig>, protection: &Protection) {
    let (door, address) = door().await;
    let talked = client(config, address, |mut stream| {
        stream.write_all(b"hello").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
    });
    let free = Protection { bound: Bound::Off, ..protection.clone() };
    let mut link = Link::secure(door.open(ends()).await.unwrap(), Some(&free), false).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 5 {
        link.read(&mut heard).await.unwrap();
    }
    link.write_all(b"hello").await.unwrap();
    talked.await.unwrap();
}

/// A data connection of the client: what the server makes of it.
async fn data(config: &Arc<ClientConfig>, protection: &Protection) -> Result<(), Cut> {
    let (door, address) = door().await;
    let read = client(config, address, |mut stream| {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map(|_| rest)
    });
    Link::secure(door.open(ends()).await.unwrap(), Some(protection), false).await?.close().await.unwrap();
    read.await.unwrap().unwrap();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_connection_must_resume_its_own_control_connection() {
    let (base, tickets) = (server_config(), Tickets::new().unwrap());
    for version in [&TLS13, &TLS12] {
        let logged_in = |account| {
            let binding = tickets.bind(LOCAL).unwrap();
            binding.logged_in(AccountId(account));
            protection(&binding, &base, Bound::Require)
        };
        let (own, second, other) = (logged_in(1), logged_in(1), logged_in(2));
        let (alice, mallory) = (client_config(version), client_config(version));
        control(&alice, &own).await;
        for _ in 0..6 {
            data(&alice, &own).await.expect("each of many files");
        }
        // Her client keeps the sessions of all its control connections in one place.
        data(&alice, &second).await.expect("her second control connection");
        data(&alice, &own).await.expect("the first again");
        let fresh = data(&client_config(version), &own).await;
        assert!(matches!(fresh, Err(Cut::Unbound { foreign: false })), "{version:?}");
        control(&mallory, &other).await;
        let stolen = data(&mallory, &own).await;
        assert!(matches!(stolen, Err(Cut::Unbound { foreign: true })), "{version:?}");
        let lenient = Protection { bound: Bound::Prefer, ..own.clone() };
        assert!(data(&client_config(version), &lenient).await.is_ok());
    }
}

#[tokio::test]
async fn strangers_are_sent_away_and_the_client_is_served() {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The client is at 127.0.0.1; the stranger comes from elsewhere in the loopback network.
    let stranger = tokio::net::TcpSocket::new_v4().unwrap();
    stranger.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let mut stranger = stranger.connect(SocketAddr::new(LOCAL, port)).await.unwrap();
    let mut client = TcpStream::connect((LOCAL, port)).await.unwrap();
    client.write_all(b"mine").await.unwrap();
    let mut link = Link::Plain(Door::Passive(listener).open(ends()).await.unwrap());
    let mut heard = Vec::new();
    link.read(&mut heard).await.unwrap();
    assert_eq!(heard, b"mine");
    assert_eq!(tokio::io::AsyncReadExt::read(&mut stranger, &mut [0; 9]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect((LOCAL, port)).await.is_err(), "the listener is gone");
}

#[tokio::test]
async fn a_connection_that_never_comes_is_not_waited_for() {
    let hasty = Ends { patience: Duration::from_millis(20), ..ends() };
    let (door, _) = door().await;
    assert!(matches!(door.open(hasty).await, Err(Cut::NoConnection(io::ErrorKind::TimedOut))));
    let (Door::Passive(closed), address) = self::door().await else { unreachable!() };
    drop(closed);
    assert!(matches!(Door::Active(address).open(ends()).await, Err(Cut::NoConnection(_))));
}

#[tokio::test]
async fn an_active_connection_goes_where_the_client_waits() {
    let client = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let target = client.local_addr().unwrap();
    for from_20 in [false, true] {
        let link = Door::Active(target).open(Ends { from_20, ..ends() }).await.unwrap();
        let (_, from) = client.accept().await.unwrap();
        assert_eq!(from, link.local_addr().unwrap());
    }
}

/// Content that shows every shift and swap.
fn content(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes as u64).flat_map(|n| (n * 2_654_435_761).to_le_bytes()).take(len_bytes).collect()
}

fn pump(link: Link, patience: Duration, pace: Pace) -> (Threads, Pump) {
    let threads = Threads::default();
    (threads.clone(), Pump::new(link, pace, patience, threads))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_file_arrives() {
    let mut file = tempfile::tempfile().unwrap();
    let bytes = content(3 * BLOCK_BYTES + 17);
    file.write_all(&bytes).unwrap();
    let (base, tickets) = (server_config(), Tickets::new().unwrap());
    let own = protection(&tickets.bind(LOCAL).unwrap(), &base, Bound::Off);
    for (secure, from) in [(false, 0), (false, 5), (true, 0), (true, 70_001)] {
        let (door, address) = door().await;
        let got = if secure {
            client(&client_config(&TLS13), address, |mut stream| {
                let mut got = Vec::new();
                stream.read_to_end(&mut got).map(|_| got)
            })
        } else {
            tokio::task::spawn_blocking(move || {
                let mut got = Vec::new();
                std::net::TcpStream::connect(address).unwrap().read_to_end(&mut got).map(|_| got)
            })
        };
        let link =
            Link::secure(door.open(ends()).await.unwrap(), secure.then_some(&own), false).await.unwrap();
        let (file, to) = (file.try_clone().unwrap(), bytes.len() as u64);
        let (threads, mut pump) = pump(link, PATIENCE, pace());
        let sent = threads.run(async move {
            pump.send_file(&file, from, to).await?;
            pump.finish_sending().await
        });
        sent.await.unwrap();
        assert_eq!(got.await.unwrap().unwrap(), bytes[usize::try_from(from).unwrap()..]);
    }
}

/// Sends `content` and ends in `manner`; what a pump receives, and how that ended.
async fn received(secure: bool, end: fn(&mut ClientStream)) -> (Vec<u8>, Result<(), Cut>) {
    let (base, tickets) = (server_config(), Tickets::new().unwrap());
    let own = protection(&tickets.bind(LOCAL).unwrap(), &base, Bound::Off);
    let (door, address) = door().await;
    let bytes = content(2 * BLOCK_BYTES + 99);
    let sent = if secure {
        client(&client_config(&TLS13), address, move |mut stream| {
            stream.write_all(&bytes).unwrap();
            end(&mut stream);
            // It closes without having read anything.
            stream.flush().unwrap();
        })
    } else {
        tokio::task::spawn_blocking(move || {
            std::net::TcpStream::connect(address).unwrap().write_all(&bytes).unwrap();
        })
    };
    let link = Link::secure(door.open(ends()).await.unwrap(), secure.then_some(&own), false).await.unwrap();
    let (threads, mut pump) = pump(link, PATIENCE, pace());
    let got = threads.run(async move {
        let (mut block, mut got) = (vec![0; BLOCK_BYTES], Vec::new());
        let end = loop {
            match pump.receive(&mut block).await {
                Ok(0) => break Ok(()),
                Ok(count) => got.extend_from_slice(&block[..count]),
                Err(cut) => break Err(cut),
            }
        };
        Ok((got, end))
    });
    let (got, sent) = tokio::join!(got, sent);
    sent.unwrap();
    got.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_well_only_with_the_end_that_its_protection_asks_for() {
    let whole = content(2 * BLOCK_BYTES + 99);
    let (got, end) = received(false, |_| {}).await;
    assert!(end.is_ok() && got == whole);
    let (got, end) = received(true, |stream| stream.conn.send_close_notify()).await;
    assert!(end.is_ok() && got == whole);
    let (got, end) = received(true, |_| {}).await;
    assert!(matches!(end, Err(Cut::Broken(io::ErrorKind::UnexpectedEof))), "cut off: {end:?}");
    assert!(got == whole, "what came before is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_transfer_ends_at_once() {
    let (door, address) = door().await;
    let client = TcpStream::connect(address).await.unwrap();
    let link = Link::Plain(door.open(ends()).await.unwrap());
    let pace = pace();
    let halt = pace.halt.clone();
    let (threads, mut pump) = pump(link, Duration::from_hours(1), pace);
    let waits = tokio::spawn(async move {
        threads
            .run(async move { pump.receive(&mut [0; BLOCK_BYTES]).await })
            .await
            .map_err(|cut| cut.to_string())
    });
    halt.halt();
    assert_eq!(waits.await.unwrap(), Err("stopped".into()));
    drop(client);
}

/// A connection of a client that does nothing, from the server's side.
async fn stalled() -> (TcpStream, Link) {
    let (door, address) = door().await;
    let client = TcpStream::connect(address).await.unwrap();
    (client, Link::Plain(door.open(ends()).await.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_hold_no_thread() {
    let threads = Threads::new(1);
    let (mut clients, mut waiting) = (Vec::new(), tokio::task::JoinSet::new());
    let mut file = tempfile::tempfile().unwrap();
    let bytes = content(20 << 20);
    file.write_all(&bytes).unwrap();
    let to = bytes.len() as u64;
    for sends in [true, false, true, false] {
        let (client, link) = stalled().await;
        clients.push(client);
        let (pace, file, own) = (pace(), file.try_clone().unwrap(), threads.clone());
        waiting.spawn(async move {
            let mut pump = Pump::new(link, pace, Duration::from_hours(1), own.clone());
            let work = async move {
                if sends {
                    return pump.send_file(&file, 0, to).await;
                }
                pump.receive(&mut [0; BLOCK_BYTES]).await.map(|_| ())
            };
            own.run(work).await
        });
    }
    let (mut client, link) = stalled().await;
    let mut pump = Pump::new(link, pace(), PATIENCE, threads.clone());
    let sent = threads.run(async move {
        pump.send_file(&file, 0, to).await?;
        pump.finish_sending().await
    });
    let mut got = Vec::new();
    let (sent, read) = tokio::join!(sent, tokio::io::AsyncReadExt::read_to_end(&mut client, &mut got));
    sent.unwrap();
    read.unwrap();
    assert!(got == bytes);
    // And when they go on they are served.
    for mut client in clients {
        tokio::spawn(async move {
            let _ = client.write_all(b"late").await;
            let _ = client.shutdown().await;
            tokio::io::copy(&mut client, &mut tokio::io::sink()).await
        });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_moves_for_no_longer_than_is_allowed() {
    let patience = Duration::from_secs(300);
    for sends in [true, false] {
        let (client, link) = stalled().await;
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        let (threads, mut pump) = pump(link, patience, pace());
        let begun = tokio::time::Instant::now();
        let work = async move {
            if sends {
                return pump.send_file(&file, 0, 64 << 20).await;
            }
            pump.receive(&mut [0; BLOCK_BYTES]).await.map(|_| ())
        };
        let cut = threads.run(work).await;
        assert!(matches!(cut, Err(Cut::Silent)), "{cut:?}");
        let waited = begun.elapsed();
        assert!(waited >= patience && waited < patience + Duration::from_secs(5), "{waited:?}");
        drop(client);
    }
}
