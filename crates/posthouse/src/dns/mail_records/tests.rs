use super::*;

/// A domain with everything.
fn facts() -> Facts {
    Facts {
        domain: "example.org".into(),
        mail: MailIn::Here,
        host: "mx.example.org".into(),
        addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
        name_servers: vec![
            NameServer {
                name: "ns1.example.org".into(),
                addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            },
            NameServer { name: "ns2.example.net".into(), addresses: vec!["198.51.100.2".parse().unwrap()] },
        ],
        zone_here: true,
        signed: true,
        services: vec![(MailService::Submissions, 465), (MailService::Imaps, 993)],
        dkim: vec![
            DkimRecord { selector: "r1".into(), public: DkimPublic::Rsa(vec![7; 294]) },
            DkimRecord { selector: "e1".into(), public: DkimPublic::Ed25519([1; 32]) },
            DkimRecord { selector: "old".into(), public: DkimPublic::Revoked },
        ],
        tlsa: vec![[0xab; 32], [0xcd; 32]],
        tlsa_ports: vec![25],
        dmarc: DmarcPolicy::None,
        reports_to: None,
        caa: None,
        web: Web::default(),
    }
}

/// The data of all wanted records of a name and type.
fn data(facts: &Facts, name: &str, rtype: &str) -> Vec<String> {
    let wanted = wanted(facts);
    wanted.into_iter().filter(|w| w.name == name && w.rtype == rtype).map(|w| w.data).collect()
}

#[test]
fn a_full_domain_has_every_record() {
    let ab = "ab".repeat(32);
    let cd = "cd".repeat(32);
    let table: &[(&str, &str, &[&str])] = &[
        ("example.org.", "NS", &["ns1.example.org.", "ns2.example.net."]),
        ("ns1.example.org.", "A", &["192.0.2.1"]),
        ("ns1.example.org.", "AAAA", &["2001:db8::1"]),
        ("ns1.example.org.", "TXT", &["\"v=spf1 -all\""]),
        ("ns2.example.net.", "A", &[]),
        ("mx.example.org.", "A", &["192.0.2.1"]),
        ("mx.example.org.", "AAAA", &["2001:db8::1"]),
        ("example.org.", "MX", &["10 mx.example.org."]),
        ("example.org.", "TXT", &["\"v=spf1 mx -all\""]),
        ("mx.example.org.", "TXT", &["\"v=spf1 a -all\""]),
        ("old._domainkey.example.org.", "TXT", &["\"v=DKIM1; p=\""]),
        (
            "e1._domainkey.example.org.",
            "TXT",
            &["\"v=DKIM1; k=ed25519; s=email; p=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\""],
        ),
        ("_dmarc.example.org.", "TXT", &["\"v=DMARC1; p=none; rua=mailto:postmaster@example.org\""]),
        ("_smtp._tls.example.org.", "TXT", &["\"v=TLSRPTv1; rua=mailto:postmaster@example.org\""]),
        ("_smtp._tls.mx.example.org.", "TXT", &["\"v=TLSRPTv1; rua=mailto:postmaster@example.org\""]),
        ("_25._tcp.mx.example.org.", "TLSA", &[&format!("3 1 1 {ab}"), &format!("3 1 1 {cd}")]),
        ("_submissions._tcp.example.org.", "SRV", &["0 1 465 mx.example.org."]),
        ("_imaps._tcp.example.org.", "SRV", &["0 1 993 mx.example.org."]),
        ("_imap._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_pop3._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_pop3s._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_submission._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_sieve._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_jmap._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_caldavs._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("_carddavs._tcp.example.org.", "SRV", &["0 0 0 ."]),
        ("1.2.0.192.in-addr.arpa.", "PTR", &["mx.example.org."]),
        ("example.org.", "CAA", &[]),
        ("_mta-sts.example.org.", "TXT", &[]),
        ("autoconfig.example.org.", "CNAME", &[]),
    ];
    for (name, rtype, expected) in table {
        assert_eq!(&data(&facts(), name, rtype), expected, "{name} {rtype}");
    }
    let elsewhere: Vec<_> = wanted(&facts()).into_iter().filter(|w| !w.in_zone).collect();
    assert!(elsewhere.iter().all(|w| w.rtype == "PTR") && elsewhere.len() == 2);
    let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.";
    assert_eq!(elsewhere[1].name, v6);
}

#[test]
fn long_keys_are_cut_into_strings() {
    let key = &data(&facts(), "r1._domainkey.example.org.", "TXT")[0];
    let strings: Vec<&str> = key.trim_matches('"').split("\" \"").collect();
    assert_eq!(strings.len(), 2);
    assert_eq!(strings[0].len(), 255);
    assert!(strings.concat().starts_with("v=DKIM1; k=rsa; s=email; p=BwcH"));
}

#[test]
fn a_domain_without_mail_says_so() {
    let facts = Facts { mail: MailIn::Nowhere, tlsa_ports: Vec::new(), ..facts() };
    assert_eq!(data(&facts, "example.org.", "MX"), ["0 ."]);
    assert_eq!(data(&facts, "example.org.", "TXT"), ["\"v=spf1 -all\""]);
    assert_eq!(data(&facts, "_dmarc.example.org.", "TXT"), ["\"v=DMARC1; p=reject\""]);
    for rtype in ["SRV", "TLSA"] {
        assert!(wanted(&facts).iter().all(|w| w.rtype != rtype), "{rtype}");
    }
}

#[test]
fn mail_that_another_server_takes_in_has_an_mx_that_is_not_ours_to_know() {
    let facts = Facts { mail: MailIn::Elsewhere, ..facts() };
    assert_eq!(data(&facts, "example.org.", "MX"), [""; 0]);
    assert_eq!(data(&facts, "example.org.", "TXT"), [""; 0]);
    assert_eq!(data(&facts, "_imaps._tcp.example.org.", "SRV").len(), 1);
}

#[test]
fn a_domain_of_another_host_names_it_and_has_none_of_its_records() {
    let facts = Facts { domain: "other.example".into(), ..facts() };
    assert_eq!(data(&facts, "other.example.", "MX"), ["10 mx.example.org."]);
    assert_eq!(data(&facts, "other.example.", "NS").len(), 2);
    assert!(wanted(&facts).iter().all(|w| w.name.ends_with("other.example.")));
    let facts = Facts { zone_here: false, ..facts };
    assert_eq!(data(&facts, "other.example.", "NS"), [""; 0]);
}

#[test]
fn of_a_name_that_is_no_mail_domain_only_hosts_are_published() {
    let facts = Facts { mail: MailIn::NotOurs, ..facts() };
    let types: std::collections::BTreeSet<&str> =
        wanted(&facts).iter().filter(|w| w.in_zone).map(|w| w.rtype).collect();
    // The host is in this zone: its addresses and the key of its certificate are there for the mail of others.
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["A", "AAAA", "NS", "TLSA"]);
}

#[test]
fn tlsa_needs_signatures() {
    let facts = Facts { signed: false, ..facts() };
    assert!(wanted(&facts).iter().all(|w| w.rtype != "TLSA"));
}

#[test]
fn what_the_web_side_serves_is_advertised() {
    let web = Web {
        mta_sts_id: Some("20261123T000000".into()),
        autoconfig: true,
        pacc_digest: Some("abc=".into()),
        webmail: true,
    };
    let facts = Facts { web, ..facts() };
    assert_eq!(data(&facts, "_mta-sts.example.org.", "TXT"), ["\"v=STSv1; id=20261123T000000;\""]);
    for label in ["mta-sts", "autoconfig", "autodiscover", "ua-auto-config"] {
        assert_eq!(data(&facts, &format!("{label}.example.org."), "CNAME"), ["mx.example.org."]);
    }
    assert_eq!(data(&facts, "_autodiscover._tcp.example.org.", "SRV"), ["0 1 443 mx.example.org."]);
    assert_eq!(data(&facts, "mx.example.org.", "HTTPS"), ["1 . alpn=\"h2\""]);
}

#[test]
fn certificates_are_bound_to_the_account_when_known() {
    let caa = CaaFacts {
        authority: "letsencrypt.org".into(),
        account_uri: Some("https://acme-v02.api.letsencrypt.org/acme/acct/1".into()),
    };
    let facts = Facts { caa: Some(caa), ..facts() };
    assert_eq!(
        data(&facts, "example.org.", "CAA"),
        [
            "0 issue \"letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1\"",
            "0 issuewild \";\"",
            "0 iodef \"mailto:postmaster@example.org\"",
        ]
    );
}

#[test]
fn reports_to_another_domain_need_its_consent() {
    let facts = Facts { reports_to: Some("dmarc@reports.example".into()), ..facts() };
    let name = "example.org._report._dmarc.reports.example.";
    assert_eq!(data(&facts, name, "TXT"), ["\"v=DMARC1\""]);
    assert!(wanted(&facts).iter().any(|w| w.name == name && !w.in_zone));
}

#[test]
fn markers_tell_kinds_of_text_apart() {
    let facts = facts();
    let markers: Vec<String> = wanted(&facts)
        .iter()
        .filter(|w| w.name == "example.org.")
        .filter_map(|w| w.marker().map(str::to_owned))
        .collect();
    assert_eq!(markers, ["v=spf1"]);
    assert_eq!(text_marker("v=DMARC1; p=none"), "v=DMARC1");
    assert_eq!(text_marker(""), "");
}

#[test]
fn names_are_within_zones_by_labels() {
    let table = [
        ("example.org", "example.org", true),
        ("a.example.org", "example.org", true),
        ("aexample.org", "example.org", false),
        ("org", "example.org", false),
        ("org", ".", true),
    ];
    for (name, zone, expected) in table {
        assert_eq!(is_within(name, zone), expected, "{name} {zone}");
    }
}

#[test]
fn base64_is_that_of_rfc_4648() {
    // RFC 4648 §10.
    let table = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("foobar", "Zm9vYmFy"),
    ];
    for (plain, coded) in table {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}
