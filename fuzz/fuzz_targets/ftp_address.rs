//! Arguments of PORT and EPRT: what is read is what was written, or nothing.
#![no_main]

mod words;

use ftp::address::{parse_eprt, parse_port};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, SocketAddr};

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b",", b"|", b"!", b"1", b"2", b"3", b"0", b"255", b"256", b"-1", b" ", b"192.0.2.1", b"192,0,2,1,4,1", b"|1|",
    b"|2|", b"::1", b"::ffff:192.0.2.1", b"2001:db8::1%1", b"65535", b"65536", b"\0", b"\xff",
];

fuzz_target!(|input: (bool, Vec<(u8, Vec<u8>)>)| {
    let (v6, parts) = input;
    let bytes = words::text(WORDS, &parts);
    if let Ok(address) = parse_port(&bytes) {
        let SocketAddr::V4(v4) = address else { panic!("{address}") };
        let ([a, b, c, d], [high, low]) = (v4.ip().octets(), v4.port().to_be_bytes());
        let text = format!("{a},{b},{c},{d},{high},{low}");
        assert_eq!(parse_port(text.as_bytes()), Ok(address));
        // Nothing was passed over: the same numbers stand in the argument, perhaps with leading zeros.
        let text = std::str::from_utf8(&bytes).expect("digits and commas");
        let numbers: Vec<u16> = text.split(',').map(|number| number.parse().expect("a number")).collect();
        assert_eq!(numbers, [a, b, c, d, high, low].map(u16::from));
    }
    if let Ok(address) = parse_eprt(&bytes, v6) {
        assert_eq!(address.is_ipv6(), v6);
        let family = if v6 { 2 } else { 1 };
        let ip: IpAddr = address.ip();
        let text = format!("|{family}|{ip}|{}|", address.port());
        assert_eq!(parse_eprt(text.as_bytes(), v6), Ok(address));
    }
});
