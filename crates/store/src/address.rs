//! Addresses as the store keeps them: lower case, one `@` that counts.
//!
//! A domain has one form, whichever it is written in: A-labels, as in the DNS, made by
//! UTS 46. Stores made before that may hold domains in UTF-8; these keep the form they were added in.

use crate::account::Domain;
use crate::error::StoreError;

/// Longest address in bytes: a path of RFC 5321 §4.5.3.1.3 without its brackets.
pub const ADDRESS_LEN_MAX_BYTES: usize = 254;

/// `local@domain` in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Takes an address apart at its last `@`. The local part may be anything printable: what is
    /// written quoted on the wire comes here without its quotes.
    pub fn parse(text: &str) -> Result<Address, StoreError> {
        let text = text.to_lowercase();
        let at = text.rfind('@').ok_or(StoreError::Invalid("an address needs an @"))?;
        let local = &text[..at];
        if local.is_empty() || text.len() > ADDRESS_LEN_MAX_BYTES || local.chars().any(char::is_control) {
            return Err(StoreError::Invalid(
                "the part before the @ is empty, too long or has control characters",
            ));
        }
        domain(&text[at + 1..])?;
        Ok(Address { text, at })
    }

    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The same in the form of its domain that is stored.
    pub fn within(&self, domain: &Domain) -> Address {
        Address { text: format!("{}@{}", self.local(), domain.name), at: self.at }
    }

    /// Whether mail for this address would be taken from strangers: a name that tells another server what to do
    /// is nobody's name here (RFC 5321 §3.6.1).
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if not.
    pub fn check_usable(&self) -> Result<(), StoreError> {
        if self.local().contains(['%', '!', '@']) {
            return Err(StoreError::Invalid(
                "the part before the @ has one of % ! @, and mail for such a name is never taken",
            ));
        }
        Ok(())
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn into_string(self) -> String {
        self.text
    }
}

/// A domain name in the one form that it has here: lower case, A-labels (UTS 46), without the final dot.
///
/// # Errors
/// [`StoreError::Invalid`] unless it is labels of 1 to 63 bytes, of letters (also beyond ASCII), digits,
/// `-` and `_`, at most 253 bytes in all, and the last one is no number: what ends so is an address
/// (RFC 1123 §2.1).
pub(crate) fn domain(name: &str) -> Result<String, StoreError> {
    const NO_NAME: StoreError = StoreError::Invalid("this is not a domain name");
    let mut name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    if !is_plain(&name) {
        name = idna::domain_to_ascii(&name).map_err(|_| NO_NAME)?;
    }
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let label_is_good = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(good);
    if name.len() > 253 || !name.split('.').all(label_is_good) {
        return Err(NO_NAME);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(StoreError::Invalid("this is not a domain name: its last part is a number"));
    }
    Ok(name)
}

/// The forms in which a domain may be stored, the likeliest first: as it is written, in A-labels, in UTF-8.
pub(crate) fn domain_forms(name: &str) -> Vec<String> {
    let written = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let mut forms = vec![written];
    if !is_plain(&forms[0])
        && let Ok(ascii) = domain(name)
    {
        let (unicode, _) = idna::domain_to_unicode(&ascii);
        forms.extend([ascii, unicode]);
        forms.dedup();
    }
    forms
}

/// Whether a domain may be stored as it stands here.
pub(crate) fn is_stored_form(name: &str) -> bool {
    domain(name).is_ok() && domain_forms(name).first().is_some_and(|form| form == name)
}

/// Whether a name in lower case is the same in all forms.
fn is_plain(name: &str) -> bool {
    name.is_ascii() && !name.split('.').any(|label| label.starts_with("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_at_the_last_at() {
        let address = Address::parse("\"a@B\"+X@Example.ORG").unwrap();
        assert_eq!((address.local(), address.domain()), ("\"a@b\"+x", "example.org"));
        let long = format!("{}@example.org", "x".repeat(243));
        for bad in ["", "@", "a", "a@", "@b", "a@b c", "a\n@b", "a@b..c", &long] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Address::parse(&long[1..]).is_ok());
    }

    #[test]
    fn domains_are_labels() {
        for good in ["a", "xn--mller-kva.example", "müller.example", "_x.example.", &"a".repeat(63)] {
            assert!(domain(good).is_ok(), "{good:?}");
        }
        let long = ["a".repeat(63).as_str(); 4].join(".");
        for number in ["127.0.0.1", "1", "example.1", "127.0.0.1."] {
            assert!(domain(number).is_err(), "{number:?}");
        }
        assert!(domain("1.example").is_ok());
        for bad in ["", ".", "xn--a-ecp.example", "a b", "a@b", "a/b", "a\u{a0}b", &"a".repeat(64), &long] {
            assert!(domain(bad).is_err(), "{bad:?}");
        }
    }
    #[test]
    fn a_domain_has_one_form() {
        for (written, forms) in [
            ("Example.ORG.", &["example.org"][..]),
            ("xn--mller-kva.example", &["xn--mller-kva.example", "müller.example"]),
            ("XN--MLLER-KVA.example", &["xn--mller-kva.example", "müller.example"]),
            ("Müller.example", &["müller.example", "xn--mller-kva.example", "müller.example"]),
            ("mu\u{308}ller.example", &["mu\u{308}ller.example", "xn--mller-kva.example", "müller.example"]),
            ("bücher。example", &["bücher。example", "xn--bcher-kva.example", "bücher.example"]),
        ] {
            assert_eq!(domain_forms(written), forms, "{written:?}");
            let ascii = forms.iter().find(|form| form.is_ascii()).unwrap();
            assert_eq!(domain(written).unwrap(), *ascii, "{written:?}");
        }
        for (stored, may_be) in [
            ("example.org", true),
            ("xn--mller-kva.example", true),
            ("müller.example", true),
            ("Example.org", false),
            ("Müller.example", false),
            ("example.org.", false),
            ("a..example", false),
            ("", false),
        ] {
            assert_eq!(is_stored_form(stored), may_be, "{stored:?}");
        }
        // Full width letters are others' letters in the same place.
        assert_eq!(domain("ｅｘａｍｐｌｅ.org").unwrap(), "example.org");
    }

    #[test]
    fn names_that_route_are_nobodys() {
        for (address, usable) in [
            ("a@example.org", true),
            ("a+b@example.org", true),
            ("a%b@example.org", false),
            ("a!b@example.org", false),
            ("a@b@example.org", false),
        ] {
            assert_eq!(Address::parse(address).unwrap().check_usable().is_ok(), usable, "{address}");
        }
    }
}
