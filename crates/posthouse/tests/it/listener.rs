//! The resolver's listener, asked by those who believe nobody either: what validates behind it must find what it
//! needs (RFC 4035 §3.2).

use crate::programs::{program, run};
use crate::resolver::{CASES, Daemon, Lab, START_WAIT, dig_at, said, unbound};
use crate::server::{free_port, fresh_folder};
use crate::wait;
use std::fs;
use std::path::PathBuf;

/// The root's key as delv wants it.
fn bind_anchors(lab: &Lab) -> PathBuf {
    let text = fs::read_to_string(&lab.files.1).unwrap();
    let [tag, algorithm, digest_type, digest] = text.split_whitespace().skip(4).collect::<Vec<_>>()[..]
    else {
        panic!("no DS: {text}")
    };
    let path = lab.server.folder.join("bind.anchors");
    let line = format!("trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} \"{digest}\"; }};\n");
    fs::write(&path, line).unwrap();
    path
}

fn delv(lab: &Lab, arguments: &[&str]) -> String {
    let (at, anchors) = (format!("@{}", lab.listener), bind_anchors(lab));
    run(program("delv").arg(at).arg("-a").arg(anchors).args(["-4", "+root=."]).args(arguments)).said()
}

/// What delv finds, in our words.
fn found(text: &str) -> &'static str {
    let verdicts = [
        ("; negative response, fully validated", "secure nothing"),
        ("; negative response, unsigned answer", "insecure nothing"),
        // It speaks of each set by itself: one of an alias may be signed and its target not.
        ("; unsigned answer", "insecure records"),
        ("; fully validated", "secure records"),
        ("resolution failed: failure", "refused"),
        ("resolution failed: ", "bogus"),
    ];
    verdicts.iter().find(|(said, _)| text.contains(said)).map_or("unknown", |(_, word)| word)
}

/// BIND on a port of the loopback interface, validating what the listener tells it.
fn named(lab: &Lab, port: u16) -> Daemon {
    let folder = fresh_folder();
    let anchors = fs::read_to_string(bind_anchors(lab)).unwrap();
    let conf = format!(
        "options {{ directory \"{}\"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }}; \
         listen-on-v6 {{ none; }}; forward only; forwarders {{ {}; }}; dnssec-validation yes; recursion yes; }};\n\
         controls {{}};\n{anchors}",
        folder.display(),
        lab.listener
    );
    fs::write(folder.join("conf"), conf).unwrap();
    Daemon::start("named", &["-g", "-n", "1"], folder)
}

#[test]
fn whoever_validates_behind_the_listener_finds_what_it_needs() {
    let Some(lab) = Lab::start() else { return };
    let port = free_port();
    let more = format!("forward-zone:\n  name: \".\"\n  forward-addr: {}\n", lab.listener);
    let _forwarder = unbound(port, &lab.files.0, &lab.files.1, &more);
    let ask = |arguments: &[&str]| dig_at("127.0.0.1", port, arguments);
    let is_there = || ask(&["lab", "SOA"]).contains("NOERROR").then_some(());
    wait::until(START_WAIT, is_there).expect("unbound answers");
    let bind_port = free_port();
    let _bind = named(&lab, bind_port);
    let ask_bind = |arguments: &[&str]| dig_at("127.0.0.1", bind_port, arguments);
    let is_there = || ask_bind(&["lab", "SOA"]).contains("NOERROR").then_some(());
    wait::until(START_WAIT, is_there).expect("named answers");
    let mut wrong = Vec::new();
    for (name, rtype, expected) in CASES {
        for text in [ask(&["+dnssec", name, rtype]), ask_bind(&["+dnssec", name, rtype])] {
            if said(&text) != expected {
                wrong.push((name, rtype, expected, text));
            }
        }
        let by_delv = delv(&lab, &[name, rtype]);
        let nothing = |text: &str| text.replace("no-data", "nothing").replace("no-such-name", "nothing");
        if found(&by_delv) != nothing(expected).replace("bogus", "refused") {
            wrong.push((name, rtype, expected, by_delv));
        }
        // With CD nothing is kept back, and delv finds out by itself.
        let by_delv = delv(&lab, &["+cdflag", name, rtype]);
        if found(&by_delv) != nothing(expected) {
            wrong.push((name, rtype, expected, by_delv));
        }
    }
    let texts = wrong.iter().map(|(n, t, e, text)| format!("{n} {t}: not {e}, but\n{text}\n"));
    assert!(wrong.is_empty(), "{}", texts.collect::<String>());
    // Those behind a forwarder who set CD get what is bogus too.
    for text in [ask(&["+cd", "mail.expired.lab", "A"]), ask_bind(&["+cd", "mail.expired.lab", "A"])] {
        assert!(text.contains("192.0.2.25"), "{text}");
    }
}

#[test]
fn what_is_bogus_is_given_to_those_who_set_cd_alone() {
    let Some(lab) = Lab::start() else { return };
    let ask = |arguments: &[&str]| dig_at(&lab.listener, 53, arguments);
    for (name, code) in [("mail.expired.lab", "EDE: 7"), ("mail.wrong.lab", "EDE: 9")] {
        // In either order: one does not learn from what was kept for the other.
        for _ in 0..2 {
            let text = ask(&["+dnssec", name, "A"]);
            assert!(text.contains("SERVFAIL") && text.contains(code), "{text}");
            assert!(!text.contains("192.0.2.25") && !text.contains("RRSIG"), "{text}");
            let text = ask(&["+dnssec", "+cd", name, "A"]);
            assert!(text.contains("NOERROR") && text.contains(code), "{text}");
            assert!(text.contains("192.0.2.25") && text.contains("RRSIG\tA "), "{text}");
            assert!(text.contains("flags: qr rd ra cd;"), "no AD: {text}");
        }
    }
    let text = ask(&["+cd", "nothing.expired.lab", "A"]);
    assert!(text.contains("NXDOMAIN") && text.contains("SOA") && !text.contains("NSEC"), "{text}");
    // What is valid is told as such, with CD too; signatures and proofs only to those who want them.
    let text = ask(&["+dnssec", "+cd", "x.wild.good.lab", "A"]);
    assert!(text.contains("flags: qr rd ra ad cd;") && text.contains("NSEC\t"), "{text}");
    assert!(text.contains("flags: do;"), "{text}");
    // A proof that has no room is no reason to leave it out.
    let text = ask(&["+dnssec", "+bufsize=512", "+ignore", "x.y.nothing.three.lab", "A"]);
    assert!(text.contains("flags: qr tc rd ra ad;") && text.contains("AUTHORITY: 0"), "{text}");
    let text = ask(&["+edns=1", "+noednsnegotiation", "mail.good.lab", "A"]);
    assert!(text.contains("BADVERS") && !text.contains("192.0.2.25"), "{text}");
    let text = ask(&["+noall", "+answer", "+authority", "x.wild.good.lab", "A"]);
    assert!(text.contains("192.0.2.7") && !text.contains("RRSIG") && !text.contains("NSEC"), "{text}");
}
