//! Certificates.

use crate::programs::{program, run};
use crate::server::{Server, setup};
use crate::talk::Talk;
use crate::wait;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Makes a certificate for `localhost` and its key in a folder, as `cert.pem` and `key.pem`, and
/// keeps a copy of the certificate under another name.
fn make_certificate(folder: &Path, copy: &str) {
    let text = "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nCN = localhost\n\
                [extensions]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:localhost\n";
    fs::write(folder.join("openssl.cnf"), text).unwrap();
    let mut openssl = program("openssl");
    openssl.current_dir(folder).args(["req", "-x509", "-nodes", "-days", "2", "-config", "openssl.cnf"]);
    openssl.args([
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]);
    run(&mut openssl).ok();
    fs::copy(folder.join("cert.pem"), folder.join(copy)).unwrap();
}

/// A server with a certificate from its configuration; the certificate is `old.pem` as well.
fn server() -> Server {
    let server = setup().tables("[tls]\ncertificate = \"cert.pem\"\nprivate_key = \"key.pem\"\n").prepare();
    make_certificate(&server.folder, "old.pem");
    server
}

/// The greeting inside TLS, if the server proves itself by this certificate.
fn greeting(server: &Server, certificate: &str) -> Option<String> {
    let imap = Talk::open(server.port("imaps"));
    imap.start_tls(&server.folder.join(certificate)).next_line()
}

#[test]
fn the_configured_certificate_is_shown_by_every_service() {
    let mut server = server();
    server.launch();
    let certificate = server.folder.join("old.pem");
    for service in ["submissions", "imaps", "pop3s"] {
        let greeting = Talk::open(server.port(service)).start_tls(&certificate).next_line();
        assert!(greeting.is_some(), "{service}");
    }
    server.talk("smtp").inside_starttls(&certificate, "STARTTLS");
    server.talk("submission").inside_starttls(&certificate, "STARTTLS");
    server.talk("pop3").inside_starttls(&certificate, "STLS");
    assert!(!server.certificate().exists(), "no other one is made");
}

#[test]
fn a_hangup_shows_the_new_certificate_to_new_connections_and_old_sessions_go_on() {
    let mut server = server();
    server.launch();
    let mut old = server.talk("smtp").inside_starttls(&server.folder.join("old.pem"), "STARTTLS");
    make_certificate(&server.folder, "new.pem");
    assert!(greeting(&server, "old.pem").is_some(), "not before it is told");
    server.signal("HUP");
    let new = wait::until(Duration::from_secs(5), || greeting(&server, "new.pem"));
    assert!(new.is_some(), "{}", server.log());
    assert!(greeting(&server, "old.pem").is_none());
    old.command("NOOP", "250 ");
}

#[test]
fn a_certificate_that_cannot_be_used_does_not_replace_the_one_in_use() {
    let mut server = server();
    server.launch();
    fs::write(server.folder.join("key.pem"), "nothing").unwrap();
    server.signal("HUP");
    let told = wait::until(Duration::from_secs(5), || {
        server.log().contains("the certificate in use stays").then_some(())
    });
    assert!(told.is_some(), "{}", server.log());
    assert!(greeting(&server, "old.pem").is_some());
    server.stop();
    let said = server.cli(&["serve"]).fails(1);
    assert!(said.contains("key.pem"), "{said}");
}

#[test]
fn the_self_signed_certificate_stays_the_same_across_starts() {
    let mut server = setup().prepare();
    server.launch();
    let first = fs::read(server.certificate()).unwrap();
    server.stop();
    server.launch();
    assert_eq!(fs::read(server.certificate()).unwrap(), first);
}
