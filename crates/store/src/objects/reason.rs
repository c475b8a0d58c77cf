//! What the service's errors say, in a few words, and without what it sends along.

use std::error::Error as _;

use object_store::Error;

/// Longest text in bytes that is taken over.
const TEXT_MAX_BYTES: usize = 200;

/// A failure of our own.
pub(super) fn failed(why: &'static str) -> Error {
    Error::Generic { store: "S3", source: why.into() }
}

/// Why a request failed. Of what the service answered, its code and its message are told: the rest may hold the
/// request itself.
pub(super) fn reason(error: &Error) -> String {
    let text = error.to_string();
    if let Some(code) = element(&text, "Code") {
        return match element(&text, "Message") {
            Some(message) => format!("the service says {code}: {message}"),
            None => format!("the service says {code}"),
        };
    }
    let said = match error {
        Error::NotFound { .. } => "it is not there".to_owned(),
        Error::PermissionDenied { .. } => "the service does not permit it (403)".to_owned(),
        Error::Unauthenticated { .. } => "the service does not know the access key (401)".to_owned(),
        _ => innermost(error),
    };
    clipped(&said)
}

/// Where to look.
pub(super) fn hint(error: &Error) -> &'static str {
    match error {
        Error::NotFound { .. } => "make the bucket, or correct its name in store.blobs",
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            "check the access key and its secret, what it may do (s3:GetObject, s3:PutObject, s3:DeleteObject, \
             s3:ListBucket), store.s3.region, and the clock of this host"
        }
        _ => "check store.s3.endpoint, store.s3.region and the network",
    }
}

/// The cause of all causes; those above it repeat addresses and numbers of tries.
fn innermost(error: &Error) -> String {
    let (mut source, mut text) = (error.source(), error.to_string());
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let is_plain = inner.len() <= TEXT_MAX_BYTES && !inner.contains(|c: char| c.is_control());
    is_plain.then_some(inner)
}

fn clipped(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let end = (0..=TEXT_MAX_BYTES.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    line[..end.unwrap_or(0)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_and_message_are_told() {
        let body = "Server returned 403: <Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message>\
                    <StringToSign>AWS4 secret-thing</StringToSign></Error>";
        let error = Error::PermissionDenied { path: "x".to_owned(), source: body.into() };
        assert_eq!(reason(&error), "the service says SignatureDoesNotMatch: It does not match.");
        let error = Error::PermissionDenied { path: "x".to_owned(), source: "what it sent".into() };
        assert_eq!(reason(&error), "the service does not permit it (403)");
        let long = format!("{}\nmore", "é".repeat(300));
        assert_eq!(reason(&Error::Generic { store: "S3", source: long.into() }), "é".repeat(100));
    }
}
