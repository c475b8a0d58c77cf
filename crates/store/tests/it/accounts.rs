//! Domains, accounts, aliases, and where mail goes.

use store::{AccountId, Credential, Flags, Missing, Resolution, Store, StoreError};

use crate::{account, fill, inbox, write};

fn credential() -> Credential {
    Credential { password: "$argon2id$x".to_owned(), scram: Some("scram".to_owned()) }
}

/// The addresses of accounts that mail for `address` goes to, or how it ended.
fn targets(store: &Store, address: &str) -> Result<Vec<String>, Resolution> {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    match store.read_blocking(|view| view.resolve(local, domain)).unwrap() {
        Resolution::Local(list) => Ok(list.into_iter().map(|target| target.address).collect()),
        other => Err(other),
    }
}

pub fn domains_come_and_go(store: &Store) {
    write(store, |tx| tx.add_domain("Example.ORG."));
    write(store, |tx| tx.add_domain("müller.example"));
    let again = store.write_blocking(|tx| tx.add_domain("EXAMPLE.org"));
    assert_eq!(again, Err(StoreError::Exists("domain")));
    for again in ["müller.example", "xn--mller-kva.example", "MÜLLER.example."] {
        let again = store.write_blocking(move |tx| tx.add_domain(again));
        assert_eq!(again, Err(StoreError::Exists("domain")));
    }
    for bad in ["", "127.0.0.1", "example.7", "a..b", "a b", ".", "-\u{7}", &"x".repeat(64), "a@b"] {
        let bad = bad.to_owned();
        let refused = store.write_blocking(move |tx| tx.add_domain(&bad));
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let names = |store: &Store| -> Vec<String> {
        store.read_blocking(|view| view.domains()).unwrap().into_iter().map(|domain| domain.name).collect()
    };
    assert_eq!(names(store), ["example.org", "xn--mller-kva.example"]);
    let id = account(store, "ann");
    let used = store.write_blocking(|tx| tx.remove_domain("example.org"));
    assert_eq!(used, Err(StoreError::DomainInUse));
    write(store, move |tx| tx.remove_account(id));
    write(store, |tx| tx.remove_domain("example.org"));
    let missing = store.write_blocking(|tx| tx.remove_domain("example.org"));
    assert_eq!(missing, Err(StoreError::Missing(Missing::Domain)));
    assert_eq!(names(store), ["xn--mller-kva.example"]);
    write(store, |tx| tx.remove_domain("müller.example"));
    assert!(names(store).is_empty());
}

pub fn accounts_come_with_mailboxes(store: &Store) {
    let unknown = store.write_blocking(|tx| tx.add_account("ann@example.org", &credential()));
    assert_eq!(unknown, Err(StoreError::Missing(Missing::Domain)));
    write(store, |tx| tx.add_domain("example.org"));
    let id = write(store, |tx| tx.add_account("Ann@Example.org", &credential()));
    let again = store.write_blocking(|tx| tx.add_account("ann@example.org", &credential()));
    assert_eq!(again, Err(StoreError::Exists("address")));
    for routing in ["a%b@example.org", "a!b@example.org", "a@b@example.org"] {
        let refused = store.write_blocking(move |tx| tx.add_account(routing, &credential()));
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
        let refused = store.write_blocking(move |tx| tx.add_alias(routing, "ann@example.org"));
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let found = store.read_blocking(|view| view.account(id)).unwrap().unwrap();
    assert_eq!((found.address.as_str(), found.used_bytes, found.quota_bytes), ("ann@example.org", 0, None));
    assert_eq!(found.credential, credential());
    let boxes = store.read_blocking(|view| view.mailboxes(id)).unwrap();
    let list: Vec<_> =
        boxes.iter().map(|mailbox| (mailbox.name.as_str(), mailbox.special_use.is_some())).collect();
    let special = ["Archive", "Drafts", "Junk", "Sent", "Trash"];
    assert_eq!(
        list.iter().filter(|(_, special)| *special).map(|(name, _)| *name).collect::<Vec<_>>(),
        special
    );
    assert!(list.contains(&("INBOX", false)));
    assert_eq!(store.read_blocking(|view| view.subscriptions(id)).unwrap().len(), 6);
    let other = Credential { password: String::new(), scram: None };
    let set = other.clone();
    write(store, move |tx| tx.set_credential(id, &set));
    assert_eq!(store.read_blocking(|view| view.account(id)).unwrap().unwrap().credential, other);
}

pub fn accounts_go_with_everything(store: &Store) {
    let (ann, bob) = (account(store, "ann"), account(store, "bob"));
    fill(store, ann, inbox(store, ann), 5, Flags::NONE);
    fill(store, bob, inbox(store, bob), 5, Flags::NONE);
    write(store, move |tx| tx.remove_account(ann));
    assert_eq!(store.read_blocking(|view| view.accounts()).unwrap().len(), 1);
    assert_eq!(store.read_blocking(|view| view.mailboxes(ann)).unwrap(), []);
    let again = account(store, "ann");
    assert_ne!(again, ann, "numbers of accounts are not reused");
}

pub fn addresses_are_found_in_any_case(store: &Store) {
    let ann = account(store, "ann");
    let found = store.read_blocking(|view| view.account_by_address("ANN@example.ORG")).unwrap();
    assert_eq!(found.unwrap().id, ann);
    assert_eq!(targets(store, "Ann@EXAMPLE.org").unwrap(), ["ann@example.org"]);
    assert_eq!(targets(store, "ann@elsewhere.example"), Err(Resolution::NotLocal));
    assert_eq!(targets(store, "nobody@example.org"), Err(Resolution::NoSuchUser));
    let Resolution::Local(list) =
        store.read_blocking(|view| view.resolve("ann+News", "example.org")).unwrap()
    else {
        panic!("plus addressing leads to the account");
    };
    assert_eq!(list[0].mailbox_hint.as_deref(), Some("news"));
    the_hinted_mailbox_is_found_in_any_case(store, ann);
    addresses_are_found_in_any_form_of_their_domain(store);
}

fn the_hinted_mailbox_is_found_in_any_case(store: &Store, ann: AccountId) {
    let hint = |local: &str| {
        let local = local.to_owned();
        match store.read_blocking(move |view| view.resolve(&local, "example.org")).unwrap() {
            Resolution::Local(list) => list[0].mailbox_hint.clone().unwrap_or_default(),
            other => panic!("{other:?}"),
        }
    };
    for name in ["Work", "DoIt", "doit", "Büro"] {
        write(store, move |tx| tx.create_mailbox(ann, name, None));
    }
    write(store, |tx| tx.add_alias("a@example.org", "ann+Work@example.org"));
    for (local, expected) in [
        ("ann+Work", "Work"),
        ("ann+work", "Work"),
        ("ANN+WORK", "Work"),
        ("ann+doit", "doit"),
        ("ann+DoIt", "DoIt"),
        ("ann+DOIT", "DoIt"),
        ("ann+bu\u{308}ro", "Büro"),
        ("ann+inbox", "INBOX"),
        ("ann+None", "none"),
        ("ann", ""),
        ("a", "Work"),
        ("a+doit", "doit"),
    ] {
        assert_eq!(hint(local), expected, "{local}");
    }
}

fn addresses_are_found_in_any_form_of_their_domain(store: &Store) {
    write(store, |tx| tx.add_domain("müller.example"));
    let id = write(store, |tx| tx.add_account("Uwe@Müller.example", &credential()));
    write(store, |tx| tx.add_alias("info@xn--mller-kva.example", "uwe@müller.example"));
    write(store, |tx| tx.add_alias("@müller.example", "uwe@xn--mller-kva.example"));
    for domain in ["müller.example", "MÜLLER.example", "xn--mller-kva.example", "mu\u{308}ller.example"] {
        let address = format!("uwe@{domain}");
        let found = store.read_blocking(move |view| view.account_by_address(&address)).unwrap();
        assert_eq!(found.unwrap().id, id, "{domain}");
        for local in ["uwe", "uwe+x", "info", "postmaster", "whoever"] {
            let found = targets(store, &format!("{local}@{domain}")).unwrap();
            assert_eq!(found, ["uwe@xn--mller-kva.example"], "{local}@{domain}");
        }
    }
    let again = store.write_blocking(|tx| tx.add_account("uwe@xn--mller-kva.example", &credential()));
    assert_eq!(again, Err(StoreError::Exists("address")));
    write(store, |tx| tx.remove_alias("info@müller.example", Some("uwe@müller.example")));
    write(store, |tx| tx.remove_alias("@xn--mller-kva.example", None));
    assert_eq!(targets(store, "info@müller.example"), Err(Resolution::NoSuchUser));
}

pub fn aliases_lead_on(store: &Store) {
    account(store, "ann");
    account(store, "bob");
    let add = |from: &'static str, to: &'static str| store.write_blocking(move |tx| tx.add_alias(from, to));
    add("team@example.org", "Ann@example.org").unwrap();
    add("team@example.org", "all@example.org").unwrap();
    add("all@example.org", "bob@example.org").unwrap();
    add("all@example.org", "ann@example.org").unwrap();
    assert_eq!(
        targets(store, "team@example.org").unwrap(),
        ["ann@example.org", "bob@example.org"].map(String::from)
    );
    assert_eq!(add("team@example.org", "ann@example.org"), Err(StoreError::Exists("alias")));
    assert_eq!(add("ann@example.org", "bob@example.org"), Err(StoreError::Exists("address")));
    assert_eq!(add("x@foreign.example", "bob@example.org"), Err(StoreError::Missing(Missing::Domain)));
    add("out@example.org", "someone@foreign.example").unwrap();
    add("out@example.org", "bob@example.org").unwrap();
    let Resolution::Forward { local, remote } =
        store.read_blocking(|view| view.resolve("out", "example.org")).unwrap()
    else {
        panic!("an address elsewhere is a forward");
    };
    assert_eq!((local.len(), remote), (1, vec!["someone@foreign.example".to_owned()]));
    assert_eq!(store.read_blocking(|view| view.aliases()).unwrap().len(), 6);
    write(store, |tx| tx.remove_alias("TEAM@example.org", Some("ann@example.org")));
    write(store, |tx| tx.remove_alias("team@example.org", None));
    let gone = store.write_blocking(|tx| tx.remove_alias("team@example.org", None));
    assert_eq!(gone, Err(StoreError::Missing(Missing::Alias)));
}

pub fn catch_all_and_postmaster(store: &Store) {
    account(store, "ann");
    account(store, "bob");
    assert_eq!(targets(store, "postmaster").unwrap(), ["ann@example.org"]);
    assert_eq!(targets(store, "PostMaster@example.org").unwrap(), ["ann@example.org"]);
    write(store, |tx| tx.add_alias("@example.org", "bob@example.org"));
    assert_eq!(targets(store, "whoever+x@example.org").unwrap(), ["bob@example.org"]);
    assert_eq!(targets(store, "ann+x@example.org").unwrap(), ["ann@example.org"]);
    assert_eq!(targets(store, "postmaster@example.org").unwrap(), ["ann@example.org"]);
    write(store, |tx| tx.add_alias("postmaster@example.org", "bob@example.org"));
    assert_eq!(targets(store, "postmaster").unwrap(), ["bob@example.org"]);
}

pub fn loops_are_seen(store: &Store) {
    account(store, "ann");
    write(store, |tx| tx.add_alias("a@example.org", "b@example.org"));
    write(store, |tx| tx.add_alias("b@example.org", "a@example.org"));
    assert_eq!(targets(store, "a@example.org"), Err(Resolution::Loop));
    write(store, |tx| tx.add_alias("b@example.org", "ann@example.org"));
    assert_eq!(targets(store, "a@example.org").unwrap(), ["ann@example.org"]);
    for n in 0..20 {
        write(store, move |tx| {
            tx.add_alias(&format!("c{n}@example.org"), &format!("c{}@example.org", n + 1))
        });
    }
    assert_eq!(targets(store, "c0@example.org"), Err(Resolution::Loop));
    assert_eq!(targets(store, "c15@example.org"), Err(Resolution::NoSuchUser));
}
