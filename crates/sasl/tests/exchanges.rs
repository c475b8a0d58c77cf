//! Whole exchanges through the public interface: the published vectors, both ends against each
//! other, and what a hostile client may send.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use proptest::prelude::*;
use sasl::client::{self, Binding, Credentials, Mismatch, ServerFault};
use sasl::limits::{PASSWORD_LEN_MAX_BYTES, SCRAM_ITERATIONS_DEFAULT, USER_LEN_MAX_BYTES};
use sasl::{
    ChannelBinding, ClientNonce, Exchange, Failure, Malformed, Mechanism, NotOffered, Offer, PendingScram,
    Refusal, ScramSecret, Secret, ServerNonce, Step, response,
};

const MATERIAL: [u8; 32] = [0x5a; 32];

/// RFC 7677 §3: user "user", password "pencil".
const RFC_CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const RFC_SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const RFC_CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const RFC_SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const RFC_CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const RFC_SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
const RFC_SECRET: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

fn rfc_secret() -> ScramSecret {
    let salt = b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
    ScramSecret::derive(b"pencil", salt, 4096).unwrap()
}

fn exporter() -> ChannelBinding {
    ChannelBinding::TlsExporter([0x42; 32])
}

fn end_point() -> ChannelBinding {
    ChannelBinding::TlsServerEndPoint(vec![0x17; 48])
}

fn tls() -> Offer {
    Offer { tls: true, ..Offer::default() }
}

fn tls_with_bindings() -> Offer {
    Offer { tls: true, bindings: vec![exporter(), end_point()], ..Offer::default() }
}

fn start(offer: &Offer, mechanism: Mechanism, initial: &[u8]) -> Step {
    let nonce = ServerNonce::from_text(RFC_SERVER_NONCE).unwrap();
    Exchange::start(offer, mechanism, nonce, Some(initial)).unwrap()
}

fn failure(step: Step) -> Failure {
    match step {
        Step::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn challenge(step: Step) -> (Exchange, String) {
    match step {
        Step::Challenge(exchange, bytes) => (exchange, String::from_utf8(bytes).unwrap()),
        other => panic!("expected a challenge, got {other:?}"),
    }
}

fn need_scram(step: Step) -> PendingScram {
    match step {
        Step::NeedScram(pending) => pending,
        other => panic!("expected a look-up, got {other:?}"),
    }
}

fn malformed(what: Malformed) -> Failure {
    Failure::Malformed(what)
}

fn refused(why: Refusal) -> Failure {
    Failure::Refused(why)
}

#[test]
fn rfc_7677_server() {
    let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
    assert_eq!(pending.user(), "user");
    let (exchange, server_first) = challenge(pending.resume(rfc_secret()));
    assert_eq!(server_first, RFC_SERVER_FIRST);
    let (exchange, server_final) = challenge(exchange.answer(RFC_CLIENT_FINAL.as_bytes()));
    assert_eq!(server_final, RFC_SERVER_FINAL);
    assert!(matches!(exchange.answer(b""), Step::Done { user } if user == "user"));
}

#[test]
fn rfc_7677_client() {
    let credentials = Credentials::new("user", Secret::from("pencil")).unwrap();
    let nonce = ClientNonce::from_text(RFC_CLIENT_NONCE).unwrap();
    let (client, first) =
        client::Exchange::start(Mechanism::ScramSha256, credentials, nonce, &Binding::Cannot).unwrap();
    assert!(first.unwrap().same(RFC_CLIENT_FIRST.as_bytes()));
    let (client, last) = client.answer(RFC_SERVER_FIRST.as_bytes()).unwrap();
    assert!(last.same(RFC_CLIENT_FINAL.as_bytes()));
    let (client, empty) = client.answer(RFC_SERVER_FINAL.as_bytes()).unwrap();
    assert!(empty.expose().is_empty());
    client.succeed().unwrap();
}

#[test]
fn secret_text() {
    assert_eq!(rfc_secret().to_text(), RFC_SECRET);
    let parsed: ScramSecret = RFC_SECRET.parse().unwrap();
    assert_eq!(parsed.to_text(), RFC_SECRET);
    assert!(parsed.verify(b"pencil") && !parsed.verify(b"Pencil"));
    assert_eq!(format!("{parsed:?}"), "ScramSecret { iterations: 4096, .. }");
    for end in 0..RFC_SECRET.len() {
        assert!(RFC_SECRET[..end].parse::<ScramSecret>().is_err(), "{}", &RFC_SECRET[..end]);
    }
    for (from, to) in [
        ("$4096:", "$4095:"),
        ("$4096:", "$04096:"),
        ("$4096:", "$+4096:"),
        ("$4096:", "$1000001:"),
        ("$4096:", "$99999999999:"),
        ("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
        ("-256", "-1"),
        ("WG5d", "WG5dAAAA"),
    ] {
        assert!(RFC_SECRET.replace(from, to).parse::<ScramSecret>().is_err(), "{to}");
    }
    assert!(ScramSecret::derive(b"x", &[0; 16], 4095).is_err());
    assert!(ScramSecret::derive(b"x", &[], 4096).is_err());
    assert!(ScramSecret::derive(b"x", &[0; 65], 4096).is_err());
}

#[test]
fn unknown_users_look_like_known_ones() {
    let ask = |name: &str| {
        let first = format!("n,,n={name},r=abc");
        let pending = need_scram(start(&tls(), Mechanism::ScramSha256, first.as_bytes()));
        challenge(pending.resume_unknown(&MATERIAL))
    };
    let (exchange, first) = ask("nobody");
    let (_, again) = ask("nobody");
    let (_, other) = ask("nemo");
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.ends_with(&format!(",i={SCRAM_ITERATIONS_DEFAULT}")));
    let salt = first.split(",s=").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(response::decode_line(salt.as_bytes()).unwrap().expose().len(), 16);
    let proof = "A".repeat(43) + "=";
    let last = format!("c=biws,r=abc{RFC_SERVER_NONCE},p={proof}");
    assert_eq!(failure(exchange.answer(last.as_bytes())), refused(Refusal::Credentials));
}

#[test]
fn a_made_up_secret_never_lets_in() {
    // Even the right proof for the secret does not help when the outside said "no such user".
    let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
    let (exchange, _) = challenge(pending.resume_unknown(&MATERIAL));
    assert_eq!(failure(exchange.answer(RFC_CLIENT_FINAL.as_bytes())), refused(Refusal::Credentials));
    assert!(!ScramSecret::fake("user", &MATERIAL).verify(b"pencil"));
    assert_ne!(ScramSecret::fake("user", &MATERIAL).salt(), ScramSecret::fake("user", &[0; 32]).salt());
}

#[test]
fn malformed_plain() {
    let long_user = [b"\0", &[b'u'; USER_LEN_MAX_BYTES + 1][..], b"\0p"].concat();
    let long_password = [b"\0u\0", &[b'p'; PASSWORD_LEN_MAX_BYTES + 1][..]].concat();
    let cases: &[(&[u8], Failure)] = &[
        (b"", malformed(Malformed::Fields)),
        (b"user", malformed(Malformed::Fields)),
        (b"\0user", malformed(Malformed::Fields)),
        (b"\0user\0pass\0", malformed(Malformed::Fields)),
        (b"\0user\0pa\0ss", malformed(Malformed::Fields)),
        (b"\0\0pass", malformed(Malformed::User)),
        (b"\0us\ner\0pass", malformed(Malformed::User)),
        (b"\0user\0", malformed(Malformed::Password)),
        (b"\0\xff\0pass", malformed(Malformed::Utf8)),
        (b"\xff\0user\0pass", malformed(Malformed::Utf8)),
        (b"admin\0user\0pass", refused(Refusal::Authorization)),
        (b"user2\0user\0pass", refused(Refusal::Authorization)),
        (b"\x07\0user\0pass", malformed(Malformed::User)),
        (&long_user, malformed(Malformed::User)),
        (&long_password, malformed(Malformed::Password)),
    ];
    for (message, expected) in cases {
        let name = String::from_utf8_lossy(message);
        assert_eq!(failure(start(&tls(), Mechanism::Plain, message)), *expected, "{name:?}");
    }
}

#[test]
fn plain_as_oneself() {
    for message in
        [&b"\0user\0pass"[..], b"user\0user\0pass", b"User\0user\0pass", "\0us\u{ad}er\0pass".as_bytes()]
    {
        let Step::NeedVerify(pending) = start(&tls(), Mechanism::Plain, message) else { panic!() };
        assert_eq!(pending.user(), "user");
        assert!(pending.password().same(b"pass"));
        assert!(!format!("{pending:?}").contains("pass\""), "{pending:?}");
        assert!(matches!(pending.resume(true), Step::Done { user } if user == "user"));
    }
    let Step::NeedVerify(pending) = start(&tls(), Mechanism::Plain, b"\0user\0pass") else { panic!() };
    assert_eq!(failure(pending.resume(false)), refused(Refusal::Credentials));
}

#[test]
fn every_truncation_of_plain() {
    let whole = b"user\0user\0p";
    for end in 0..whole.len() {
        assert!(matches!(failure(start(&tls(), Mechanism::Plain, &whole[..end])), Failure::Malformed(_)));
    }
}

#[test]
fn without_initial_response_the_client_is_asked_to_speak() {
    for (mechanism, expected) in
        [(Mechanism::Plain, ""), (Mechanism::ScramSha256, ""), (Mechanism::ScramSha256Plus, "")]
    {
        let nonce = ServerNonce::from_random([1; 18]);
        let step = Exchange::start(&tls_with_bindings(), mechanism, nonce, None).unwrap();
        let (exchange, prompt) = challenge(step);
        assert_eq!(prompt, expected);
        assert_eq!(failure(exchange.answer_line(b"")), malformed(Malformed::Fields));
    }
}

#[test]
fn login() {
    let nonce = || ServerNonce::from_random([1; 18]);
    let (exchange, prompt) = challenge(Exchange::start(&tls(), Mechanism::Login, nonce(), None).unwrap());
    assert_eq!(response::encode(prompt.as_bytes()), "VXNlcm5hbWU6");
    let (exchange, prompt) = challenge(exchange.answer_line(b"dXNlcg=="));
    assert_eq!(response::encode(prompt.as_bytes()), "UGFzc3dvcmQ6");
    let Step::NeedVerify(pending) = exchange.answer_line(b"cGFzcw==") else { panic!() };
    assert!(pending.user() == "user" && pending.password().same(b"pass"));

    // With the name as the initial response, as some clients send it.
    let (exchange, prompt) = challenge(start(&tls(), Mechanism::Login, b"user"));
    assert_eq!(prompt, "Password:");
    assert_eq!(failure(exchange.answer(b"")), malformed(Malformed::Password));

    for (name, expected) in
        [(&b""[..], Malformed::User), (b"\xff", Malformed::Utf8), (b"a\0b", Malformed::User)]
    {
        assert_eq!(failure(start(&tls(), Mechanism::Login, name)), malformed(expected));
    }
}

#[test]
fn lines_on_the_wire() {
    for mechanism in Mechanism::ALL {
        let cases: [(&[u8], Failure); 3] = [
            (b"*", Failure::Cancelled),
            (b"!!!", malformed(Malformed::Base64)),
            (&[b'A'; 12_292], Failure::TooLong { limit_bytes: 12_288 }),
        ];
        for (line, expected) in cases {
            let nonce = ServerNonce::from_random([1; 18]);
            let step = Exchange::start(&tls_with_bindings(), mechanism, nonce, None).unwrap();
            assert_eq!(failure(challenge(step).0.answer_line(line)), expected, "{mechanism}");
        }
    }
    // SCRAM can also be cancelled at its last, empty answer.
    let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
    let (exchange, _) = challenge(pending.resume(rfc_secret()));
    let (exchange, _) = challenge(exchange.answer(RFC_CLIENT_FINAL.as_bytes()));
    assert_eq!(failure(exchange.answer_line(b"*")), Failure::Cancelled);
}

#[test]
fn the_last_answer_is_empty() {
    let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
    let (exchange, _) = challenge(pending.resume(rfc_secret()));
    let (exchange, _) = challenge(exchange.answer(RFC_CLIENT_FINAL.as_bytes()));
    assert_eq!(failure(exchange.answer(b"x")), malformed(Malformed::NotEmpty));
}

#[test]
fn mechanisms_that_were_not_offered() {
    let try_start = |offer: &Offer, mechanism| {
        Exchange::start(offer, mechanism, ServerNonce::from_random([1; 18]), None).map(|_| ())
    };
    for mechanism in Mechanism::ALL {
        assert_eq!(try_start(&Offer::default(), mechanism), Err(NotOffered::NeedsTls));
    }
    assert_eq!(try_start(&tls(), Mechanism::ScramSha256Plus), Err(NotOffered::Unsupported));
    let closed_network = Offer { allow_plaintext: true, ..Offer::default() };
    assert_eq!(try_start(&closed_network, Mechanism::Plain), Ok(()));
}

#[test]
fn malformed_client_first() {
    use Malformed::*;
    let long_nonce = format!("n,,n=user,r={}", "x".repeat(257));
    let long_user = format!("n,,n={},r=abc", "u".repeat(256));
    let cases: &[(&str, Failure)] = &[
        ("", malformed(Fields)),
        ("n", malformed(Fields)),
        ("n,", malformed(Fields)),
        ("n,,", malformed(Fields)),
        ("n,,n=user", malformed(Fields)),
        ("n,,r=abc,n=user", malformed(Fields)),
        ("n,,n=user,r=", malformed(Nonce)),
        ("n,,n=user,r=a b", malformed(Nonce)),
        ("n,,n=user,r=é", malformed(Nonce)),
        (&long_nonce, malformed(Nonce)),
        (&long_user, malformed(User)),
        ("n,,n=,r=abc", malformed(User)),
        ("n,,n=a=b,r=abc", malformed(User)),
        ("n,,n=a=2c,r=abc", malformed(User)),
        ("n,,n=a=,r=abc", malformed(User)),
        ("n,,n=a\0b,r=abc", malformed(User)),
        ("n,,n=a\nb,r=abc", malformed(User)),
        ("n,,m=ext,n=user,r=abc", malformed(Extension)),
        ("n,,n=user,m=ext,r=abc", malformed(Extension)),
        ("n,,n=user,r=abc,m=ext", malformed(Extension)),
        ("n,,n=user,r=abc,", malformed(Fields)),
        ("n,,n=user,r=abc,x", malformed(Fields)),
        ("n,,n=user,r=abc,x=", malformed(Fields)),
        ("n,,n=user,r=abc,1=x", malformed(Fields)),
        ("N,,n=user,r=abc", malformed(Fields)),
        ("x,,n=user,r=abc", malformed(Fields)),
        ("nn,,n=user,r=abc", malformed(Fields)),
        ("F,n,,n=user,r=abc", malformed(Fields)),
        ("n,user,n=user,r=abc", malformed(Fields)),
        ("n,a=,n=user,r=abc", malformed(User)),
        ("n,a=a=b,n=user,r=abc", malformed(User)),
        ("n,a=admin,n=user,r=abc", refused(Refusal::Authorization)),
        ("p=,,n=user,r=abc", malformed(Fields)),
        ("p=tls exporter,,n=user,r=abc", malformed(Fields)),
        ("p=tls-exporter,,n=user,r=abc", malformed(Fields)),
    ];
    for (message, expected) in cases {
        assert_eq!(
            failure(start(&tls(), Mechanism::ScramSha256, message.as_bytes())),
            *expected,
            "{message:?}"
        );
    }
    assert_eq!(failure(start(&tls(), Mechanism::ScramSha256, b"n,,n=\xff,r=abc")), malformed(Utf8));
}

#[test]
fn names_in_client_first() {
    for (message, user) in [
        ("n,,n=user,r=abc", "user"),
        ("y,,n=user,r=abc", "user"),
        ("n,a=user,n=user,r=abc", "user"),
        ("n,a=USER,n=user,r=abc", "user"),
        ("n,,n=a=2Cb=3Dc,r=abc", "a,b=c"),
        ("n,,n==3D2C,r=abc", "=2C"),
        ("n,,n=u\u{308},r=abc", "ü"),
        ("n,,n=user,r=abc,x=later,Y=y", "user"),
    ] {
        let pending = need_scram(start(&tls(), Mechanism::ScramSha256, message.as_bytes()));
        assert_eq!(pending.user(), user, "{message}");
    }
}

#[test]
fn channel_binding_flags() {
    use Mechanism::*;
    let cases = [
        // RFC 5802 §6: "y" where -PLUS was offered is a downgrade.
        (ScramSha256, "y", Some(refused(Refusal::Downgrade))),
        (ScramSha256Plus, "y", Some(refused(Refusal::Downgrade))),
        (ScramSha256, "n", None),
        (ScramSha256Plus, "n", Some(malformed(Malformed::Fields))),
        (ScramSha256, "p=tls-exporter", Some(malformed(Malformed::Fields))),
        (ScramSha256Plus, "p=tls-exporter", None),
        (ScramSha256Plus, "p=tls-server-end-point", None),
        (ScramSha256Plus, "p=tls-unique", Some(refused(Refusal::ChannelBinding))),
        (ScramSha256Plus, "p=TLS-EXPORTER", Some(refused(Refusal::ChannelBinding))),
    ];
    for (mechanism, flag, expected) in cases {
        let step = start(&tls_with_bindings(), mechanism, format!("{flag},,n=user,r=abc").as_bytes());
        match expected {
            Some(expected) => assert_eq!(failure(step), expected, "{mechanism} {flag}"),
            None => assert_eq!(need_scram(step).user(), "user"),
        }
    }
}

#[test]
fn malformed_client_final() {
    use Malformed::*;
    let good_proof = RFC_CLIENT_FINAL.rsplit_once(",p=").unwrap().1;
    let n = format!("{RFC_CLIENT_NONCE}{RFC_SERVER_NONCE}");
    let cases: Vec<(String, Failure)> = vec![
        (String::new(), malformed(Fields)),
        ("c=biws".into(), malformed(Fields)),
        (format!("c=biws,r={n}"), malformed(Fields)),
        (format!("c=biws,p={good_proof}"), malformed(Fields)),
        (format!("r={n},c=biws,p={good_proof}"), malformed(Fields)),
        (format!("c=biws,r={n},p="), malformed(Fields)),
        (format!("c=biws,r={n},p=AAAA"), malformed(Fields)),
        (format!("c=biws,r={n},p={good_proof},x=y"), malformed(Fields)),
        (format!("c=biws,r={n},p=!!!!"), malformed(Base64)),
        (format!("c=biw,r={n},p={good_proof}"), malformed(Base64)),
        (format!("c=biws,r={n},m=x,p={good_proof}"), malformed(Extension)),
        (format!("m=x,c=biws,r={n},p={good_proof}"), malformed(Extension)),
        (format!("c=biws,r=,p={good_proof}"), malformed(Nonce)),
        (format!("c=biws,r={RFC_CLIENT_NONCE},p={good_proof}"), refused(Refusal::Nonce)),
        (format!("c=biws,r={n}x,p={good_proof}"), refused(Refusal::Nonce)),
        (format!("c=,r={n},p={good_proof}"), refused(Refusal::ChannelBinding)),
        // "y,,": the header of the first message has to be repeated as it was.
        (format!("c=eSws,r={n},p={good_proof}"), refused(Refusal::ChannelBinding)),
        (format!("c=biws,r={n},p={}=", "A".repeat(43)), refused(Refusal::Credentials)),
        // An extension that was not under the proof.
        (format!("c=biws,r={n},x=y,p={good_proof}"), refused(Refusal::Credentials)),
    ];
    for (message, expected) in cases {
        let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
        let (exchange, _) = challenge(pending.resume(rfc_secret()));
        assert_eq!(failure(exchange.answer(message.as_bytes())), expected, "{message}");
    }
}

#[test]
fn every_truncation_of_scram() {
    // Whatever is left of the nonce is one; all that is before is not a message.
    let nonce_at = RFC_CLIENT_FIRST.find("r=").unwrap() + 2;
    for end in 0..RFC_CLIENT_FIRST.len() {
        let step = start(&tls(), Mechanism::ScramSha256, &RFC_CLIENT_FIRST.as_bytes()[..end]);
        assert_eq!(matches!(step, Step::NeedScram(_)), end > nonce_at, "{end}");
    }
    for end in 0..RFC_CLIENT_FINAL.len() {
        let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
        let (exchange, _) = challenge(pending.resume(rfc_secret()));
        let failure = failure(exchange.answer(&RFC_CLIENT_FINAL.as_bytes()[..end]));
        assert!(matches!(failure, Failure::Malformed(_)), "{end}: {failure}");
    }
}

fn scram_client() -> client::Exchange {
    let credentials = Credentials::new("user", Secret::from("pencil")).unwrap();
    let nonce = ClientNonce::from_text(RFC_CLIENT_NONCE).unwrap();
    client::Exchange::start(Mechanism::ScramSha256, credentials, nonce, &Binding::Cannot).unwrap().0
}

#[test]
fn hostile_servers() {
    let malformed = |what| ServerFault::Malformed(what);
    let replaced = |from: &str, to: &str| RFC_SERVER_FIRST.replace(from, to);
    let cases = [
        (replaced("r=rOpr", "r=xOpr"), ServerFault::Nonce),
        (replaced(RFC_SERVER_NONCE, ""), ServerFault::Nonce),
        (replaced("i=4096", "i=4095"), malformed(Malformed::Fields)),
        (replaced("i=4096", "i=1000001"), malformed(Malformed::Fields)),
        (replaced("i=4096", "i=0"), malformed(Malformed::Fields)),
        (replaced("i=4096", "i=4096,m=x"), malformed(Malformed::Extension)),
        (replaced("W22ZaJ0SNY7soEsUEjb6gQ==", ""), malformed(Malformed::Fields)),
        (replaced("W22ZaJ0SNY7soEsUEjb6gQ==", "?"), malformed(Malformed::Base64)),
        (String::new(), malformed(Malformed::Fields)),
        ("e=unknown-user".to_owned(), malformed(Malformed::Fields)),
    ];
    for (message, expected) in cases {
        assert_eq!(scram_client().answer(message.as_bytes()).unwrap_err(), expected, "{message}");
    }
    let zeros = format!("v={}=", "A".repeat(43));
    let finals = [
        ("e=invalid-proof", ServerFault::Refused),
        ("v=AAAA", malformed(Malformed::Fields)),
        ("", malformed(Malformed::Fields)),
        (&zeros, ServerFault::NotProven),
    ];
    for (message, expected) in finals {
        let (client, _) = scram_client().answer(RFC_SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(client.answer(message.as_bytes()).unwrap_err(), expected, "{message}");
    }
    // A success without the server's proof is none.
    assert_eq!(scram_client().succeed(), Err(ServerFault::NotProven));
    let (client, _) = scram_client().answer(RFC_SERVER_FIRST.as_bytes()).unwrap();
    assert_eq!(client.succeed(), Err(ServerFault::NotProven));
}

#[test]
fn clients_refuse_bindings_that_do_not_fit() {
    let try_start = |mechanism, binding: &Binding| {
        let credentials = Credentials::new("user", Secret::from("pencil")).unwrap();
        client::Exchange::start(mechanism, credentials, ClientNonce::from_random([1; 18]), binding)
            .map(|_| ())
    };
    assert_eq!(try_start(Mechanism::ScramSha256Plus, &Binding::Cannot), Err(Mismatch));
    assert_eq!(try_start(Mechanism::ScramSha256, &Binding::Use(exporter())), Err(Mismatch));
    assert_eq!(try_start(Mechanism::Plain, &Binding::Use(exporter())), Ok(()));
    assert_eq!(Credentials::new("", Secret::from("x")).unwrap_err(), Malformed::User);
    assert_eq!(Credentials::new("u", Secret::from("")).unwrap_err(), Malformed::Password);
    assert_eq!(Credentials::new("u", Secret::from("a\0")).unwrap_err(), Malformed::Password);
}

/// What the server knows: one user.
struct Account<'a> {
    user: &'a str,
    password: &'a [u8],
}

/// Runs both ends over base64 lines until the server is done.
fn run(
    offer: &Offer,
    mechanism: Mechanism,
    account: &Account<'_>,
    credentials: Credentials,
    binding: &Binding,
) -> Result<String, Failure> {
    let (client, initial) =
        client::Exchange::start(mechanism, credentials, ClientNonce::from_random([3; 18]), binding).unwrap();
    let initial =
        initial.map(|i| response::decode_initial(response::encode_initial(i.expose()).as_bytes()).unwrap());
    let nonce = ServerNonce::from_random([9; 18]);
    let mut step = Exchange::start(offer, mechanism, nonce, initial.as_ref().map(Secret::expose)).unwrap();
    let mut client = Some(client);
    loop {
        step = match step {
            Step::Challenge(exchange, challenge) => {
                let (next, answer) = client.take().unwrap().answer(&challenge).unwrap();
                client = Some(next);
                exchange.answer_line(response::encode(answer.expose()).as_bytes())
            }
            Step::NeedVerify(pending) => {
                let matches = pending.user() == account.user && pending.password().same(account.password);
                pending.resume(matches)
            }
            Step::NeedScram(pending) if pending.user() == account.user => {
                pending.resume(ScramSecret::derive(account.password, &[1; 16], 4096).unwrap())
            }
            Step::NeedScram(pending) => pending.resume_unknown(&MATERIAL),
            Step::Done { user } => {
                client.unwrap().succeed().unwrap();
                return Ok(user);
            }
            Step::Failed(failure) => return Err(failure),
        }
    }
}

fn bindings_for(mechanism: Mechanism) -> Vec<Binding> {
    match mechanism {
        Mechanism::ScramSha256Plus => vec![Binding::Use(exporter()), Binding::Use(end_point())],
        _ => vec![Binding::Cannot],
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.=,@äß日-]{1,40}".prop_filter_map("a name", |n| sasl::prepare::user(&n).ok())
}

fn secret_text_of_a_password() -> impl Strategy<Value = String> {
    "[^\0]{1,40}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn right_password_is_let_in(user in name(), password in secret_text_of_a_password()) {
        let account = Account { user: &user, password: password.as_bytes() };
        for mechanism in Mechanism::ALL {
            for binding in bindings_for(mechanism) {
                let credentials = Credentials::new(&user, Secret::from(password.as_str())).unwrap();
                let result = run(&tls_with_bindings(), mechanism, &account, credentials, &binding);
                prop_assert_eq!(result, Ok(user.clone()), "{}", mechanism);
            }
        }
    }

    #[test]
    fn wrong_password_or_user_is_not(user in name(), other in name(), password in "[a-z]{1,9}", wrong in "[A-Z]{1,9}") {
        prop_assume!(user != other);
        let account = Account { user: &user, password: password.as_bytes() };
        for mechanism in Mechanism::ALL {
            let binding = bindings_for(mechanism).remove(0);
            for (name, secret) in [(&user, &wrong), (&other, &password)] {
                let credentials = Credentials::new(name, Secret::from(secret.as_str())).unwrap();
                let result = run(&tls_with_bindings(), mechanism, &account, credentials, &binding);
                prop_assert_eq!(result, Err(refused(Refusal::Credentials)), "{}", mechanism);
            }
        }
    }

    #[test]
    fn another_channel_is_noticed(data: [u8; 32]) {
        prop_assume!(ChannelBinding::TlsExporter(data) != exporter());
        let account = Account { user: "user", password: b"pencil" };
        let credentials = Credentials::new("user", Secret::from("pencil")).unwrap();
        let binding = Binding::Use(ChannelBinding::TlsExporter(data));
        let result = run(&tls_with_bindings(), Mechanism::ScramSha256Plus, &account, credentials, &binding);
        prop_assert_eq!(result, Err(refused(Refusal::ChannelBinding)));
    }

    #[test]
    fn any_bytes_are_looked_at_without_panic(first: Vec<u8>, text in "[np=y,anrm=2C3D\0-z]{0,60}", last: Vec<u8>) {
        for mechanism in Mechanism::ALL {
            for message in [&first[..], text.as_bytes()] {
                if let Step::NeedScram(pending) = start(&tls_with_bindings(), mechanism, message) {
                    let (exchange, _) = challenge(pending.resume_unknown(&MATERIAL));
                    let _ = exchange.answer(&last);
                }
            }
        }
        let pending = need_scram(start(&tls(), Mechanism::ScramSha256, RFC_CLIENT_FIRST.as_bytes()));
        let (exchange, _) = challenge(pending.resume(rfc_secret()));
        prop_assert!(matches!(exchange.answer(&last), Step::Failed(_)));
        prop_assert!(scram_client().answer(&last).is_err());
        prop_assert!(scram_client().answer(text.as_bytes()).is_err());
    }

    #[test]
    fn secrets_print_and_parse(password: Vec<u8>, salt in proptest::collection::vec(any::<u8>(), 1..65), iterations in 4096u32..4200) {
        let secret = ScramSecret::derive(&password, &salt, iterations).unwrap();
        let again: ScramSecret = secret.to_text().parse().unwrap();
        prop_assert_eq!(again.to_text(), secret.to_text());
        prop_assert_eq!(again.salt(), &salt[..]);
        prop_assert_eq!(again.iterations(), iterations);
    }
}
