//! Signed messages as bytes, on the way that a server takes them: read, told to be signed, checked by a clock that the
//! test moves, and refused by an answer that is read again. Anchors: tests 37 to 39.

use super::ask::{catalogue, zone};
use dns::tsig::{Algorithm, Key, Signer, check_request, find};
use dns::{Catalogue, Context, Outcome, Rcode, Transport, answer};

const NOW_S: u64 = 1_795_000_000;
/// The TSIG record of the messages made here: owner `key.`, `hmac-sha256.` as the algorithm.
const OWNER: &[u8] = b"\x03key\0";
const QUESTION: &[u8] = b"\x02ns\x07example\0\0\x01\0\x01";

fn key() -> Key {
    Key::new(OWNER, Algorithm::Sha256, &[7; 32]).unwrap()
}

fn zones() -> Catalogue {
    catalogue(&[&zone("example.", "$TTL 1\n@ SOA ns x 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")])
}

/// A header with so many additional records, the question, and what follows.
fn message(additionals: u8, rest: &[&[u8]]) -> Vec<u8> {
    let header = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, additionals];
    [&header[..], QUESTION, &rest.concat()].concat()
}

/// The record alone, of a message signed at `unix_s`.
fn tsig(unix_s: u64) -> Vec<u8> {
    let mut signed = message(0, &[]);
    let len = signed.len();
    Signer::requesting(key()).sign(unix_s, &mut signed);
    signed.split_off(len)
}

/// The record with a MAC of other bytes.
fn with_mac(mac: &[u8]) -> Vec<u8> {
    let whole = tsig(NOW_S);
    // Behind owner, head, algorithm, time and fudge comes the length of the MAC.
    let len_at = OWNER.len() + 10 + Algorithm::Sha256.name().len() + 8;
    let data_len = (whole.len() - OWNER.len() - 10 - 32 + mac.len()) as u16;
    let mut bent = whole[..len_at].to_vec();
    bent[OWNER.len() + 8..OWNER.len() + 10].copy_from_slice(&data_len.to_be_bytes());
    bent.extend((mac.len() as u16).to_be_bytes());
    bent.extend(mac);
    bent.extend(&whole[len_at + 2 + 32..]);
    bent
}

fn mac() -> Vec<u8> {
    let signed = message(1, &[&tsig(NOW_S)]);
    find(&signed).unwrap().unwrap().mac.to_vec()
}

/// What a server answers at `unix_s`: a code; of signed messages that are refused also the number of the fault, the
/// length of the MAC and the other data.
fn fate(bytes: &[u8], unix_s: u64) -> String {
    let mut out = vec![0; 65_535];
    let signed_at = match answer(bytes, &Context::new(Transport::Tcp), &zones(), &mut out) {
        Outcome::Reply(reply) => return reply.rcode.to_string(),
        Outcome::Signed(at) => at,
        outcome => return format!("{outcome:?}"),
    };
    let known = |name: &[u8]| (name == OWNER).then(key);
    let Ok(request) = check_request(bytes, unix_s, known) else { return Rcode::FORMERR.to_string() };
    let request = request.unwrap();
    assert_eq!(request.len_bytes, signed_at, "both find the same record");
    if request.outcome.is_ok() {
        return "believed".into();
    }
    let mut refusal = message(0, &[]);
    (refusal[2], refusal[3]) = (0x80, Rcode::NOTAUTH.0 as u8);
    request.append_fault(unix_s, &mut refusal);
    let found = find(&refusal).unwrap().unwrap();
    assert_eq!((found.original_id, found.key_name.is_empty()), (0x1234, false));
    let time = found.other.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let other = if found.other.is_empty() { String::new() } else { format!(" at {time}") };
    format!("NOTAUTH {} {}{other}", found.error, found.mac.len())
}

#[test]
fn a_signature_stands_last_and_alone() {
    let opt: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
    let one = tsig(NOW_S);
    assert_eq!(fate(&message(1, &[&one]), NOW_S), "believed");
    for (what, bytes) in [
        ("37: before another record", message(2, &[&one, opt])),
        ("37: two of them", message(2, &[&one, &one])),
        ("37: two of them with one between", message(3, &[&one, opt, &one])),
        ("37: bytes behind it", message(1, &[&one, &[0]])),
        ("37: counted and not there", message(2, &[&one])),
    ] {
        assert_eq!(fate(&bytes, NOW_S), "FORMERR", "{what}");
    }
    // In another section, where no query has records.
    let mut moved = message(0, &[&one]);
    moved[7] = 1;
    assert_eq!(fate(&moved, NOW_S), "FORMERR", "37: among the answers");
}

#[test]
fn each_fault_of_a_signature_has_its_answer() {
    let signed = |record: &[u8]| message(1, &[record]);
    let mut stranger = tsig(NOW_S);
    stranger[1] = b'k' ^ 1;
    assert_eq!(fate(&signed(&stranger), NOW_S), "NOTAUTH 17 0", "38: BADKEY, unsigned");
    let mut other_hash = tsig(NOW_S);
    other_hash[OWNER.len() + 10 + 9..][..3].copy_from_slice(b"512");
    assert_eq!(fate(&signed(&other_hash), NOW_S), "NOTAUTH 17 0", "38: BADKEY, another hash");
    let mut bent = mac();
    bent[31] ^= 1;
    assert_eq!(fate(&signed(&with_mac(&bent)), NOW_S), "NOTAUTH 16 0", "38: BADSIG, unsigned");
    let at_now = signed(&tsig(NOW_S));
    for (clock, expected) in [
        (NOW_S - 300, "believed".to_string()),
        (NOW_S + 300, "believed".to_string()),
        (NOW_S - 301, format!("NOTAUTH 18 32 at {}", NOW_S - 301)),
        (NOW_S + 301, format!("NOTAUTH 18 32 at {}", NOW_S + 301)),
        (NOW_S + (1 << 33), format!("NOTAUTH 18 32 at {}", NOW_S + (1 << 33))),
        (0, "NOTAUTH 18 32 at 0".to_string()),
    ] {
        assert_eq!(fate(&at_now, clock), expected, "38: BADTIME, signed, with our time");
    }
    // A wrong MAC and a wrong time: the time of strangers is not discussed (RFC 8945 §5.2).
    assert_eq!(fate(&signed(&with_mac(&bent)), NOW_S + 301), "NOTAUTH 16 0");
    for len in 0..=40 {
        let mut all = mac();
        all.resize(40, 0);
        let expected = match len {
            32 => "believed",
            16..32 => "NOTAUTH 22 32",
            _ => "FORMERR",
        };
        assert_eq!(fate(&signed(&with_mac(&all[..len])), NOW_S), expected, "39: a MAC of {len} bytes");
    }
}
