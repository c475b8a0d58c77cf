//! An answer allocates nothing, nor do cookies and limits of rate.

use super::ask::{catalogue, query, zone};
use super::toy::{DATE, signed};
use dns::cookie::{Cookie, Secret, Standing};
use dns::dnssec::Denial;
use dns::rrl::{Class, Limiter, Settings, Verdict};
use dns::{Catalogue, Context, CookieVerdict, Cookies, Kind, Outcome, Transport, ZoneData, answer};
use std::net::IpAddr;
use wire::Now;

const ZONE: &str = "$TTL 1
@ SOA a b 1 2 3 4 5
@ NS a
@ MX 1 a
a A 192.0.2.1
c CNAME a
*.w CNAME c
sub NS ns.sub
ns.sub A 192.0.2.2
safe NS a
safe DS 1 13 9 00
d DNAME w
";

const NAMES: [&str; 13] = [
    "example",
    "a.example",
    "c.example",
    "x.w.example",
    "x.y.z.w.example",
    "w.example",
    "x.sub.example",
    "x.safe.example",
    "x.d.example",
    "no.example",
    "far.below.no.example",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.example",
    "other",
];

fn queries() -> Vec<Vec<u8>> {
    let types = ["A", "MX", "ANY", "SOA", "DS", "DNSKEY", "RRSIG"];
    let all = NAMES.iter().flat_map(|name| {
        types.map(|rtype| [true, false].map(|dnssec| query(name, rtype, Some(1232), dnssec)))
    });
    all.flatten().chain([b"rubbish that is no query at all".to_vec()]).collect()
}

/// With two signed zones, too.
fn all_zones() -> [(&'static str, ZoneData); 4] {
    let plain = zone("example.", ZONE);
    let by = |denial| signed(&plain, denial, DATE).0;
    let (nsec, nsec3, opt_out) = (by(Denial::Nsec), by(Denial::Nsec3), by(Denial::Nsec3OptOut));
    [("unsigned", plain), ("NSEC", nsec), ("NSEC3", nsec3), ("opt-out", opt_out)]
}

#[test]
fn no_query_allocates() {
    let queries = queries();
    let mut out = vec![0; 65_535];
    for (what, zone) in all_zones() {
        let zones = catalogue(&[&zone]);
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            let context = Context::new(transport);
            let counted = allocation_counter::measure(|| {
                for query in &queries {
                    let _ = answer(query, &context, &zones, &mut out);
                }
            });
            assert_eq!(counted.count_total, 0, "{what} {transport:?}");
        }
    }
}

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));
const NOW_S: u32 = 1_800_000_000;

/// Cookies as a server uses them.
struct Jar(dns::cookie::Cookies);

impl Cookies for Jar {
    fn check(&self, client: &[u8; 8], server: &[u8]) -> CookieVerdict {
        let standing = self.0.check(Cookie { client: *client, server }, ADDRESS, NOW_S);
        CookieVerdict {
            server: self.0.make(client, ADDRESS, NOW_S),
            valid: matches!(standing, Standing::Right { .. }),
            insist: true,
        }
    }
}

/// One query as a thread of the server treats it: the answer by a context with cookies, then the limits.
fn serve(
    query: &[u8],
    context: &Context<'_>,
    zones: &Catalogue,
    limiter: &mut Limiter,
    out: &mut [u8],
) -> Verdict {
    let Outcome::Reply(reply) = answer(query, context, zones, out) else { return Verdict::Drop };
    let class = match reply.kind {
        Kind::Positive => Class::Answer,
        Kind::NoData => Class::NoData,
        Kind::NxDomain => Class::NameError,
        Kind::Referral => Class::Referral,
        Kind::Error => Class::Error,
    };
    let verdict = limiter.decide(Now::from_millis(1), ADDRESS, class, reply.rate_key);
    if verdict == Verdict::Slip {
        dns::answer::truncate(out, &reply);
    }
    verdict
}

#[test]
fn neither_cookies_nor_limits_allocate() {
    let jar = Jar(dns::cookie::Cookies::new(Secret::new([7; 16]), None));
    let right = jar.0.make(b"clientck", ADDRESS, NOW_S);
    let with_cookie = |server: &[u8]| {
        let mut query = query("x.w.example", "A", Some(1232), true);
        let option = [&[0, 10, 0, 8 + server.len() as u8][..], b"clientck", server].concat();
        let len_at = query.len() - 1;
        query[len_at] = option.len() as u8;
        query.extend(option);
        query
    };
    let mut queries = queries();
    queries.extend([with_cookie(b""), with_cookie(&right), with_cookie(&[1; 16])]);
    let settings =
        Settings { responses_per_s: 5, errors_per_s: 5, total_per_s: 50, buckets: 64, ..Settings::default() };
    let mut out = vec![0; 1232];
    for (what, zone) in all_zones() {
        let zones = catalogue(&[&zone]);
        let context = Context { cookies: Some(&jar), ..Context::new(Transport::Udp) };
        let mut limiter = Limiter::new(settings, [3; 16]);
        let mut seen = [0; 3];
        let counted = allocation_counter::measure(|| {
            for query in queries.iter().cycle().take(queries.len() * 5) {
                match serve(query, &context, &zones, &mut limiter, &mut out) {
                    Verdict::Send => seen[0] += 1,
                    Verdict::Slip => seen[1] += 1,
                    Verdict::Drop => seen[2] += 1,
                }
            }
        });
        assert_eq!(counted.count_total, 0, "{what}");
        assert!(seen.iter().all(|count| *count > 0), "{what}: {seen:?}");
    }
}
