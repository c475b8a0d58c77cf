//! Where the objects are, and with what right.

use std::fmt;
use std::net::IpAddr;

use crate::error::OpenError;
use crate::zone_key::SecretBytes;

/// How a service that speaks S3 is reached.
#[derive(Debug, Clone)]
pub struct ObjectSettings {
    /// Its address, `https://host` with or without a port; absent: Amazon's for the region.
    pub endpoint: Option<String>,
    /// The bucket's region; absent: `us-east-1`, which services of others than Amazon mostly take for any.
    pub region: Option<String>,
    /// The bucket is part of the host's name and not of the path. Absent: with Amazon it is, elsewhere it is not.
    pub virtual_hosted: Option<bool>,
    /// `http://` is permitted in the endpoint also for other hosts than this one: who sees the network can then read
    /// all content.
    pub allow_http: bool,
    /// Name of the access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretBytes,
    /// The token that comes with temporary keys.
    pub session_token: Option<SecretBytes>,
    /// How much of what was read or written last is kept in the data directory, in bytes. Content that is just being
    /// sent does not count.
    pub cache_max_bytes: u64,
}

/// `s3://name/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub name: String,
    /// Without slashes at its ends; empty: the whole bucket.
    pub prefix: String,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

fn setting(what: String) -> OpenError {
    OpenError::Setting(what)
}

impl Bucket {
    /// Reads what stands behind `s3://`.
    ///
    /// # Errors
    /// [`OpenError::Setting`]: a bucket has 3 to 63 lower-case letters, digits, hyphens and dots; the parts of a
    /// prefix have letters, digits, and `-_.`.
    pub fn parse(text: &str) -> Result<Bucket, OpenError> {
        let (name, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_end_matches('/');
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if !(3..=63).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(setting(format!("store.blobs: {name:?} is not the name of a bucket")));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(fits);
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(setting(format!(
                "store.blobs: the prefix {prefix:?} may have letters, digits and -_. between its slashes"
            )));
        }
        Ok(Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl ObjectSettings {
    pub(super) fn is_virtual_hosted(&self) -> bool {
        self.virtual_hosted.unwrap_or(self.endpoint.is_none())
    }

    /// The address to which requests go, if it is not Amazon's.
    ///
    /// # Errors
    /// [`OpenError::Setting`] for what is no address, or one without TLS that is not this host's.
    pub(super) fn address(&self, bucket: &Bucket) -> Result<Option<String>, OpenError> {
        let Some(endpoint) = &self.endpoint else { return Ok(None) };
        let split = endpoint.split_once("://").map(|(scheme, rest)| (scheme, rest.trim_end_matches('/')));
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        let (scheme, authority) = match split {
            Some((scheme @ ("https" | "http"), rest)) if !rest.is_empty() && rest.bytes().all(fits) => {
                (scheme, rest)
            }
            _ => {
                let what = "store.s3.endpoint must be https://HOST or https://HOST:PORT, nothing before and behind it";
                return Err(setting(what.to_owned()));
            }
        };
        if scheme == "http" && !self.allow_http && !is_this_host(authority) {
            return Err(setting(format!(
                "store.s3.endpoint: without TLS everybody on the way to {authority} could read and change content; use \
                 https://, or set store.s3.allow_http = true for a closed network"
            )));
        }
        let host = match self.is_virtual_hosted() {
            true => format!("{}.{authority}", bucket.name),
            false => authority.to_owned(),
        };
        Ok(Some(format!("{scheme}://{host}")))
    }
}

fn is_this_host(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_parsed() {
        for (text, name, prefix) in
            [("mail", "mail", ""), ("mail/", "mail", ""), ("a.b-1/x/Y_2/", "a.b-1", "x/Y_2")]
        {
            let bucket = Bucket::parse(text).unwrap();
            assert_eq!((&bucket.name[..], &bucket.prefix[..]), (name, prefix));
        }
        for text in ["", "ab", "Mail", "mail//x", "mail/../x", "mail/a b", "a_b", &"x".repeat(64)] {
            assert!(matches!(Bucket::parse(text), Err(OpenError::Setting(_))), "{text}");
        }
    }

    #[test]
    fn addresses_without_tls_are_for_this_host() {
        let address = |endpoint: &str, virtual_hosted, allow_http| {
            let settings = ObjectSettings {
                endpoint: Some(endpoint.to_owned()),
                region: None,
                virtual_hosted,
                allow_http,
                access_key_id: "id".to_owned(),
                secret_access_key: SecretBytes(b"hush".to_vec()),
                session_token: None,
                cache_max_bytes: 0,
            };
            assert!(!format!("{settings:?}").contains("hush"));
            settings.address(&Bucket::parse("mail/x").unwrap()).ok().flatten()
        };
        for good in
            ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000", "https://s3.example.net"]
        {
            assert_eq!(address(good, None, false).as_deref(), Some(good));
        }
        assert_eq!(
            address("https://s3.example.net:8443/", Some(true), false).as_deref(),
            Some("https://mail.s3.example.net:8443")
        );
        for bad in [
            "http://192.0.2.1",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org:80",
            "ftp://x",
            "s3.example.net",
            "https://user:pass@host",
            "https://host/path",
            "https://",
        ] {
            assert_eq!(address(bad, None, false), None, "{bad}");
        }
        assert!(address("http://192.0.2.1", None, true).is_some());
    }
}
