//! Nobody sends mail through this server to elsewhere, however the address is dressed up.

use crate::programs::{program, run};
use crate::server::setup;
use crate::smtp::mx;

/// Recipients that strangers may not reach, and how they are told.
const REFUSED: &[(&str, &str)] = &[
    ("nobody@example.org", "550 5.1.1"),
    ("someone@example.net", "550 5.7.1"),
    ("someone@sub.example.org", "550 5.7.1"),
    ("someone@example.org.example.net", "550 5.7.1"),
    // The percent hack, UUCP paths and quoted routes name a mailbox that is not here.
    ("someone%example.net@example.org", "550 5.1.1"),
    ("example.net!someone@example.org", "550 5.1.1"),
    ("\"someone@example.net\"@example.org", "550 5.1.1"),
    ("\"@example.net:someone\"@example.org", "550 5.1.1"),
    ("someone%example.net", "501 5.1.3"),
    // A source route is ignored (RFC 5321 §4.1.1.3): what counts is the mailbox at its end.
    ("@example.org:someone@example.net", "550 5.7.1"),
    ("@example.org,@example.com:someone@example.net", "550 5.7.1"),
    ("alice@[127.0.0.1]", "550 5.1.2"),
    ("someone@[IPv6:::1]", "550 5.1.2"),
];

#[test]
fn strangers_reach_nobody_elsewhere() {
    let server = setup().start();
    for (recipient, expected) in REFUSED {
        let mut smtp = mx(&server);
        smtp.command("MAIL FROM:<sender@example.net>", "250 ");
        smtp.command(&format!("RCPT TO:<{recipient}>"), expected);
        // Who claims to be from here is a stranger all the same.
        smtp.command("RSET", "250 ");
        smtp.command("MAIL FROM:<alice@example.org>", "250 ");
        smtp.command(&format!("RCPT TO:<{recipient}>"), expected);
        smtp.command("DATA", "554 5.5.1");
    }
}

#[test]
fn a_catch_all_is_no_way_out_either() {
    let server = setup().start();
    server.cli(&["alias", "add", "@example.org", "alice@example.org"]).ok();
    for recipient in ["someone%example.net@example.org", "example.net!someone@example.org"] {
        let mut smtp = mx(&server);
        smtp.command("MAIL FROM:<sender@example.net>", "250 ");
        smtp.command(&format!("RCPT TO:<{recipient}>"), "550 5.1.1");
    }
}

#[test]
fn a_source_route_to_a_local_user_is_ignored() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<@example.net,@example.com:alice@example.org>", "250 ");
}

#[test]
fn swaks_is_told_so_too() {
    let server = setup().start();
    for (to, reply) in [("nobody@example.org", "550 5.1.1"), ("someone@example.net", "550 5.7.1")] {
        let mut swaks = program("swaks");
        swaks.args(["--server", &server.at("smtp"), "--from", "s@example.net", "--to", to]);
        let said = run(&mut swaks).fails(24);
        assert!(said.contains(reply), "{said}");
    }
}

#[test]
fn refusals_can_be_traced() {
    let server = setup().start();
    let mut smtp = mx(&server);
    smtp.command("MAIL FROM:<sender@example.net>", "250 ");
    smtp.command("RCPT TO:<someone@example.com>", "550 5.7.1");
    // It is recorded in the background.
    let story = crate::wait::until(std::time::Duration::from_secs(5), || {
        let story = server.cli(&["trace", "someone@example.com"]).said();
        story.contains("refused").then_some(story)
    });
    let story = story.expect("the refusal in the traces");
    assert!(story.contains("sender@example.net") && story.contains("550 5.7.1"), "{story}");
}
