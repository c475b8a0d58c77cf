//! An answer allocates nothing.

use super::ask::{catalogue, query, zone};
use dns::{Context, Transport, answer};

#[test]
fn no_query_allocates() {
    let text = "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\n@ MX 1 a\na A 192.0.2.1\nc CNAME a\n*.w CNAME c\nsub NS ns.sub\nns.sub A 192.0.2.2\nd DNAME w\n";
    let zones = catalogue(&[&zone("example.", text)]);
    let names = [
        "example",
        "a.example",
        "c.example",
        "x.w.example",
        "x.sub.example",
        "x.d.example",
        "no.example",
        "other",
    ];
    let queries: Vec<Vec<u8>> = names
        .iter()
        .flat_map(|name| ["A", "MX", "ANY", "SOA"].map(|rtype| query(name, rtype, Some(1232), true)))
        .chain([b"rubbish that is no query at all".to_vec()])
        .collect();
    let mut out = vec![0; 65_535];
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let context = Context::new(transport);
        let counted = allocation_counter::measure(|| {
            for query in &queries {
                let _ = answer(query, &context, &zones, &mut out);
            }
        });
        assert_eq!(counted.count_total, 0, "{transport:?}");
    }
}
