//! Where data connections go: what 227 and 229 say, and what PORT and EPRT are told.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// The port of a 227 reply: `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)` (RFC 959 §4.1.2).
///
/// Only the port is taken. The address in the reply is the server's word about itself, and following
/// it lets a server point its clients at machines behind their firewall; the data connection goes to
/// the peer of the control connection (as CVE-2020-8284 and CVE-2021-4189 taught others).
///
/// RFC 1123 §4.1.2.6 bids clients to search for the six numbers, as parentheses are not certain.
pub fn passive_port(text: &[u8]) -> Option<NonZeroU16> {
    (0..text.len())
        .filter(|at| text[*at].is_ascii_digit() && (*at == 0 || !matches!(text[at - 1], b'0'..=b'9' | b',')))
        .find_map(|at| six_numbers(&text[at..]))
}

fn six_numbers(text: &[u8]) -> Option<NonZeroU16> {
    let len = text.iter().take_while(|b| b.is_ascii_digit() || **b == b',').count();
    let numbers: Vec<&[u8]> = text[..len].split(|b| *b == b',').collect();
    let [_, _, _, _, high, low] = numbers.as_slice() else { return None };
    let octet = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u8>().ok();
    numbers.iter().try_for_each(|digits| octet(digits).map(drop))?;
    NonZeroU16::new(u16::from_be_bytes([octet(high)?, octet(low)?]))
}

/// The port of a 229 reply: `229 text (|||port|)`, with any printable delimiter (RFC 2428 §3).
pub fn extended_passive_port(text: &[u8]) -> Option<NonZeroU16> {
    let open = text.iter().position(|b| *b == b'(')?;
    let close = open + text[open..].iter().position(|b| *b == b')')?;
    let inner = &text[open + 1..close];
    // The delimiter is one of the printable characters 33 to 126 (RFC 2428 §2), and no digit.
    let delimiter = *inner.first().filter(|b| b.is_ascii_graphic() && !b.is_ascii_digit())?;
    let rest = inner.strip_prefix(&[delimiter; 3])?.strip_suffix(&[delimiter])?;
    if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(rest).ok()?.parse().ok()
}

/// The parameter of EPRT (RFC 2428 §2).
pub fn extended_port(address: SocketAddr) -> String {
    let family = if address.is_ipv4() { 1 } else { 2 };
    format!("|{family}|{}|{}|", address.ip(), address.port())
}

/// The parameter of PORT (RFC 959 §4.1.2); nothing for IPv6, which it cannot name.
pub fn port(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let [a, b, c, d] = ip.octets();
    let [high, low] = address.port().to_be_bytes();
    Some(format!("{a},{b},{c},{d},{high},{low}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passive_replies() {
        let table: &[(&str, Option<u16>)] = &[
            ("Entering Passive Mode (127,0,0,1,19,137)", Some(5001)),
            ("Entering Passive Mode (127,0,0,1,19,137).", Some(5001)),
            ("=127,0,0,1,19,137", Some(5001)),
            ("Entering Passive Mode. 127,0,0,1,19,137", Some(5001)),
            ("Now 2 you (10,0,0,1,0,21)", Some(21)),
            // The address is not looked at further than that it is one.
            ("Entering Passive Mode (1,2,3,4,19,137)", Some(5001)),
            ("Entering Passive Mode (1216,256,2,127,127,127)", None),
            ("Entering Passive Mode (127,0,0,1,19,256)", None),
            ("Entering Passive Mode (127,0,0,1,0,0)", None),
            ("Entering Passive Mode (127,0,0,1,19)", None),
            ("Entering Passive Mode (127,0,0,1,19,1,7)", None),
            ("Entering Passive Mode (127,0,0,1,-1,7)", None),
            ("Entering Passive Mode (|||5001|)", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(passive_port(text.as_bytes()).map(NonZeroU16::get), *expected, "{text}");
        }
    }

    #[test]
    fn extended_passive_replies() {
        let table: &[(&str, Option<u16>)] = &[
            ("Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("(!!!6446!)", Some(6446)),
            ("Entering Extended Passive Mode (|||0|)", None),
            ("Entering Extended Passive Mode (|||65536|)", None),
            ("Entering Extended Passive Mode (|||64a6|)", None),
            ("Entering Extended Passive Mode (|||+646|)", None),
            ("Entering Extended Passive Mode (|1|10.0.0.9|6446|)", None),
            ("Entering Extended Passive Mode (|||6446)", None),
            ("(111644611)", None),
            ("(   6446 )", None),
            ("Entering Extended Passive Mode", None),
            (")(", None),
        ];
        for (text, expected) in table {
            assert_eq!(extended_passive_port(text.as_bytes()).map(NonZeroU16::get), *expected, "{text}");
        }
    }

    #[test]
    fn active_parameters() {
        let v4: SocketAddr = "132.235.1.2:6275".parse().unwrap();
        let v6: SocketAddr = "[1080::8:800:200c:417a]:5282".parse().unwrap();
        // The examples of RFC 2428 §2.
        assert_eq!(extended_port(v4), "|1|132.235.1.2|6275|");
        assert_eq!(extended_port(v6), "|2|1080::8:800:200c:417a|5282|");
        assert_eq!(port(v4).as_deref(), Some("132,235,1,2,24,131"));
        assert_eq!(port(v6), None);
    }

    proptest! {
        #[test]
        fn whatever_port_is_printed_is_read_again(number in 1u16.., text in "[^0-9,]{0,20}") {
            let address = SocketAddr::from(([192, 0, 2, 1], number));
            let line = format!("{text}({}){text}", port(address).unwrap());
            prop_assert_eq!(passive_port(line.as_bytes()).map(NonZeroU16::get), Some(number));
            let line = format!("x (|||{number}|) {text}");
            prop_assert_eq!(extended_passive_port(line.as_bytes()).map(NonZeroU16::get), Some(number));
        }

        #[test]
        fn no_bytes_stop_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (passive_port(&bytes), extended_passive_port(&bytes));
        }
    }
}
