//! What stands in the OPT record, cookies, padding, names of the server.

use super::ask::{catalogue, query, send, show, zone};
use dns::{
    Catalogue, Class, Context, CookieVerdict, Cookies, Flags, MessageReader, MessageWriter, Name, Question,
    Rcode, RecordType, Section, Transport,
};

fn zones() -> Catalogue {
    catalogue(&[&zone("example.", "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\n")])
}

fn with_options(options: &[u8]) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new(), 1, Flags(0), 65_535);
    let name: Name = "a.example".parse().unwrap();
    writer.question(&Question { name, rtype: RecordType::A, class: Class::IN }).unwrap();
    writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, Class(4096), 0x7fff), options).unwrap();
    writer.finish()
}

/// Payload, bits of the TTL, and data of the answer's OPT record.
fn opt(message: &[u8]) -> Option<(u16, u32, Vec<u8>)> {
    let mut reader = MessageReader::new(message).unwrap();
    while let Some(raw) = reader.raw_record().unwrap() {
        if raw.rtype == RecordType::OPT {
            assert_eq!(raw.end(), message.len(), "OPT is the last");
            return Some((raw.class.0, raw.ttl_bits, raw.data.to_vec()));
        }
    }
    None
}

struct Always(CookieVerdict);

impl Cookies for Always {
    fn check(&self, client: &[u8; 8], server: &[u8]) -> CookieVerdict {
        assert_eq!((client, server), (b"clientck", &b"server12"[..]));
        self.0
    }
}

#[test]
fn options_are_answered_as_configured() {
    let zones = zones();
    let all = [&[0, 3, 0, 0][..], &[0, 11, 0, 0], &[0, 12, 0, 0], &[0xfd, 0xe9, 0, 1, 7]].concat();
    let mut context = Context::new(Transport::Udp);
    let (_, message) = send(&zones, &context, &with_options(&all)).unwrap();
    assert_eq!(opt(&message), Some((1232, 0, vec![])), "nothing is told unasked, and Z is 0");
    context.nsid = b"x1";
    context.keepalive_tenths = Some(100);
    let (_, message) = send(&zones, &context, &with_options(&all)).unwrap();
    assert_eq!(opt(&message).unwrap().2, [0, 3, 0, 2, b'x', b'1'], "29: no keepalive over UDP");
    context.transport = Transport::Tcp;
    let (_, message) = send(&zones, &context, &with_options(&all)).unwrap();
    assert_eq!(opt(&message).unwrap().2, [0, 3, 0, 2, b'x', b'1', 0, 11, 0, 2, 0, 100]);
    context.transport = Transport::Tls;
    let (_, message) = send(&zones, &context, &with_options(&all)).unwrap();
    assert_eq!(message.len(), 468, "RFC 8467 §4.1");
    let (_, message) = send(&zones, &context, &query("a.example", "A", None, false)).unwrap();
    assert_eq!(opt(&message), None, "RFC 6891 §7: no OPT where none was asked");
}

#[test]
fn extended_errors() {
    let zones = zones();
    let (_, message) =
        send(&zones, &Context::new(Transport::Udp), &query("b.", "A", Some(1232), true)).unwrap();
    assert_eq!(show(&message), "REFUSED");
    assert_eq!(opt(&message), Some((1232, 0x8000, vec![0, 15, 0, 2, 0, 20])));
    let waiting = zones.with(dns::catalogue::Served::NotReady("b.".parse().unwrap()));
    let (_, message) =
        send(&waiting, &Context::new(Transport::Udp), &query("x.b.", "A", Some(1232), false)).unwrap();
    assert_eq!(show(&message), "SERVFAIL");
    assert_eq!(opt(&message).unwrap().2, [0, 15, 0, 2, 0, 14]);
    let (reply, message) = send(
        &zones,
        &Context::new(Transport::Udp),
        &with_version(&query("a.example", "A", Some(512), false)),
    )
    .unwrap();
    assert_eq!((reply.rcode, opt(&message).unwrap().1), (Rcode::BADVERS, 0x0100_0000));
}

fn with_version(query: &[u8]) -> Vec<u8> {
    let mut query = query.to_vec();
    let at = query.len() - 5;
    query[at] = 1;
    query
}

#[test]
fn cookies() {
    let zones = zones();
    let query = with_options(b"\0\x0a\0\x10clientckserver12");
    let verdict = |valid, insist| Always(CookieVerdict { server: *b"0123456789abcdef", valid, insist });
    for (valid, insist, transport, rcode) in [
        (true, true, Transport::Udp, Rcode::NOERROR),
        (false, false, Transport::Udp, Rcode::NOERROR),
        (false, true, Transport::Udp, Rcode::BADCOOKIE),
        (false, true, Transport::Tcp, Rcode::NOERROR),
    ] {
        let cookies = verdict(valid, insist);
        let context = Context { cookies: Some(&cookies), ..Context::new(transport) };
        let (reply, message) = send(&zones, &context, &query).unwrap();
        assert_eq!((reply.rcode, reply.cookie_valid), (rcode, valid));
        assert_eq!(opt(&message).unwrap().2, b"\0\x0a\0\x18clientck0123456789abcdef");
    }
}

/// A query with a cookie, with or without its question.
fn with_cookie(has_question: bool, server: &[u8]) -> Vec<u8> {
    let mut writer = MessageWriter::new(Vec::new(), 1, Flags(0), 512);
    if has_question {
        let name: Name = "a.example".parse().unwrap();
        writer.question(&Question { name, rtype: RecordType::A, class: Class::IN }).unwrap();
    }
    let option = [&[0, 10, 0, 8 + server.len() as u8][..], b"clientck", server].concat();
    writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, Class(1232), 0), &option).unwrap();
    writer.finish()
}

/// Anchors: tests 4 and 27, with the cookies of RFC 9018: who has none or a wrong one gets a right one, by an answer
/// without records.
#[test]
fn a_cookie_is_given_and_is_right() {
    let zones = zones();
    let jar = Jar(dns::cookie::Cookies::new(dns::cookie::Secret::new([7; 16]), None));
    let context = Context { cookies: Some(&jar), ..Context::new(Transport::Udp) };
    let given = |query: &[u8], expected: Rcode| -> Vec<u8> {
        let (reply, message) = send(&zones, &context, query).unwrap();
        assert_eq!(reply.rcode, expected);
        assert_eq!(message[4..6], query[4..6], "the question comes back, or none");
        let (payload, bits, data) = opt(&message).unwrap();
        assert_eq!((payload, bits >> 24), (1232, u32::from(expected.0 >> 4)));
        assert!(data.starts_with(b"\0\x0a\0\x18clientck") && data.len() == 28, "{data:?}");
        if expected == Rcode::BADCOOKIE || query[5] == 0 {
            assert_eq!(message[6..12], [0, 0, 0, 0, 0, 1], "an OPT record and no other");
        }
        data[12..].to_vec()
    };
    // 4: without a question, the cookie alone.
    let first = given(&with_cookie(false, b""), Rcode::BADCOOKIE);
    given(&with_cookie(false, &first), Rcode::NOERROR);
    // 27: a wrong server part.
    for wrong in [&[9; 16][..], &[9; 8], &[9; 32], &first[..15]] {
        let fresh = given(&with_cookie(true, wrong), Rcode::BADCOOKIE);
        let (reply, message) = send(&zones, &context, &with_cookie(true, &fresh)).unwrap();
        assert_eq!((reply.rcode, reply.cookie_valid, message[7]), (Rcode::NOERROR, true, 1));
    }
    // Where nobody insists, a question without one is answered, and brings one along.
    let jar = Jar(dns::cookie::Cookies::new(dns::cookie::Secret::new([7; 16]), None));
    let context = Context { cookies: Some(&jar), ..Context::new(Transport::Tcp) };
    let (_, message) = send(&zones, &context, &with_cookie(false, b"")).unwrap();
    assert_eq!((message[3] & 15, opt(&message).unwrap().2.len()), (0, 28));
}

/// Cookies that are insisted on.
struct Jar(dns::cookie::Cookies);

impl Cookies for Jar {
    fn check(&self, client: &[u8; 8], server: &[u8]) -> CookieVerdict {
        let (address, now_s) = ("192.0.2.1".parse().unwrap(), 1_800_000_000);
        let standing = self.0.check(dns::cookie::Cookie { client: *client, server }, address, now_s);
        let valid = matches!(standing, dns::cookie::Standing::Right { .. });
        CookieVerdict { server: self.0.make(client, address, now_s), valid, insist: true }
    }
}

/// Anchors: the names of CHAOS are hidden unless configured (RFC 4892).
#[test]
fn names_of_the_server() {
    let zones = zones();
    let ask = |name: &str, context: &Context<'_>| {
        let mut query = query(name, "TXT", None, false);
        let end = query.len();
        query[end - 1] = 3;
        let (reply, message) = send(&zones, context, &query).unwrap();
        (reply.rcode, String::from_utf8_lossy(&message).into_owned())
    };
    let hidden = Context::new(Transport::Udp);
    let shown = Context { server_id: b"box-7", version: b"posthouse", ..hidden };
    for name in ["id.server", "hostname.bind", "version.server", "VERSION.bind"] {
        assert_eq!(ask(name, &hidden).0, Rcode::REFUSED, "{name}");
        let (rcode, message) = ask(name, &shown);
        assert_eq!(rcode, Rcode::NOERROR);
        assert!(message.contains("box-7") || message.contains("posthouse"), "{name}");
    }
    assert_eq!(ask("authors.bind", &shown).0, Rcode::REFUSED);
}

/// What slips through a limit of rate: question, OPT and TC.
#[test]
fn truncated_on_purpose() {
    let zones = zones();
    let query = query("a.example", "A", Some(1232), true);
    let (reply, mut message) = send(&zones, &Context::new(Transport::Udp), &query).unwrap();
    let len = dns::answer::truncate(&mut message, &reply);
    message.truncate(len);
    assert_eq!(show(&message), "NOERROR aa tc");
    assert_eq!(opt(&message), Some((1232, 0x8000, vec![])));
}

/// RFC 9471 §3.1: addresses below the delegation that do not fit make the answer a truncated one; others may
/// be left out.
#[test]
fn glue_that_does_not_fit() {
    let hosts = |suffix: &str| {
        let mut text = String::from("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a.\n");
        for at in 0..12 {
            text += &format!(
                "sub NS a-rather-long-name-{at}{suffix}\na-rather-long-name-{at}{suffix} AAAA ::1\n"
            );
        }
        catalogue(&[&zone("example.", &text)])
    };
    let query = query("x.sub.example", "A", Some(700), false);
    let (reply, message) = send(&hosts(".sub"), &Context::new(Transport::Udp), &query).unwrap();
    assert!(reply.truncated && message.len() <= 700);
    assert!(show(&message).starts_with("NOERROR tc\nauthority sub.example. NS "));
    let (reply, _) = send(&hosts(".sub2"), &Context::new(Transport::Udp), &query).unwrap();
    assert!(!reply.truncated);
}
