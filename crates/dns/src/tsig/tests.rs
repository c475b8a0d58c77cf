use super::*;
use proptest::prelude::*;

const NOW_S: u64 = 1_795_000_000;

fn key(algorithm: Algorithm) -> Key {
    Key::new(b"\x03Key\x07example\0", algorithm, &[0x5a; 32]).unwrap()
}

/// A question for the SOA of `example.`
fn question() -> Vec<u8> {
    b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\0\0\x06\0\x01".to_vec()
}

fn signed(key: &Key, unix_s: u64) -> (Vec<u8>, Signer) {
    let (mut message, mut signer) = (question(), Signer::requesting(key.clone()));
    signer.sign(unix_s, &mut message);
    (message, signer)
}

fn check(message: &[u8], unix_s: u64, key: &Key) -> Result<Option<Request>, Malformed> {
    check_request(message, unix_s, |name| (name == key.name()).then(|| key.clone()))
}

#[test]
fn a_request_and_its_answers_are_believed() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let (message, client) = signed(&key, NOW_S);
        let request = check(&message, NOW_S + 300, &key).unwrap().unwrap();
        assert_eq!(request.outcome, Ok(key.clone()));
        assert_eq!(request.len_bytes, question().len());
        let (mut server, mut verifier) = (request.signer().unwrap(), client.verifier());
        for _ in 0..3 {
            let mut answer = question();
            answer[2] |= 0x80;
            server.sign(NOW_S, &mut answer);
            assert_eq!(verifier.check(&answer, NOW_S), Ok(question().len()));
        }
        assert!(verifier.is_settled());
    }
}

#[test]
fn the_faults_have_their_numbers() {
    let key = key(Algorithm::Sha256);
    let other = Key::new(key.name(), Algorithm::Sha256, &[1; 32]).unwrap();
    let stronger = Key::new(key.name(), Algorithm::Sha512, key.secret()).unwrap();
    let stranger = Key::new(b"\x05other\0", Algorithm::Sha256, key.secret()).unwrap();
    for (signer, unix_s, fault) in [
        (&other, NOW_S, Fault::BadSig),
        (&stronger, NOW_S, Fault::BadKey),
        (&stranger, NOW_S, Fault::BadKey),
        (&key, NOW_S - 301, Fault::BadTime),
        (&key, NOW_S + 301, Fault::BadTime),
    ] {
        let (message, client) = signed(signer, unix_s);
        let request = check(&message, NOW_S, &key).unwrap().unwrap();
        assert_eq!(request.outcome, Err(fault));
        assert!(request.signer().is_none());
        let mut answer = question();
        request.append_fault(NOW_S, &mut answer);
        let found = find(&answer).unwrap().unwrap();
        assert_eq!(found.error, fault.code());
        assert_eq!(found.mac.is_empty(), fault != Fault::BadTime, "{fault:?}");
        assert_eq!(found.other.len(), if fault == Fault::BadTime { 6 } else { 0 });
        // Whoever asked learns why; where the key is known, with proof, by the client's own clock.
        let said = client.verifier().check(&answer, unix_s);
        assert_eq!(said, Err(StreamFault::Refused(fault.code())), "{fault:?}");
    }
}

#[test]
fn shortened_macs_are_refused_by_their_kind() {
    let key = key(Algorithm::Sha256);
    let (message, _) = signed(&key, NOW_S);
    let shortened = |mac_len: usize| {
        let found = find(&message).unwrap().unwrap();
        let mut short = message[..found.start].to_vec();
        short[11] = 0;
        Variables::of(&found).append(&found.mac[..mac_len], 0x1234, &mut short);
        check(&short, NOW_S, &key).map(|request| request.unwrap().outcome)
    };
    assert_eq!(shortened(32), Ok(Ok(key.clone())));
    for mac_len in 16..32 {
        assert_eq!(shortened(mac_len), Ok(Err(Fault::BadTrunc)), "{mac_len}");
    }
    for mac_len in 0..16 {
        assert_eq!(shortened(mac_len), Err(Malformed), "{mac_len}");
    }
}

#[test]
fn a_tsig_is_last_and_alone() {
    let key = key(Algorithm::Sha256);
    let (message, _) = signed(&key, NOW_S);
    let mut twice = message.clone();
    Signer::requesting(key.clone()).sign(NOW_S, &mut twice);
    assert_eq!(check(&twice, NOW_S, &key).unwrap_err(), Malformed);
    let mut followed = message.clone();
    followed.extend_from_slice(b"\0\0\x01\0\x01\0\0\0\0\0\0");
    followed[11] += 1;
    assert_eq!(check(&followed, NOW_S, &key).unwrap_err(), Malformed);
    let mut trailed = message.clone();
    trailed.push(0);
    assert_eq!(check(&trailed, NOW_S, &key).unwrap_err(), Malformed);
    // As an answer record.
    let mut moved = message.clone();
    (moved[7], moved[11]) = (1, 0);
    assert_eq!(check(&moved, NOW_S, &key).unwrap_err(), Malformed);
    assert!(check(&question(), NOW_S, &key).unwrap().is_none());
}

#[test]
fn a_forwarder_may_change_the_id_and_nothing_else() {
    let key = key(Algorithm::Sha384);
    let (message, _) = signed(&key, NOW_S);
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut bent = message.clone();
            bent[at] ^= 1 << bit;
            let believed =
                check(&bent, NOW_S, &key).is_ok_and(|request| request.is_some_and(|r| r.outcome.is_ok()));
            // The case of key and algorithm does not matter (RFC 8945 §4.3.3: canonical form).
            let is_letter_case = at > question().len() && bit == 5 && message[at].is_ascii_alphabetic();
            assert!(!believed || at < 2 || is_letter_case, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_stream_may_have_unsigned_messages_but_not_first_nor_last_nor_many() {
    let key = key(Algorithm::Sha256);
    let (_, client) = signed(&key, NOW_S);
    let mut plain = question();
    plain[2] |= 0x80;
    assert_eq!(client.verifier().check(&plain, NOW_S), Err(StreamFault::Unsigned));

    let mut verifier = client.verifier();
    let mut server = Signer::answering(key.clone(), &client.prior);
    let mut first = plain.clone();
    server.sign(NOW_S, &mut first);
    assert!(verifier.check(&first, NOW_S).is_ok());
    for _ in 0..UNSIGNED_IN_ROW_MAX {
        assert!(verifier.check(&plain, NOW_S).is_ok());
        assert!(!verifier.is_settled());
    }
    assert_eq!(verifier.check(&plain, NOW_S), Err(StreamFault::Unsigned));

    // What came between is covered by the next signature.
    let mut verifier = client.verifier();
    assert!(verifier.check(&first, NOW_S).is_ok());
    assert!(verifier.check(&plain, NOW_S).is_ok());
    let mut hasher = Hasher::new(&key);
    hasher.sized(&server.prior);
    hasher.feed(&plain);
    hasher.feed(&plain);
    hasher.timers(NOW_S, FUDGE_S);
    let mut last = plain.clone();
    let variables = Variables {
        key_name: key.name(),
        algorithm_name: key.algorithm().name(),
        time_s: NOW_S,
        fudge_s: FUDGE_S,
        error: 0,
        other: &[],
    };
    variables.append(&hasher.finish(), 0x1234, &mut last);
    assert!(verifier.check(&last, NOW_S).is_ok());
    assert!(verifier.is_settled());
    assert_eq!(client.verifier().check(&last, NOW_S), Err(StreamFault::Wrong(Fault::BadSig)));
}

#[test]
fn keys_are_checked_and_not_shown() {
    let of = |name: &[u8], secret: &[u8]| Key::new(name, Algorithm::Sha256, secret).err();
    assert_eq!(of(b"\x03key\0", &[0; 15]), Some(KeyError::ShortSecret));
    for name in [&b""[..], b"\x03key", b"\x03key\0\0", b"\xc0\0", b"\x40key\0"] {
        assert_eq!(of(name, &[0; 32]), Some(KeyError::Name), "{name:?}");
    }
    assert!(!format!("{:?}", key(Algorithm::Sha256)).contains("90"));
    assert_eq!(Algorithm::of_text("HMAC-SHA512."), Some(Algorithm::Sha512));
    assert_eq!(Algorithm::of_text("hmac-md5"), None);
}

#[test]
fn a_message_cut_anywhere_is_no_message() {
    let (message, _) = signed(&key(Algorithm::Sha256), NOW_S);
    for cut in 0..message.len() {
        assert_eq!(find(&message[..cut]).unwrap_err(), Malformed, "{cut}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_read_without_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), counts in any::<[u8; 4]>()) {
        let key = key(Algorithm::Sha256);
        for (at, count) in [5, 7, 9, 11].into_iter().zip(counts) {
            if bytes.len() > at {
                (bytes[at - 1], bytes[at]) = (0, count % 4);
            }
        }
        let _ = check(&bytes, NOW_S, &key);
    }
}
