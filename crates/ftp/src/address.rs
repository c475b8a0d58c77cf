//! The addresses that PORT and EPRT name, and whether we connect to them.

use crate::refusal::Refusal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Why the argument of PORT or EPRT is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// Of another form.
    Syntax,
    /// Of another family than the control connection.
    Family,
}

/// Lowest port that we connect to: below are services, not data connections (RFC 2577 §3).
pub const PORT_MIN: u16 = 1024;

/// Reads `h1,h2,h3,h4,p1,p2` (RFC 959 §5.3.2): six numbers of one to three digits, each below 256.
///
/// # Errors
/// [`AddressError::Syntax`].
pub fn parse_port(argument: &[u8]) -> Result<SocketAddr, AddressError> {
    let mut fields = [0u8; 6];
    let mut parts = argument.split(|byte| *byte == b',');
    for field in &mut fields {
        *field =
            u8::try_from(number(parts.next().unwrap_or_default(), 3)?).map_err(|_| AddressError::Syntax)?;
    }
    if parts.next().is_some() {
        return Err(AddressError::Syntax);
    }
    let [a, b, c, d, high, low] = fields;
    Ok(SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low]))))
}

/// Reads `|1|132.235.1.2|6275|` or `|2|1080::8:800:200C:417A|5282|` (RFC 2428 §2), with any printable
/// character for `|`. `v6` is the control connection's family.
///
/// # Errors
/// [`AddressError`]; the family is looked at before the address.
pub fn parse_eprt(argument: &[u8], v6: bool) -> Result<SocketAddr, AddressError> {
    let delimiter = *argument.first().ok_or(AddressError::Syntax)?;
    if !delimiter.is_ascii_graphic() {
        return Err(AddressError::Syntax);
    }
    let fields: Vec<&[u8]> = argument.split(|byte| *byte == delimiter).collect();
    let [b"", family, address, port, b""] = fields.as_slice() else { return Err(AddressError::Syntax) };
    if number(family, 5)? != if v6 { 2 } else { 1 } {
        return Err(AddressError::Family);
    }
    let address = std::str::from_utf8(address).map_err(|_| AddressError::Syntax)?;
    let address = if v6 { address.parse().map(IpAddr::V6) } else { address.parse().map(IpAddr::V4) };
    let address = address.map_err(|_| AddressError::Syntax)?;
    let port = u16::try_from(number(port, 5)?).map_err(|_| AddressError::Syntax)?;
    Ok(SocketAddr::new(address, port))
}

/// A number of at most `digits_max` digits.
fn number(text: &[u8], digits_max: usize) -> Result<u32, AddressError> {
    let is_number = (1..=digits_max).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let value = text
        .iter()
        .fold(0u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))));
    is_number.then_some(value).ok_or(AddressError::Syntax)
}

/// The address to connect to: it must be the client's own, lest we connect to others on its behalf (RFC
/// 2577 §3). With `use_control_address` a private one stands for the client's, which sits behind address
/// translation and does not know better.
pub(crate) fn check(
    named: SocketAddr,
    client: IpAddr,
    use_control_address: bool,
) -> Result<SocketAddr, Refusal> {
    let address = named.ip().to_canonical();
    let stands_for_client = use_control_address && is_private(address);
    if address != client && !stands_for_client {
        return Err(Refusal::ForeignAddress);
    }
    if named.port() < PORT_MIN {
        return Err(Refusal::PrivilegedPort);
    }
    Ok(SocketAddr::new(client, named.port()))
}

/// Whether an address means something in a local network only.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10 (RFC 6598 §7).
fn is_shared(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    a == 100 && b & 0xC0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn port_takes_six_numbers() {
        for (text, expected) in [
            ("127,0,0,1,4,1", Some("127.0.0.1:1025")),
            ("127,000,0,1,004,01", Some("127.0.0.1:1025")),
            ("1,2,3", None),
            ("127,0,0,1", None),
            ("127,0,0,1,1,1,1", None),
            ("256,0,0,1,1,1", None),
            ("127,0,0,1,256,1", None),
            ("127,0,0,1,-1,0", None),
            ("127,0,0,1,+1,0", None),
            ("127,0,0,1,1.1", None),
            ("X,0,0,1,1,1", None),
            ("127,0,0,1,,1", None),
            ("127,0,0,1,1,", None),
            (" 127,0,0,1,1,1", None),
            ("127,0,0,1,0000,1", None),
            ("127, 0,0,1,1,1", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(parse_port(text.as_bytes()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn eprt_looks_at_the_family_first() {
        use AddressError::*;
        for (text, v6, expected) in [
            ("|1|132.235.1.2|6275|", false, Ok("132.235.1.2:6275")),
            ("!1!132.235.1.2!6275!", false, Ok("132.235.1.2:6275")),
            ("|2|1080::8:800:200C:417A|5282|", true, Ok("[1080::8:800:200c:417a]:5282")),
            ("|3|x|1|", false, Err(Family)),
            ("|2|1.2.3.256|2048|", false, Err(Family)),
            ("|2|::1|2048|", false, Err(Family)),
            ("|1|127.0.0.1|2048|", true, Err(Family)),
            ("|1|::1|2048|", false, Err(Syntax)),
            ("|1|1.2.3.256|2048|", false, Err(Syntax)),
            ("|1|1.2.3.4.5|2048|", false, Err(Syntax)),
            ("|1|1.2.3.4|65536|", false, Err(Syntax)),
            ("|1|1.2.3.4|-1|", false, Err(Syntax)),
            ("|1|1.2.3.4||", false, Err(Syntax)),
            ("|1|1.2.3.4|2048", false, Err(Syntax)),
            ("|1|1.2.3.4|2048||", false, Err(Syntax)),
            ("|1|1.2.3.4|2048|x", false, Err(Syntax)),
            ("|x|1.2.3.4|2048|", false, Err(Syntax)),
            ("||||", false, Err(Syntax)),
            ("||", false, Err(Syntax)),
            ("", false, Err(Syntax)),
            ("\u{1}1\u{1}1.2.3.4\u{1}2048\u{1}", false, Err(Syntax)),
        ] {
            let expected = expected.map(|text: &str| text.parse().unwrap());
            assert_eq!(parse_eprt(text.as_bytes(), v6), expected, "{text}");
        }
    }

    #[test]
    fn only_the_client_is_connected_to() {
        let check = |named: &str, client: &str, nat| {
            check(named.parse().unwrap(), client.parse().unwrap(), nat).map(|to| to.to_string())
        };
        for (named, client, nat, expected) in [
            ("192.0.2.1:2000", "192.0.2.1", false, Ok("192.0.2.1:2000")),
            ("192.0.2.2:2000", "192.0.2.1", false, Err(Refusal::ForeignAddress)),
            ("192.0.2.2:2000", "192.0.2.1", true, Err(Refusal::ForeignAddress)),
            ("10.0.0.9:2000", "192.0.2.1", false, Err(Refusal::ForeignAddress)),
            ("10.0.0.9:2000", "192.0.2.1", true, Ok("192.0.2.1:2000")),
            ("100.100.0.9:2000", "192.0.2.1", true, Ok("192.0.2.1:2000")),
            ("100.128.0.9:2000", "192.0.2.1", true, Err(Refusal::ForeignAddress)),
            ("127.0.0.1:2000", "192.0.2.1", true, Err(Refusal::ForeignAddress)),
            ("[fd00::1]:2000", "2001:db8::1", true, Ok("[2001:db8::1]:2000")),
            ("[::ffff:192.0.2.1]:2000", "192.0.2.1", false, Ok("192.0.2.1:2000")),
            ("192.0.2.1:1023", "192.0.2.1", false, Err(Refusal::PrivilegedPort)),
            ("192.0.2.1:22", "192.0.2.1", true, Err(Refusal::PrivilegedPort)),
            ("192.0.2.1:0", "192.0.2.1", false, Err(Refusal::PrivilegedPort)),
            ("192.0.2.1:1024", "192.0.2.1", false, Ok("192.0.2.1:1024")),
        ] {
            assert_eq!(check(named, client, nat), expected.map(str::to_string), "{named} {client}");
        }
    }

    proptest! {
        #[test]
        fn written_addresses_are_read(a: [u8; 4], b: [u8; 16], port: u16) {
            let [h1, h2, h3, h4] = a;
            let [p1, p2] = port.to_be_bytes();
            let text = format!("{h1},{h2},{h3},{h4},{p1},{p2}");
            prop_assert_eq!(parse_port(text.as_bytes()), Ok(SocketAddr::from((a, port))));
            let text = format!("|1|{}|{port}|", IpAddr::from(a));
            prop_assert_eq!(parse_eprt(text.as_bytes(), false), Ok(SocketAddr::from((a, port))));
            let text = format!("|2|{}|{port}|", IpAddr::from(b));
            prop_assert_eq!(parse_eprt(text.as_bytes(), true), Ok(SocketAddr::from((b, port))));
        }

        #[test]
        fn any_bytes_are_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..40), v6: bool) {
            let _ = (parse_port(&text), parse_eprt(&text, v6));
        }
    }
}
