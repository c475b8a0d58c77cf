//! FTP: who gets in without TLS, what is written down of it, and from which addresses.

use crate::server::{PASSWORD, Server, free_port, setup};
use crate::talk::Talk;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const ALICE: &str = "alice@example.org";
const SCANNER: &str = "scanner@example.org";

fn greeted(server: &Server) -> Talk {
    let mut ftp = server.talk("ftp");
    ftp.expect("220 ");
    ftp
}

#[test]
fn without_tls_no_password_is_asked_for_where_there_are_no_devices() {
    let server = setup().start();
    server.cli(&["domain", "add", "example.net"]).ok();
    server.add_accounts(&["scanner@example.net"]);
    server.cli(&["account", "ftp", "scanner@example.net", "--device"]).ok();
    let mut ftp = greeted(&server);
    for name in [ALICE, "nobody@example.org", "x@example.com", "alice", "@", "a@b@example.org"] {
        ftp.command(&format!("USER {name}"), "530 ");
        ftp.command(&format!("PASS {PASSWORD}"), "503 ");
    }
    ftp.command("HOST ftp.example.net", "220 ");
    ftp.command("USER scanner", "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
}

#[test]
fn without_tls_devices_are_not_told_apart_from_people() {
    let server = setup().not_exempt().start();
    server.add_accounts(&[SCANNER]);
    server.cli(&["account", "ftp", SCANNER, "--device"]).ok();
    let mut replies = Vec::new();
    // Also the right password of somebody who may not: it is not looked at.
    for (name, password) in [
        (ALICE, PASSWORD),
        (ALICE, "wrong"),
        ("nobody@example.org", PASSWORD),
        (SCANNER, "wrong"),
        (ALICE, PASSWORD),
    ] {
        let mut ftp = greeted(&server);
        let named = ftp.command(&format!("USER {name}"), "331 ");
        let begun = Instant::now();
        let refused = ftp.command(&format!("PASS {password}"), "530 ");
        assert!(begun.elapsed() > Duration::from_millis(450), "{name}: {:?}", begun.elapsed());
        replies.push((named, refused));
    }
    assert!(replies.iter().all(|pair| *pair == replies[0]), "{replies:?}");
    let mut ftp = greeted(&server);
    ftp.command(&format!("USER {SCANNER}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    let mut ftp = greeted(&server);
    ftp.command("AUTH TLS", "234 ");
    let mut ftp = ftp.start_tls(&server.certificate());
    ftp.command(&format!("USER {ALICE}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    assert!(!server.log().contains(PASSWORD));
}

#[test]
fn the_log_tells_which_program_a_client_is() {
    let server = setup().plaintext().start();
    let mut ftp = greeted(&server);
    ftp.command("CLNT stranger", "200 ");
    drop(ftp);
    let mut ftp = greeted(&server);
    ftp.command("CLNT early\u{1b}[1m\\", "200 ");
    ftp.command(&format!("USER {ALICE}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    ftp.command("CLNT again", "200 ");
    // The same connection, and another login.
    ftp.command("REIN", "220 ");
    ftp.command("CSID Name=second", "200 ");
    ftp.command(&format!("USER {ALICE}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    let mut ftp = greeted(&server);
    ftp.command(&format!("USER {ALICE}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    ftp.command("CLNT late", "200 ");
    ftp.command("CLNT later", "200 ");
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("client program")).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, name) in lines.iter().zip(["early?[1m", "Name=second", "late\""]) {
        assert!(line.contains(name) && line.contains(ALICE), "{line}");
    }
}

/// A link-local address of this machine; there are machines without.
fn link_local() -> Option<SocketAddrV6> {
    let interfaces = fs::read_to_string("/proc/net/if_inet6").ok()?;
    let found = interfaces.lines().find(|line| line.starts_with("fe80"))?;
    let mut fields = found.split_whitespace();
    let address = Ipv6Addr::from(u128::from_str_radix(fields.next()?, 16).ok()?);
    Some(SocketAddrV6::new(address, 0, 0, u32::from_str_radix(fields.next()?, 16).ok()?))
}

#[test]
fn clients_on_the_same_link_get_data_connections() {
    let Some(mut own) = link_local() else {
        return eprintln!("left out: no interface has a link-local address");
    };
    let mut server = setup().plaintext().prepare();
    let config = fs::read_to_string(server.config()).unwrap();
    let (known, port) = (format!("ftp = [\"{}\"", server.at("ftp")), free_port());
    fs::write(server.config(), config.replace(&known, &format!("{known}, \"[::]:{port}\""))).unwrap();
    server.launch();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.add_accounts(&[ALICE]);
    let mut at = |port| {
        own.set_port(port);
        SocketAddr::from(own)
    };
    let mut ftp = Talk::open_at(at(port));
    ftp.expect("220 ");
    ftp.command(&format!("USER {ALICE}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    let reply = ftp.command("EPSV", "229 ");
    let mut data = TcpStream::connect(at(reply.split('|').nth(3).unwrap().parse().unwrap())).unwrap();
    ftp.command("STOR file", "150 ");
    data.write_all(b"content").unwrap();
    drop(data);
    ftp.expect("226 ");
    let listener = TcpListener::bind(at(0)).unwrap();
    let waits = listener.local_addr().unwrap();
    let IpAddr::V6(address) = waits.ip() else { panic!("{waits}") };
    ftp.command(&format!("EPRT |2|{address}|{}|", waits.port()), "200 ");
    ftp.command("RETR file", "150 ");
    let mut bytes = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"content");
    ftp.expect("226 ");
}
