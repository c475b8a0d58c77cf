//! HOST: which of the names of this server is meant (RFC 7151 §3).

use super::Args;
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Channel, Login, Next, Pending, Turn};

/// Longest name in bytes (RFC 1035 §2.3.4).
const NAME_LEN_MAX_BYTES: usize = 253;

pub(crate) fn run(login: &mut Login, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    let host = args.some()?;
    // RFC 7151 §3.3: 503 once the user has been named.
    let Login::Nobody = login else { return Err(Refusal::HostTooLate) };
    let host = parse(host).ok_or(args.syntax())?;
    Ok(Next::Ask(Ask::Host { host: host.clone() }, Pending::Host(host)))
}

/// The outside has said whether the host is served.
pub(crate) fn judged(
    host: String,
    served: bool,
    channel: &mut Channel,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if !served {
        return Err(Refusal::UnknownHost);
    }
    reply::line(out, 220, "Host accepted.");
    channel.host = Some(host);
    Ok(())
}

/// A name, or an address in brackets (RFC 7151 §3.1), in lower case.
fn parse(host: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?.to_ascii_lowercase();
    let name = host.strip_suffix('.').unwrap_or(&host);
    let legal = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::IpAddr>().is_ok(),
        None => name.split('.').all(is_label),
    };
    (legal && name.len() <= NAME_LEN_MAX_BYTES).then(|| name.to_string())
}

fn is_label(label: &str) -> bool {
    let legal = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (1..=63).contains(&label.len()) && legal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_in_brackets() {
        for (text, expected) in [
            ("FTP.Example.org", Some("ftp.example.org")),
            ("example.org.", Some("example.org")),
            ("[::1]", Some("[::1]")),
            ("[192.0.2.1]", Some("[192.0.2.1]")),
            ("[x]", None),
            ("a b", None),
            ("", None),
            ("..", None),
            ("a..b", None),
            ("a/b", None),
            ("bücher.example", None),
        ] {
            assert_eq!(parse(text.as_bytes()).as_deref(), expected, "{text}");
        }
        assert_eq!(parse("a.".repeat(127).as_bytes()).map(|name| name.len()), Some(253));
        assert_eq!(parse("a.".repeat(128).as_bytes()), None);
    }
}
