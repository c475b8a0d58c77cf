//! Addresses as the store keeps them: lower case, one `@` that counts.

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

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn into_string(self) -> String {
        self.text
    }
}

/// A domain name in lower case, without the final dot.
///
/// # Errors
/// [`StoreError::Invalid`] unless it is labels of 1 to 63 bytes, of letters (also beyond ASCII), digits,
/// `-` and `_`, at most 253 bytes in all.
pub(crate) fn domain(name: &str) -> Result<String, StoreError> {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let label_is_good = |label: &str| {
        let good =
            |c: char| c.is_alphanumeric() || c == '-' || c == '_' || !c.is_ascii() && !c.is_whitespace();
        (1..=63).contains(&label.len()) && label.chars().all(good)
    };
    if name.len() > 253 || !name.split('.').all(label_is_good) {
        return Err(StoreError::Invalid("this is not a domain name"));
    }
    Ok(name)
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
        for bad in ["", ".", "a b", "a@b", "a/b", "a\u{a0}b", &"a".repeat(64), &long] {
            assert!(domain(bad).is_err(), "{bad:?}");
        }
    }
}
