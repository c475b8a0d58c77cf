use super::*;
use proptest::prelude::*;

const OK: Verdict = Verdict { ok: true, rehash: false };
const OK_BUT_OLD: Verdict = Verdict { ok: true, rehash: true };
const WRONG: Verdict = Verdict { ok: false, rehash: false };

/// Hashes made by other programs: glibc's crypt, libxcrypt, openssl, Dovecot, the Argon2
/// reference, and the published vectors of sha-crypt and bcrypt.
const FOREIGN: &[(&str, &str)] = &[
    ("secret", "$1$posthous$8U6AnxwUhQVtmeqzwLE4y."),
    ("Hello world!", "$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1"),
    ("pässwörd", "$1$umlaut$jUOFp8uNME95I6.eSGTRf1"),
    ("a", "$1$$Ij31LCAysPM23KuPlm1wA/"),
    ("secret", "$apr1$posthous$WwQZfgLq9wRATDm77OnP./"),
    ("secret", "{MD5-CRYPT}$1$d53puOwd$9sHW8nyv3UIu7tjk6wkvY1"),
    ("secret", "$5$rounds=1000$posthouse$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/"),
    ("secret", "$5$posthouse$Ks2yu3.B6pW2EIIBFdnWmC1xglxd8THN1IuYG.Fp8/D"),
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    ("pässwörd", "$5$rounds=1000$umlaut$igNUHI72SdL8wahzCU/fGBm1.p/Ro26iwG7CLWgN.L4"),
    ("secret", "$5$rounds=1000$$Obg7IOH5MYGbPhIPrPkPleaehbt86.IKR69wHoi1R94"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "Hello world!",
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    ),
    (
        "secret",
        "{CRYPT}$6$rounds=1000$posthouse$j8YLC1exfw7sHZX56vSx9phdyQhqt0iUpxLwzQJ2T9/EOnLR4vumX4WCYYBFqr9qdXofib3rGQzU3BT5KkgsO/",
    ),
    (
        "secret",
        "{SHA512-CRYPT}$6$jt6YxkeBCnN.WyJO$MNcIr34zMckGw1gsZjUfTbrT96zuXBJQmA4ktsKcI1WsD.A6.Dpt1s9SoBB5AaAJPqDDHJ/LUZ5DB8mJnerDL.",
    ),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("secret", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"),
    ("secret", "{BLF-CRYPT}$2y$05$pQlzWbYyew6XJqeuhO9iau0e7qKWIFePfcBYBsnvk6/TOe0UlAmO."),
    ("password", "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG"),
    (
        "secret",
        "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$JVUJt4v2i0kXOosaRMosYg$Yrk59M/MJk7A483ue+zyFYtZCMX6HCKFKFYrbQGgHuI",
    ),
    ("secret", "{SSHA256}yeFf1Oepmh+6oB3my8JW5zb2bueklAnPJQWNYgLbZkjseWcD"),
    (
        "secret",
        "{ssha512}yu1kV3N9MSYOH/JuN7rv60Qz7qYz+FmSN2VWqPpYnUgeQ+6erLATh4+W5MVNIBFcXJq65AEb3dNvA9Q7tlJrCMoow8U=",
    ),
    (
        "secret",
        "{SCRAM-SHA-256}4096,efZB8pcFV0ZAeH2Vd0U+Vw==,5SD7HGmQUbuDDlqbq28JroZqUhVVQsI2iJMqdbctW+A=,MLabgRLDvDWcm9IiCGR1nA6X5XhBofv0zihLMsFMIaY=",
    ),
];

const STRONG: &str = "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$eZOfJc9CjlwVM9oXMI7seQ$HL48iwb+iM3jsHhsk0pGqWVvyXDEWpEWjmnpYbLikvc";

#[test]
fn foreign_hashes() {
    for (password, stored) in FOREIGN {
        assert_eq!(verify(stored, password.as_bytes()), Ok(OK_BUT_OLD), "{stored}");
        assert_eq!(verify(stored, b"wrong"), Ok(WRONG), "{stored}");
        assert_eq!(check_form(stored), Ok(()));
    }
    assert_eq!(verify(STRONG, b"secret"), Ok(OK));
    assert_eq!(verify(STRONG, b"Secret"), Ok(WRONG));
}

#[test]
fn long_passwords() {
    let long = "x".repeat(200);
    let cases = [
        "$1$longpass$IxqqakxD62sMcdfRzl4NA.",
        "$5$rounds=1000$longpassword$k/BFJ8KPNnPGGPotcYxB4VwrFa2oc6kiOmivOik2sY8",
        "$6$rounds=1000$longpassword$9Rqm6099Fs/0427ZBDN/3k6e1Qp9Kpmo.1DaLh7QTcOWVzbPTydoXS9EJZG5/o/tCXjJQfoYYxvXQyIwPlr.01",
        // bcrypt looks at 72 bytes only; this one was made of 100.
        "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i",
    ];
    for stored in cases {
        assert_eq!(verify(stored, long.as_bytes()), Ok(OK_BUT_OLD), "{stored}");
    }
}

#[test]
fn unacceptable_passwords_never_match() {
    // "a" and nothing would do for crypt(3), which stops at NUL.
    for password in [&b""[..], b"a\0", b"\0a", &[b'x'; PASSWORD_LEN_MAX_BYTES + 1]] {
        assert_eq!(verify("$1$$Ij31LCAysPM23KuPlm1wA/", password), Ok(WRONG));
    }
}

#[test]
fn our_own() {
    let stored = hash_argon2id(b"correct horse", [7; 16]);
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{stored}");
    assert_eq!(verify(&stored, b"correct horse"), Ok(OK));
    assert_eq!(verify(&stored, b"correct  horse"), Ok(WRONG));
    assert_ne!(stored, hash_argon2id(b"correct horse", [8; 16]));
}

#[test]
fn spellings_of_a_password_are_one() {
    let composed = hash_argon2id("pässword".as_bytes(), [1; 16]);
    assert_eq!(verify(&composed, "pa\u{308}ssword".as_bytes()), Ok(OK));
    let decomposed = hash_argon2id("pa\u{308}ssword".as_bytes(), [1; 16]);
    assert_eq!(decomposed, composed);
    assert_eq!(
        verify("$1$umlaut$jUOFp8uNME95I6.eSGTRf1", "pa\u{308}sswo\u{308}rd".as_bytes()),
        Ok(OK_BUT_OLD)
    );
}

#[test]
fn weaker_argon2_is_rehashed() {
    let weak =
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let Stored::Argon2(hash) = Stored::parse(weak).unwrap() else { panic!() };
    assert!(!hash.is_strong());
    let Stored::Argon2(hash) = Stored::parse(DUMMY).unwrap() else { panic!() };
    assert!(hash.is_strong());
}

#[test]
fn nobody_is_let_in_as_nobody() {
    assert_eq!(check_form(DUMMY), Ok(()));
    assert_eq!(verify_dummy(b"secret"), WRONG);
    let parameters = |stored: &str| stored.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(parameters(DUMMY), parameters(&hash_argon2id(b"x", [0; 16])), "as costly as a real one");
}

#[test]
fn costs_are_limited() {
    let sha = "L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/";
    let argon = "c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG";
    let blowfish = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let over = [
        (format!("$5$rounds=999999999$posthouse${sha}"), SHA_CRYPT_ROUNDS_MAX),
        (format!("$5$rounds=1000001$posthouse${sha}"), SHA_CRYPT_ROUNDS_MAX),
        (format!("$5$rounds=99999999999999999999$posthouse${sha}"), SHA_CRYPT_ROUNDS_MAX),
        (format!("$2b$15${blowfish}"), BCRYPT_COST_MAX),
        (format!("$2b$31${blowfish}"), BCRYPT_COST_MAX),
        (format!("$argon2id$v=19$m=262145,t=1,p=1${argon}"), ARGON2_MEMORY_MAX_KIB),
        (format!("$argon2id$v=19$m=4294967295,t=1,p=1${argon}"), ARGON2_MEMORY_MAX_KIB),
        (format!("$argon2id$v=19$m=1024,t=33,p=1${argon}"), ARGON2_PASSES_MAX),
        (format!("$argon2id$v=19$m=1024,t=1,p=17${argon}"), ARGON2_LANES_MAX),
        (format!("$argon2id$v=19$m=262144,t=5,p=1${argon}"), ARGON2_WORK_MAX_KIB),
    ];
    for (stored, expected) in over {
        match check_form(&stored) {
            Err(UnsupportedHash::TooCostly { limit, .. }) => assert_eq!(limit, expected, "{stored}"),
            other => panic!("{stored}: {other:?}"),
        }
        assert!(verify(&stored, b"secret").is_err());
    }
    let at_limit = [
        format!("$5$rounds=1000000$posthouse${sha}"),
        format!("$2b$14${blowfish}"),
        format!("$argon2id$v=19$m=262144,t=4,p=16${argon}"),
    ];
    for stored in at_limit {
        assert_eq!(check_form(&stored), Ok(()), "{stored}");
    }
}

#[test]
fn what_is_refused() {
    use UnsupportedHash::*;
    let cases = [
        ("", Unknown),
        ("secret", Unknown),
        ("$", Unknown),
        ("$5", Unknown),
        ("$3$x$y", Unknown),
        ("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Unknown),
        ("!$6$salt$hash", Unknown),
        ("*", Unknown),
        ("{MD5}xyz", Unknown),
        ("{PLAIN", Unknown),
        ("{PLAIN}secret", Cleartext),
        ("{cleartext}secret", Cleartext),
        ("{CRYPT}secret", Unknown),
        ("$y$j9T$abcdefgh$IUWJt2doU4Kf6E/JP1UkAT3S5O3Q7SSA8SJirXIlEu9", Yescrypt),
        ("$5$$", Malformed),
        ("$5$salt", Malformed),
        ("$5$salt$short", Malformed),
        ("$5$rounds=$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$5$rounds=0$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$5$rounds=999$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$5$rounds=-1$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$5$rounds=+1000$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$5$salt$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9=", Malformed),
        ("$5$seventeenletters!$L3wvMhnPP8S42i.B7CLXSmPbShIsCfdlZCVu7iG.c9/", Malformed),
        ("$1$ninechars$8U6AnxwUhQVtmeqzwLE4y.", Malformed),
        ("$1$posthous$8U6AnxwUhQVtmeqzwLE4y", Malformed),
        ("$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Malformed),
        ("$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Malformed),
        ("$2a$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Malformed),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeé", Malformed),
        ("$argon2id$v=18$m=1024,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", Malformed),
        ("$argon2id$v=19$m=1024,t=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", Malformed),
        ("$argon2id$v=19$m=1024,t=0,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", Malformed),
        ("$argon2id$v=19$m=7,t=1,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", Malformed),
        ("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$AAAA", Malformed),
        ("$argon2id$v=19$m=1024,t=1,p=1,keyid=AA$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG", Malformed),
        ("{SSHA256}yeFf1Oepmh+6oB3my8JW5zb2bueklAnPJQWNYgLbZkg=", Malformed),
        ("{SSHA256}????", Malformed),
        ("{SCRAM-SHA-256}4096,efZB8pcFV0ZAeH2Vd0U+Vw==", Malformed),
        ("SCRAM-SHA-256$1:AAAA$x:y", Malformed),
    ];
    for (stored, expected) in cases {
        assert_eq!(check_form(stored), Err(expected), "{stored}");
        assert_eq!(verify(stored, b"secret"), Err(expected), "{stored}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (_, stored) in FOREIGN {
        for end in (0..stored.len()).filter(|&end| stored.is_char_boundary(end)) {
            let short = &stored[..end];
            // Where a salt or a hash of free length stands last, what is left may be a valid form.
            let free_length =
                short.starts_with("{SSHA") || short.starts_with("{ssha") || short.contains("argon2");
            assert!(free_length || check_form(short).is_err(), "{short}");
        }
    }
}

#[test]
fn hashes_are_not_printed() {
    for (_, stored) in FOREIGN {
        let shown = format!("{:?}", Stored::parse(stored).unwrap());
        let tail = &stored[stored.len() - 8..];
        assert!(!shown.contains(tail) && shown.len() < 80, "{shown}");
    }
}

proptest! {
    #[test]
    fn any_text_is_looked_at_without_panic(text in "(\\{[A-Z0-9-]{0,8}\\})?(\\$(5|6|1|2b|argon2id)\\$)?[ -~é]{0,80}") {
        let _ = check_form(&text);
    }

    #[test]
    fn md5_crypt_of_any_password(password in proptest::collection::vec(1u8..=255, 1..100)) {
        let stored = Stored::parse("$1$posthous$8U6AnxwUhQVtmeqzwLE4y.").unwrap();
        prop_assert_eq!(stored.matches(&password), password == b"secret");
    }
}
