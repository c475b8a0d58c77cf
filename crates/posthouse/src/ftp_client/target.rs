//! Where on which server: `ftp://user@host:port/path` or `user@host:path`.

use super::error::Error;
use ftp::client::Argument;

/// A place on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// True for ftps://: TLS before the first byte.
    pub implicit_tls: bool,
    /// The user, where the address names one.
    pub user: Option<String>,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path as given: relative to where the login leads unless it begins with a slash.
    pub path: Vec<u8>,
}

/// RFC 959 §5.2, and what IANA has for FTP over TLS.
const FTP_PORT: u16 = 21;
const FTPS_PORT: u16 = 990;

impl Target {
    /// Reads either form.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Target, Error> {
        let usage = |what: &str| Err(Error::Usage(format!("{text:?}: {what}")));
        let Some((scheme, rest)) = text.split_once("://") else { return Target::short(text) };
        let implicit_tls = match scheme.to_ascii_lowercase().as_str() {
            "ftp" | "ftpes" => false,
            "ftps" => true,
            _ => return usage("not an ftp:// or ftps:// address"),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => {
                return usage(
                    "a password in an address can be read by everybody on this machine; leave it out, and use \
                     --password-file, $POSTHOUSE_FTP_PASSWORD or the prompt",
                );
            }
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let default = if implicit_tls { FTPS_PORT } else { FTP_PORT };
        let Some((host, port)) = host_and_port(place, default) else {
            return usage("no host, or no such port");
        };
        // RFC 1738 §3.2.2: `;type=i` says what is done anyway.
        let path = match path.rsplit_once(";type=") {
            Some((path, kind)) if kind.len() == 1 => path,
            _ => path,
        };
        let (Some(user), Some(path)) =
            (user.map(decode).map_or(Some(None), |user| user.map(Some)), decode(path))
        else {
            return usage("a % must be followed by two hexadecimal digits");
        };
        let user = match user.map(String::from_utf8) {
            Some(Err(_)) => return usage("the user's name is not UTF-8"),
            Some(Ok(user)) => Some(user),
            None => None,
        };
        Ok(Target { implicit_tls, user, host, port, path })
    }

    /// `user@host:path`, as scp has it.
    fn short(text: &str) -> Result<Target, Error> {
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) if !user.contains(['/', ':']) => (Some(user.to_string()), rest),
            _ => (None, text),
        };
        let split = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once("]:"),
            None => rest.split_once(':'),
        };
        match split {
            Some((host, path)) if !host.is_empty() && !host.contains('/') => Ok(Target {
                implicit_tls: false,
                user,
                host: host.to_string(),
                port: FTP_PORT,
                path: path.as_bytes().to_vec(),
            }),
            _ => Err(Error::Usage(format!("{text:?}: neither ftp://host/path nor host:path"))),
        }
    }

    /// The path to send: below where the login led, if the server told.
    ///
    /// # Errors
    /// If FTP cannot carry it.
    pub fn remote_path(&self, home: Option<&Argument>) -> Result<Argument, Error> {
        let path = match (self.path.strip_suffix(b"/").unwrap_or(&self.path), home) {
            (b"", Some(home)) if self.path.is_empty() => return Ok(home.clone()),
            (b"", _) if !self.path.is_empty() => b"/".to_vec(),
            (b"", _) => b".".to_vec(),
            (path, Some(home)) if !path.starts_with(b"/") => {
                let home = home.as_bytes();
                [home.strip_suffix(b"/").unwrap_or(home), b"/", path].concat()
            }
            (path, _) => path.to_vec(),
        };
        Argument::new(path).map_err(|error| Error::Usage(format!("the path cannot be used: {error}")))
    }

    /// The last part of the path, if it names something.
    pub fn file_name(&self) -> Option<&[u8]> {
        let path = self.path.strip_suffix(b"/").unwrap_or(&self.path);
        path.rsplit(|b| *b == b'/').next().filter(|name| !name.is_empty())
    }
}

fn host_and_port(place: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port != 0))?;
    (!host.is_empty()).then(|| (host.to_string(), port))
}

/// Undoes percent encoding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        type Parts = (bool, &'static str, &'static str, u16, &'static str);
        let table: &[(&str, Option<Parts>)] = &[
            ("ftp://h/a/b", Some((false, "", "h", 21, "a/b"))),
            ("ftp://h/%2Fa%20b", Some((false, "", "h", 21, "/a b"))),
            ("FTPS://u@h:9900/", Some((true, "u", "h", 9900, ""))),
            ("ftps://h", Some((true, "", "h", 990, ""))),
            ("ftp://u%40d@[::1]:2121/x;type=i", Some((false, "u@d", "::1", 2121, "x"))),
            ("ftp://a@b.example@h/x", Some((false, "a@b.example", "h", 21, "x"))),
            ("h:", Some((false, "", "h", 21, ""))),
            ("u@h:a/b", Some((false, "u", "h", 21, "a/b"))),
            ("u@[::1]:/a", Some((false, "u", "::1", 21, "/a"))),
            ("ftp://u:secret@h/x", None),
            ("http://h/x", None),
            ("ftp:///x", None),
            ("ftp://h:0/x", None),
            ("ftp://h:70000/x", None),
            ("ftp://h/%zz", None),
            ("ftp://h/%+1", None),
            ("/tmp/x", None),
            ("x", None),
            ("", None),
        ];
        for (text, expected) in table {
            let target = Target::parse(text).ok();
            let read = target.as_ref().map(|t| {
                let path = std::str::from_utf8(&t.path).unwrap();
                (t.implicit_tls, t.user.as_deref().unwrap_or(""), t.host.as_str(), t.port, path)
            });
            assert_eq!(read, *expected, "{text}");
        }
    }

    #[test]
    fn paths_begin_where_the_login_led() {
        let home = Argument::new("/home/u").unwrap();
        let table: &[(&str, Option<&Argument>, &str)] = &[
            ("ftp://h/a", Some(&home), "/home/u/a"),
            ("ftp://h/a/", Some(&home), "/home/u/a"),
            ("ftp://h/%2Fa", Some(&home), "/a"),
            ("ftp://h/", Some(&home), "/home/u"),
            ("ftp://h/%2F", Some(&home), "/"),
            ("ftp://h/a", None, "a"),
            ("ftp://h/", None, "."),
        ];
        for (text, home, expected) in table {
            let path = Target::parse(text).unwrap().remote_path(*home).unwrap();
            assert_eq!(path.as_bytes(), expected.as_bytes(), "{text}");
        }
        assert!(Target::parse("ftp://h/a%0d%0aDELE%20x").unwrap().remote_path(None).is_err());
    }
}
