//! The parameters of SVCB and HTTPS records (RFC 9460).

use super::RDataError;

/// `mandatory` (RFC 9460 §8).
pub(crate) const MANDATORY: u16 = 0;
/// `alpn` (§7.1).
pub(crate) const ALPN: u16 = 1;
/// `no-default-alpn` (§7.1).
pub(crate) const NO_DEFAULT_ALPN: u16 = 2;
/// `port` (§7.2).
pub(crate) const PORT: u16 = 3;
/// `ipv4hint` (§7.3).
pub(crate) const IPV4HINT: u16 = 4;
/// `ech` (RFC 9848).
pub(crate) const ECH: u16 = 5;
/// `ipv6hint` (§7.3).
pub(crate) const IPV6HINT: u16 = 6;
/// `dohpath` (RFC 9461 §5).
pub(crate) const DOHPATH: u16 = 7;
/// `ohttp` (RFC 9540 §4).
pub(crate) const OHTTP: u16 = 8;

/// The keys with names.
pub(crate) const KEYS: &[(u16, &str)] = &[
    (MANDATORY, "mandatory"),
    (ALPN, "alpn"),
    (NO_DEFAULT_ALPN, "no-default-alpn"),
    (PORT, "port"),
    (IPV4HINT, "ipv4hint"),
    (ECH, "ech"),
    (IPV6HINT, "ipv6hint"),
    (DOHPATH, "dohpath"),
    (OHTTP, "ohttp"),
];

/// The parameters of checked bytes, one by one.
pub(crate) fn params(wire: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let [k1, k2, l1, l2, after @ ..] = rest else { return None };
        let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes([*l1, *l2])))?;
        rest = after;
        Some((u16::from_be_bytes([*k1, *k2]), value))
    })
}

/// Checks parameters: keys in strictly ascending order (§2.2), values as §7 and §8 want them.
pub(crate) fn check(wire: &[u8]) -> Result<(), RDataError> {
    let (mut last, mut used) = (None, 0);
    for (key, value) in params(wire) {
        if last.is_some_and(|last| key <= last) {
            return Err(RDataError::Invalid("service parameters out of order or twice"));
        }
        last = Some(key);
        used += 4 + value.len();
        check_value(wire, key, value)?;
    }
    if used == wire.len() { Ok(()) } else { Err(RDataError::Truncated) }
}

fn check_value(wire: &[u8], key: u16, value: &[u8]) -> Result<(), RDataError> {
    let good = match key {
        MANDATORY => return check_mandatory(wire, value),
        ALPN => return check_alpn(value),
        NO_DEFAULT_ALPN if !params(wire).any(|(key, _)| key == ALPN) => {
            return Err(RDataError::Invalid("no-default-alpn without alpn"));
        }
        NO_DEFAULT_ALPN | OHTTP => value.is_empty(),
        PORT => value.len() == 2,
        IPV4HINT => !value.is_empty() && value.len().is_multiple_of(4),
        IPV6HINT => !value.is_empty() && value.len().is_multiple_of(16),
        ECH => !value.is_empty(),
        DOHPATH => std::str::from_utf8(value).is_ok_and(|path| path.contains("{?dns}")),
        65_535 => return Err(RDataError::Invalid("the reserved service parameter 65535")),
        _ => true,
    };
    if good { Ok(()) } else { Err(RDataError::Invalid("a service parameter with a value it does not take")) }
}

/// §8: at least one key, ascending, not `mandatory` itself, and each is there.
fn check_mandatory(wire: &[u8], value: &[u8]) -> Result<(), RDataError> {
    let mut last = None;
    if value.is_empty() || !value.len().is_multiple_of(2) {
        return Err(RDataError::Invalid("mandatory without keys"));
    }
    for pair in value.chunks(2) {
        let key = u16::from_be_bytes([pair[0], pair[1]]);
        if key == MANDATORY {
            return Err(RDataError::Invalid("mandatory naming itself"));
        }
        if last.is_some_and(|last| key <= last) {
            return Err(RDataError::Invalid("mandatory keys out of order or twice"));
        }
        if !params(wire).any(|(other, _)| other == key) {
            return Err(RDataError::Invalid("mandatory naming a key that is not there"));
        }
        last = Some(key);
    }
    Ok(())
}

/// §7.1.1: at least one protocol, each of at least one byte.
fn check_alpn(value: &[u8]) -> Result<(), RDataError> {
    let mut rest = value;
    if rest.is_empty() {
        return Err(RDataError::Invalid("an empty alpn"));
    }
    while let [len, after @ ..] = rest {
        if *len == 0 {
            return Err(RDataError::Invalid("an empty protocol in alpn"));
        }
        rest = after.get(usize::from(*len)..).ok_or(RDataError::Truncated)?;
    }
    Ok(())
}
