//! Zones as an operator handles them: domains, edits, imports, keys, status; judged by other people's programs.

use crate::dns::{ZONE, dig, import};
use crate::programs::{program, run};
use crate::server::{Server, setup};
use serde_json::Value;

fn json_of(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_str(&server.cli(&[&["--json"], arguments].concat()).ok()).unwrap()
}

/// A running server with the domain `example.org`.
fn with_domain() -> Server {
    setup().start()
}

fn short(server: &Server, name: &str, rtype: &str) -> String {
    dig(server.port("dns"), &["+short", name, rtype])
}

/// Asks `delv` with the zone's own key as the trust anchor.
fn delv(server: &Server, name: &str, rtype: &str) -> String {
    let key = short(server, "example.org", "DNSKEY");
    let mut words = key.split_whitespace();
    let numbers: Vec<&str> = words.by_ref().take(3).collect();
    let encoded: String = words.collect();
    let anchor = server.folder.join("anchor");
    let text =
        format!("trust-anchors {{ \"example.org.\" static-key {} \"{encoded}\"; }};\n", numbers.join(" "));
    std::fs::write(&anchor, text).unwrap();
    let port = server.port("dns").to_string();
    let mut delv = program("delv");
    delv.args(["@127.0.0.1", "-p", &port, "-a"]).arg(&anchor).args(["+root=example.org", name, rtype]);
    run(&mut delv).ok()
}

#[test]
fn a_domain_is_served_signed_with_its_mail_records() {
    let server = with_domain();
    assert_eq!(short(&server, "example.org", "MX"), "10 mx.example.org.\n");
    assert_eq!(short(&server, "example.org", "TXT"), "\"v=spf1 mx -all\"\n");
    assert!(short(&server, "_25._tcp.mx.example.org", "TLSA").starts_with("3 1 1 "));
    let imaps = server.port("imaps");
    assert_eq!(short(&server, "_imaps._tcp.example.org", "SRV"), format!("0 1 {imaps} mx.example.org.\n"));
    for (name, rtype) in [("example.org", "MX"), ("mx.example.org", "A"), ("_25._tcp.mx.example.org", "TLSA")]
    {
        let answer = delv(&server, name, rtype);
        assert!(answer.contains("; fully validated"), "{name} {rtype}: {answer}");
    }
    let nothing = delv(&server, "nobody.example.org", "A");
    assert!(nothing.contains("; negative response, fully validated"), "{nothing}");
    let status = json_of(&server, &["dns", "status", "example.org"]);
    let records = status["dns"]["status"]["records"].as_array().unwrap();
    assert!(records.len() > 15);
    for record in records.iter().filter(|record| record["owner"] == "managed") {
        assert_eq!(record["verdict"], "right", "{record}");
    }
    let text = server.cli(&["dns", "status", "example.org", "--no-look"]).ok();
    assert!(text.contains("what happens next"), "{text}");
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn the_exported_zone_satisfies_other_checkers() {
    let server = with_domain();
    server.cli(&["dns", "sign", "example.org", "--nsec3"]).ok();
    for what in ["NSEC3", "NSEC"] {
        if what == "NSEC" {
            server.cli(&["dns", "sign", "example.org"]).ok();
        }
        let text = server.cli(&["dns", "export", "example.org"]).ok();
        assert!(text.contains(&format!(" {what} ")), "{text}");
        let file = server.folder.join("zone");
        std::fs::write(&file, text).unwrap();
        run(program("dnssec-verify").args(["-q", "-z", "-o", "example.org"]).arg(&file)).ok();
        run(program("ldns-verify-zone").arg(&file)).ok();
        run(program("named-checkzone").args(["-q", "example.org"]).arg(&file)).ok();
    }
}

#[test]
fn dnsviz_finds_nothing_to_warn_of() {
    let server = with_domain();
    let (seen, keys) = (server.folder.join("seen.json"), server.folder.join("keys"));
    let key = short(&server, "example.org", "DNSKEY");
    std::fs::write(&keys, format!("example.org. IN DNSKEY {key}")).unwrap();
    let servers = format!("example.org+:mx.example.org=[127.0.0.1]:{}", server.port("dns"));
    for denial in [&["--nsec3"][..], &[]] {
        server.cli(&[&["dns", "sign", "example.org"], denial].concat()).ok();
        let mut probe = program("dnsviz");
        probe.args(["probe", "-A", "-4", "-x", &servers, "-o"]).arg(&seen).arg("example.org");
        run(&mut probe).ok();
        // The modules are those of Debian's Python, whichever comes first in PATH.
        let grok = |level: &str| {
            let mut grok = program("/usr/bin/python3");
            grok.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/py/dnsviz_grok.py"));
            run(grok.args(["-l", level, "-t"]).arg(&keys).arg("-r").arg(&seen)).ok()
        };
        assert!(grok("info").contains("\"SECURE\""), "{denial:?}: it was looked at");
        assert_eq!(grok("warning").trim(), "", "{denial:?}");
    }
}

#[test]
fn edits_are_seen_at_once_listed_and_undone() {
    let server = with_domain();
    server.cli(&["dns", "add", "www.example.org", "A", "192.0.2.80"]).ok();
    assert_eq!(short(&server, "www.example.org", "A"), "192.0.2.80\n");
    let refused = server.cli(&["dns", "add", "www.example.org", "CNAME", "example.org."]).fails(1);
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert!(server.cli(&["dns", "add", "www.example.net", "A", "192.0.2.1"]).fails(1).contains("no zone"));
    assert!(server.cli(&["dns", "remove", "example.org", "MX"]).fails(1).contains("managed"));
    import(&server, "zone.test", ZONE);
    assert_eq!(short(&server, "www.zone.test", "A").lines().count(), 2);
    let zones = json_of(&server, &["dns", "list"]);
    assert_eq!(zones["dns"]["zones"].as_array().unwrap().len(), 2);
    let list = server.cli(&["dns", "list", "example.org"]).ok();
    assert!(list.lines().any(|line| line.starts_with("yours") && line.contains("192.0.2.80")), "{list}");
    assert!(list.lines().any(|line| line.starts_with("managed") && line.contains(" MX ")), "{list}");
    assert!(server.cli(&["dns", "log", "example.org"]).ok().contains("add www.example.org."));
    server.cli(&["dns", "undo", "example.org"]).ok();
    assert_eq!(short(&server, "www.example.org", "A"), "");
    server.cli(&["dns", "undo", "example.org"]).fails(1);
    let broken = server.cli_with(&["dns", "import", "zone.test", "-"], "@ MX ten mail\n").fails(1);
    assert!(broken.contains("standard input:1"), "{broken}");
    assert_eq!(short(&server, "www.zone.test", "A").lines().count(), 2, "still served as it was");
    server.cli(&["dns", "delete", "zone.test"]).ok();
    assert!(dig(server.port("dns"), &["www.zone.test", "A"]).contains("REFUSED"));
}

#[test]
fn a_deletion_is_undone_with_the_keys_and_so_is_what_was_done_before() {
    let mut server = with_domain();
    server.cli(&["dns", "add", "www.example.org", "A", "192.0.2.80"]).ok();
    server.cli(&["dns", "secondary", "add", "example.org", "192.0.2.9"]).ok();
    let key = short(&server, "example.org", "DNSKEY");
    let serial = |server: &Server| -> u32 {
        short(server, "example.org", "SOA").split_whitespace().nth(2).unwrap().parse().unwrap()
    };
    let before = serial(&server);
    let said = server.cli(&["dns", "delete", "example.org", "--force"]).ok();
    assert!(said.contains("posthouse dns undo example.org"), "{said}");
    assert!(dig(server.port("dns"), &["www.example.org", "A"]).contains("REFUSED"));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    server.stop();
    server.launch();
    assert!(dig(server.port("dns"), &["www.example.org", "A"]).contains("REFUSED"));
    assert!(server.cli(&["dns", "undo", "example.org"]).ok().contains("example.org is back"));
    assert_eq!(short(&server, "example.org", "DNSKEY"), key);
    assert!(serial(&server) > before);
    assert!(delv(&server, "www.example.org", "A").contains("; fully validated"));
    assert!(server.cli(&["dns", "secondary", "list", "example.org"]).ok().contains("192.0.2.9"));
    // Signing, its end, and how names are denied.
    server.cli(&["dns", "unsign", "example.org"]).ok();
    assert_eq!(short(&server, "example.org", "CDS"), "0 0 0 00\n");
    server.cli(&["dns", "undo", "example.org"]).ok();
    assert_eq!(short(&server, "example.org", "DNSKEY"), key);
    assert!(!short(&server, "example.org", "CDS").starts_with("0 0 0"));
    server.cli(&["dns", "sign", "example.org", "--nsec3"]).ok();
    assert_ne!(short(&server, "example.org", "NSEC3PARAM"), "");
    server.cli(&["dns", "undo", "example.org"]).ok();
    assert_eq!(short(&server, "example.org", "NSEC3PARAM"), "");
    // What cannot be undone stands in the way until it is said to be passed over.
    server.cli(&["dns", "rollover", "example.org", "dkim"]).ok();
    let refused = server.cli(&["dns", "undo", "example.org"]).fails(1);
    assert!(refused.contains("cannot be undone") && refused.contains("--skip"), "{refused}");
    assert!(server.cli(&["dns", "undo", "example.org", "--skip"]).ok().contains("secondary add"));
    assert!(!server.cli(&["dns", "secondary", "list", "example.org"]).ok().contains("192.0.2.9"));
    assert_eq!(short(&server, "www.example.org", "A"), "192.0.2.80\n");
    server.cli(&["dns", "undo", "example.org", "--skip"]).ok();
    assert_eq!(short(&server, "www.example.org", "A"), "");
    let log = json_of(&server, &["dns", "log", "example.org"]);
    let rows = log["dns"]["changes"].as_array().unwrap();
    let undone = |what: &str| rows.iter().any(|row| row["what"] == what && row["undone"] == true);
    for what in ["delete the zone", "stop signing", "sign", "secondary add 192.0.2.9"] {
        assert!(undone(what), "{what}: {log}");
    }
    assert!(delv(&server, "example.org", "MX").contains("; fully validated"));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn commands_work_while_no_server_runs() {
    let mut server = setup().prepare();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.cli(&["dns", "add", "www.example.org", "A", "192.0.2.80"]).ok();
    import(&server, "zone.test", ZONE);
    assert!(server.cli(&["check"]).ok().contains("zones 2"));
    server.launch();
    assert_eq!(short(&server, "www.example.org", "A"), "192.0.2.80\n");
    assert!(delv(&server, "www.example.org", "A").contains("; fully validated"));
    assert_eq!(short(&server, "alias.zone.test", "CNAME"), "www.zone.test.\n");
}

#[test]
fn secrets_stay_out_of_lists_and_logs() {
    let server = with_domain();
    server.cli(&["dns", "tsig", "add", "transfer.example.org"]).ok();
    let shown = server.cli(&["dns", "tsig", "show", "transfer.example.org"]).ok();
    let secret = shown.trim().rsplit(':').next().unwrap();
    assert!(secret.len() > 40);
    assert!(!server.cli(&["dns", "tsig", "list"]).ok().contains(secret));
    let keys = server.cli(&["dns", "key", "export", "example.org"]).ok();
    let private = keys.lines().find_map(|line| line.strip_prefix("PrivateKey: ")).unwrap();
    assert!(!server.log().contains(secret) && !server.log().contains(private));
}
