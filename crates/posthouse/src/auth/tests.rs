//! Logins by many at once, on an authenticator of its own.

use super::*;
use store::Settings;

/// What the budget bears of one address.
const FAILURES_BORNE: usize = 20;

struct Fixture {
    authenticator: Authenticator,
    _folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        url: "sqlite:test.db".into(),
        blobs: "file:blobs".into(),
        data_dir: folder.path().into(),
        readers: 4,
    };
    let store = Store::open(&settings).unwrap();
    let secret = credential(b"correct horse").unwrap();
    let added = store.write(move |tx| {
        tx.add_domain("example.org")?;
        tx.add_account("ann@example.org", &secret)?;
        tx.add_account("locked@example.org", &Credential { password: String::new(), scram: None })
    });
    added.await.unwrap();
    let authenticator = Authenticator::new(store, Clock::new(), folder.path()).unwrap();
    Fixture { authenticator, _folder: folder }
}

fn from(last: u8) -> Origin {
    Origin { address: IpAddr::from([192, 0, 2, last]), exempt: false, service: ServiceName::Imap }
}

/// The outcomes of logins that all begin at once.
async fn at_once(f: &Fixture, count: usize, user: &'static str, password: &'static [u8]) -> Vec<Checked> {
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..count {
        let authenticator = f.authenticator.clone();
        tries.spawn(async move { authenticator.check_password(from(1), user, password).await });
    }
    tries.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_limited_as_guesses_in_a_row_are() {
    let f = fixture().await;
    let outcomes = at_once(&f, 95, "ann@example.org", b"wrong").await;
    let wrong = outcomes.iter().filter(|outcome| **outcome == Checked::Wrong).count();
    let limited = outcomes.iter().filter(|outcome| **outcome == Checked::Limited).count();
    assert_eq!((wrong, limited), (FAILURES_BORNE, 95 - FAILURES_BORNE));
    let right = f.authenticator.check_password(from(1), "ann@example.org", b"correct horse").await;
    assert_eq!(right, Checked::Limited);
    let elsewhere = f.authenticator.check_password(from(2), "ann@example.org", b"correct horse").await;
    assert!(matches!(elsewhere, Checked::Right(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_all_get_in() {
    let f = fixture().await;
    let outcomes = at_once(&f, 95, "ann@example.org", b"correct horse").await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Checked::Right(_))), "{outcomes:?}");
    // And have cost nothing of the budget.
    let outcomes = at_once(&f, FAILURES_BORNE, "ann@example.org", b"wrong").await;
    assert!(outcomes.iter().all(|outcome| *outcome == Checked::Wrong), "{outcomes:?}");
}

#[tokio::test]
async fn a_login_that_is_given_up_counts_as_failed() {
    let f = fixture().await;
    for _ in 0..FAILURES_BORNE {
        let begun = f.authenticator.begin(from(1), "ann@example.org").await;
        drop(begun.unwrap_or_else(|_| panic!("still within the budget")));
    }
    let next = f.authenticator.check_password(from(1), "ann@example.org", b"correct horse").await;
    assert_eq!(next, Checked::Limited);
}

#[tokio::test]
async fn nothing_opens_a_locked_account() {
    let f = fixture().await;
    for password in [&b""[..], b"!", b"*", b"correct horse"] {
        let outcome = f.authenticator.check_password(from(1), "locked@example.org", password).await;
        assert_eq!(outcome, Checked::Wrong, "{password:?}");
    }
    let scram = f.authenticator.scram_secret(from(1), "locked@example.org").await;
    assert!(matches!(scram, Scram::Unknown(_)));
}

#[tokio::test]
async fn a_costly_hash_does_not_tell_that_the_name_exists() {
    let f = fixture().await;
    let inner = &f.authenticator.0;
    inner.pace.saw(Duration::from_millis(1011));
    let begun = inner.clock.now();
    let outcome = f.authenticator.check_password(from(1), "nobody@example.org", b"wrong").await;
    assert_eq!(outcome, Checked::Wrong);
    assert!(inner.clock.now().since(begun) >= Duration::from_millis(1500));
}
