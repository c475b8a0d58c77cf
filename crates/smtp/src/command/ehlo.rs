//! EHLO: hello, and what is offered (RFC 5321 §4.1.1.1).

use crate::error::Fault;
use crate::session::{Hello, Session, Turn};
use crate::{Service, reply};

pub(super) const SYNTAX: &str = "EHLO hostname";

/// Longest name taken, in bytes: that of a domain (RFC 5321 §4.5.3.1.2).
const NAME_LEN_MAX_BYTES: usize = crate::address::DOMAIN_LEN_MAX_BYTES;

/// An extension: whether it is offered now, and then its line.
type Extension = fn(&Session) -> Option<String>;

/// What EHLO and LHLO list, in order.
const EXTENSIONS: &[Extension] = &[
    |_| Some("PIPELINING".into()),
    |session| Some(format!("SIZE {}", session.settings.limits.message_size_max_bytes)),
    |_| Some("8BITMIME".into()),
    |_| Some("SMTPUTF8".into()),
    |_| Some("ENHANCEDSTATUSCODES".into()),
    |session| session.may_start_tls().then(|| "STARTTLS".into()),
    super::auth::extension,
    |_| Some("CHUNKING".into()),
    |session| Some(format!("LIMITS RCPTMAX={}", session.settings.limits.recipients_max())),
    |session| (session.settings.service != Service::Lmtp).then(|| "HELP".into()),
];

pub(super) fn run(session: &mut Session, args: &[u8], turn: &mut Turn) -> Result<(), Fault> {
    greet(session, args, true)?;
    let mut lines = vec![session.settings.hostname.clone()];
    lines.extend(EXTENSIONS.iter().filter_map(|extension| extension(session)));
    reply::write_lines(turn.out.bytes_mut(), "250", &lines);
    Ok(())
}

/// Takes the client's name and starts afresh as RSET does (RFC 5321 §4.1.4).
///
/// Any printable name is taken: a wrong one must not keep mail out (RFC 5321 §4.1.4), and what it
/// says is for the outside to judge.
pub(super) fn greet(session: &mut Session, args: &[u8], extended: bool) -> Result<(), Fault> {
    let printable = args.iter().all(u8::is_ascii_graphic);
    if args.is_empty() || args.len() > NAME_LEN_MAX_BYTES || !printable {
        return Err(Fault::Hello);
    }
    let name = String::from_utf8_lossy(args).into_owned().into_boxed_str();
    session.client.hello = Some(Hello { name, extended });
    session.reset();
    Ok(())
}
