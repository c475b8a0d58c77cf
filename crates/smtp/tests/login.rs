//! SCRAM against the client side of the same mechanisms, and what a session tells of itself.

mod world;

use sasl::client::{Binding, Credentials, Exchange};
use sasl::{ClientNonce, Mechanism, Secret};
use transcript::{MemoryPeer, Peer as _, Script};

fn peer(settings: &str) -> MemoryPeer<smtp::Session, world::Town> {
    let mut peer = world::peer(&Script::parse("login", settings));
    peer.send(b"EHLO a\r\n");
    while peer.receive_line().is_some() {}
    peer
}

/// Logs in and gives the last reply.
fn log_in(settings: &str, mechanism: Mechanism, binding: Binding, user: &str, password: &str) -> String {
    let mut peer = peer(settings);
    let credentials = Credentials::new(user, Secret::from(password)).expect("fit to be sent");
    let nonce = ClientNonce::from_text("rOprNGfwEbeRWgbNEkqO").expect("a nonce");
    let (mut exchange, initial) =
        Exchange::start(mechanism, credentials, nonce, &binding).expect("startable");
    let initial = initial.map(|initial| format!(" {}", sasl::response::encode_initial(initial.expose())));
    let mut line = format!("AUTH {mechanism}{}\r\n", initial.unwrap_or_default());
    loop {
        peer.send(line.as_bytes());
        let reply = String::from_utf8(peer.receive_line().expect("a reply")).expect("ASCII");
        let Some(challenge) = reply.strip_prefix("334 ") else {
            if reply.starts_with("235 ") {
                exchange.succeed().expect("the server has proven itself");
            }
            return reply;
        };
        let challenge = sasl::response::decode_line(challenge.as_bytes()).expect("base64");
        match exchange.answer(challenge.expose()) {
            Ok((next, response)) => {
                line = format!("{}\r\n", sasl::response::encode(response.expose()));
                exchange = next;
            }
            Err(fault) => return format!("{fault:?}"),
        }
    }
}

#[test]
fn scram_lets_in_whom_it_should() {
    let tls = "@ service submission\n@ tls on\n";
    let plain = "@ service submission\n@ plaintext on\n";
    let bound = || Binding::Use(world::tls_facts().bindings.remove(0));
    let elsewhere = || Binding::Use(sasl::ChannelBinding::TlsExporter([4; 32]));
    let (scram, plus) = (Mechanism::ScramSha256, Mechanism::ScramSha256Plus);
    for (settings, mechanism, binding, user, password, expected) in [
        (tls, scram, Binding::Cannot, "alice", "wonderland", "235 2.7.0"),
        (plain, scram, Binding::NotOffered, "alice", "wonderland", "235 2.7.0"),
        (tls, plus, bound(), "alice", "wonderland", "235 2.7.0"),
        (tls, plus, elsewhere(), "alice", "wonderland", "535 5.7.8"),
        (tls, scram, Binding::NotOffered, "alice", "wonderland", "535 5.7.8"),
        (plain, plus, bound(), "alice", "wonderland", "504 5.5.4"),
        (tls, scram, Binding::Cannot, "alice", "wrong", "535 5.7.8"),
        (tls, scram, Binding::Cannot, "mallory", "wonderland", "535 5.7.8"),
        (tls, Mechanism::Login, Binding::Cannot, "alice", "wonderland", "235 2.7.0"),
    ] {
        let reply = log_in(settings, mechanism, binding, user, password);
        assert!(reply.starts_with(expected), "{mechanism} {user} {password}: {reply}");
    }
}
