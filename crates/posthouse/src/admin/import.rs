//! Many accounts at once, as another server's files have them.

use super::{AdminError, Reply, done, locked, new_credential};
use store::{Credential, Store, StoreError};

/// Accounts stored in one transaction of an import.
const IMPORT_BATCH: usize = 200;
/// Letters of a DES hash of crypt(3): two of salt, eleven of hash.
const DES_CRYPT_LEN: usize = 13;
/// Bytes of an extended DES hash: `_`, four of rounds, four of salt, eleven of hash.
const EXTENDED_DES_LEN: usize = 20;

/// What the field of a password says.
#[derive(Debug, PartialEq, Eq)]
enum Field<'a> {
    /// Nobody logs in, as in the files of crypt(3) (shadow(5)); what follows the mark is forgotten.
    Locked,
    /// A hash.
    Hash(&'a str),
    /// The password itself.
    Clear(&'a str),
    /// The look of a hash that is too weak to be taken. Taken as a password, it would let those in who have
    /// seen the file.
    Des,
}

impl Field<'_> {
    fn read(text: &str) -> Field<'_> {
        let is_crypt_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
        let bytes = text.as_bytes();
        let des = bytes.len() == DES_CRYPT_LEN && bytes.iter().all(is_crypt_letter);
        let extended = bytes.len() == EXTENDED_DES_LEN
            && bytes.strip_prefix(b"_").is_some_and(|rest| rest.iter().all(is_crypt_letter));
        if text.starts_with(['!', '*']) {
            return Field::Locked;
        }
        if text.starts_with(['$', '{']) || text.starts_with("SCRAM-SHA-256$") {
            return Field::Hash(text);
        }
        if des || extended { Field::Des } else { Field::Clear(text) }
    }
}

/// A password in clear is hashed; a hash of another server is kept until the first login; a locked account
/// gets what no password fits.
fn credential(field: &Field<'_>) -> Result<Credential, AdminError> {
    match field {
        Field::Locked => Ok(locked()),
        Field::Clear(password) => new_credential(password),
        Field::Hash(hash) => {
            sasl::password::check_form(hash).map_err(|error| AdminError(error.to_string()))?;
            Ok(Credential { password: (*hash).to_string(), scram: None })
        }
        Field::Des => Err(AdminError(
            "the password has the form of a DES hash of crypt(3), which anybody can break and this server does \
             not take; put `!` there to lock the account, or a password in clear of another length"
                .into(),
        )),
    }
}

/// Adds accounts in steps; what was added before a fault stays, and the reply says how much that is.
pub(super) fn carry_out(
    store: &Store,
    accounts: &[(String, String)],
    progress: &mut dyn FnMut(Reply),
) -> Result<Reply, AdminError> {
    let total = accounts.len();
    let mut locked = 0;
    for (at, batch) in accounts.chunks(IMPORT_BATCH).enumerate() {
        let mut ready = Vec::with_capacity(batch.len());
        for (address, secret) in batch {
            let field = Field::read(secret);
            let made = credential(&field).map_err(|error| AdminError(format!("{address}: {error}")))?;
            locked += usize::from(field == Field::Locked);
            ready.push((address.clone(), made));
        }
        add(store, ready).map_err(|why| {
            AdminError(format!("{} accounts were imported, then: {why}", at * IMPORT_BATCH))
        })?;
        let done = ((at + 1) * IMPORT_BATCH).min(total) as u64;
        progress(Reply::Progress { step: "importing accounts".into(), done, total: total as u64 });
    }
    let but = match locked {
        0 => String::new(),
        locked => format!(", but {locked} of them are locked: nobody logs in until they have a password"),
    };
    done(format!("{total} accounts can log in and receive mail now{but}"))
}

/// Adds all of them or none.
fn add(store: &Store, accounts: Vec<(String, Credential)>) -> Result<(), AdminError> {
    let added = store.write_blocking(move |tx| {
        for (address, credential) in &accounts {
            tx.add_account(address, credential).map_err(|error| match error {
                StoreError::Missing(_) | StoreError::Exists(_) | StoreError::Invalid(_) => {
                    StoreError::Abandoned(format!("{address}: {error}"))
                }
                other => other,
            })?;
        }
        Ok(())
    });
    Ok(added?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_locked_a_hash_or_a_password() {
        let scram = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";
        let cases = [
            ("!", Field::Locked),
            ("!!", Field::Locked),
            ("*", Field::Locked),
            ("*LK*", Field::Locked),
            ("!$6$abcdefgh$xxxx", Field::Locked),
            ("!abJnggxhB/yWI", Field::Locked),
            ("$6$abcdefgh$xxxx", Field::Hash("$6$abcdefgh$xxxx")),
            ("{CRYPT}!", Field::Hash("{CRYPT}!")),
            (scram, Field::Hash(scram)),
            ("abJnggxhB/yWI", Field::Des),
            ("_J9..rasmBYk8r9AiWNc", Field::Des),
            ("abJnggxhB/yW", Field::Clear("abJnggxhB/yW")),
            ("abJnggxhB/yWI0", Field::Clear("abJnggxhB/yWI0")),
            ("correct horse", Field::Clear("correct horse")),
            ("pass!", Field::Clear("pass!")),
            ("pass$word", Field::Clear("pass$word")),
            ("", Field::Clear("")),
        ];
        for (text, expected) in cases {
            assert_eq!(Field::read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_but_a_password_or_a_good_hash_opens_an_account() {
        assert_eq!(credential(&Field::read("!secret")).unwrap(), locked());
        assert!(credential(&Field::read("secret")).unwrap().password.starts_with("$argon2id$"));
        for refused in ["", "abJnggxhB/yWI", "{CRYPT}!", "{CRYPT}*", "$6$", "{PLAIN}secret"] {
            assert!(credential(&Field::read(refused)).is_err(), "{refused:?}");
        }
    }
}
