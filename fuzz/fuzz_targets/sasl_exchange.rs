//! The server's side of every mechanism: with any answers nobody gets in without the password, and
//! with our own client on the other end, whose messages are changed under way, SCRAM ends well only
//! if none was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sasl::client::{self, Binding, Credentials};
use sasl::{ChannelBinding, ClientNonce, Exchange, Mechanism, Offer, ScramSecret, Secret, ServerNonce, Step};
use std::sync::LazyLock;

/// Steps of any exchange: more than any mechanism has.
const STEPS_MAX: usize = 10;

static SECRET: LazyLock<ScramSecret> =
    LazyLock::new(|| ScramSecret::derive(b"secret", &[9; 16], 4096).expect("within the limits"));

/// Mechanism and offer; a name and a password; what is changed; and answers of a client that has none
/// of ours.
type Script = (u8, String, String, Vec<(u8, u8)>, Option<Vec<Vec<u8>>>);

fuzz_target!(|input: Script| {
    let (choice, user, password, changes, answers) = input;
    let mechanism = Mechanism::ALL[usize::from(choice % 4)];
    let offer = offer(choice);
    // Our client spends milliseconds on a proof: it comes seldom, so that strangers come often.
    match answers {
        None if choice >= 224 => client(&offer, mechanism, (&user, &password), &changes),
        answers => stranger(&offer, mechanism, &answers.unwrap_or_default()),
    }
});

fn offer(choice: u8) -> Offer {
    let bindings = if choice & 4 != 0 { vec![ChannelBinding::TlsExporter([3; 32])] } else { Vec::new() };
    Offer { tls: choice & 8 != 0, bindings, allow_plaintext: choice & 16 != 0 }
}

fn nonce() -> ServerNonce {
    ServerNonce::from_random([9; 18])
}

/// Answers what the outside would; the second is whether the right password was given.
fn answered(step: Step) -> (Step, bool) {
    match step {
        Step::NeedVerify(pending) => {
            let matches = pending.password().same(b"secret");
            (pending.resume(matches), matches)
        }
        Step::NeedScram(pending) if pending.user() == "alice" => (pending.resume(SECRET.clone()), false),
        Step::NeedScram(pending) => (pending.resume_unknown(&[1; 32]), false),
        step => (step, false),
    }
}

/// The first of `answers` is the initial response, unless it is empty. Every other one comes as a
/// line.
fn stranger(offer: &Offer, mechanism: Mechanism, answers: &[Vec<u8>]) {
    let mut answers = answers.iter();
    let initial = answers.next().filter(|initial| !initial.is_empty());
    let Ok(mut step) = Exchange::start(offer, mechanism, nonce(), initial.map(Vec::as_slice)) else { return };
    let mut proved = false;
    for at in 0..STEPS_MAX {
        let (next, matches) = answered(step);
        proved |= matches;
        step = match next {
            Step::Challenge(exchange, _) => match answers.next() {
                Some(answer) if at % 2 == 1 => exchange.answer_line(answer),
                Some(answer) => exchange.answer(answer),
                None => return,
            },
            Step::Done { user } => {
                assert!(proved, "{user} got in without the password");
                assert!(!user.is_empty() && user.len() <= sasl::limits::USER_LEN_MAX_BYTES);
                return;
            }
            Step::Failed(_) => return,
            other => other,
        };
    }
    panic!("an exchange without end");
}

/// Changes a message; true if it is another one now.
fn changed(message: &mut [u8], changes: &mut impl Iterator<Item = (u8, u8)>) -> bool {
    let Some((at, mask)) = changes.next() else { return false };
    match message.get_mut(usize::from(at)) {
        Some(byte) => {
            *byte ^= mask;
            mask != 0
        }
        None => false,
    }
}

fn client(offer: &Offer, mechanism: Mechanism, (user, password): (&str, &str), changes: &[(u8, u8)]) {
    // Most names and passwords of the fuzzer's are wrong; empty ones stand for the right ones.
    let user = if user.is_empty() { "alice" } else { user };
    let password = if password.is_empty() { "secret" } else { password };
    let Ok(credentials) = Credentials::new(user, Secret::from(password)) else { return };
    let plus = mechanism == Mechanism::ScramSha256Plus;
    let binding = if plus { Binding::Use(ChannelBinding::TlsExporter([3; 32])) } else { Binding::Cannot };
    let nonce_of_client = ClientNonce::from_random([5; 18]);
    let (mut ours, initial) =
        client::Exchange::start(mechanism, credentials, nonce_of_client, &binding).expect("they fit");
    let mut changes = changes.iter().copied();
    let mut initial = initial.map(|initial| initial.expose().to_vec());
    let mut tampered = initial.as_mut().is_some_and(|initial| changed(initial, &mut changes));
    let Ok(mut step) = Exchange::start(offer, mechanism, nonce(), initial.as_deref()) else { return };
    for _ in 0..STEPS_MAX {
        step = match answered(step).0 {
            Step::Challenge(exchange, mut challenge) => {
                tampered |= changed(&mut challenge, &mut changes);
                let Ok((next, answer)) = ours.answer(&challenge) else {
                    let scram = !mechanism.reveals_password();
                    assert!(tampered || (scram && (user, password) != ("alice", "secret")) || !scram);
                    return;
                };
                ours = next;
                let mut answer = answer.expose().to_vec();
                tampered |= changed(&mut answer, &mut changes);
                exchange.answer(&answer)
            }
            Step::Done { user } => {
                assert!(!user.is_empty());
                let proved = ours.succeed().is_ok();
                assert!(
                    mechanism.reveals_password() || !(proved && tampered),
                    "a changed message was believed"
                );
                return;
            }
            Step::Failed(_) => {
                assert!(tampered || (user, password) != ("alice", "secret"), "our own client was refused");
                return;
            }
            other => other,
        };
    }
    panic!("an exchange without end");
}
