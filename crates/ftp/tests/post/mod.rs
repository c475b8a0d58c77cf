//! The made-up world as a script sees it.
//!
//! Settings: `@ tls on` (TLS from the start), `@ plain never|devices|none|always` (always if not said), `@
//! auth-tls off`, `@ protect off`, `@ mode-z on`, `@ hashes none`, `@ client ADDRESS`, `@ listen
//! ADDRESS|none`, `@ profile WORD…` of `plain no-epsv make-parents nat`, `@ refuse ERROR` (what the files
//! answer to changes and transfers), `@ part PATH SIZE`, and limits: `@ bad-commands 3`, `@ failed-logins
//! 2`, `@ before-login 4`.
//!
//! Events: `ended HOW` ends the transfer, `asked TEXT` looks for a question in words,
//! `transfer TEXT` looks into what is transferred, `stop` stops the server.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use crate::world::{Files, path};
use ftp::{Answer, Ask, Ended, FilesError, PlainLogins, ServerSession, Settings};
use std::sync::Arc;
use transcript::{MemoryPeer, Peer, Reaction, Script, World};
use wire::{Now, Outputs};

/// The session and the world that a script asks for.
pub fn peer(script: &Script) -> Box<dyn Peer> {
    let client = script.setting("client", "192.0.2.1").parse().unwrap();
    let tls = script.setting("tls", "off") == "on";
    let session = ServerSession::new(Arc::new(settings(script)), client, tls);
    Box::new(MemoryPeer::open(session, post(script)))
}

struct Post(Files);

impl World<ServerSession> for Post {
    fn answer(&mut self, ask: Ask, _: &mut Vec<u8>) -> Reaction<Answer> {
        match ask {
            Ask::StartTls { .. } => Reaction::StartTls(Answer::TlsStarted),
            ask => Reaction::Answer(self.0.answer(ask)),
        }
    }

    fn event(&mut self, event: &str, session: &mut ServerSession, now: Now, out: &mut Outputs<Ask>) {
        match event.split_once(' ').unwrap_or((event, "")) {
            ("ended", how) => {
                let (_, aborted) = self.0.transfer.take().expect("a transfer is under way");
                assert!(session.is_transferring());
                assert_eq!(how == "aborted", aborted, "ABOR and the end that it makes");
                session.transfer_ended(now, ended(how), out);
            }
            ("transfer", text) => {
                let transfer = format!("{:?}", self.0.transfer.as_ref().expect("a transfer is under way").0);
                assert!(transfer.contains(text), "{text} is not in {transfer}");
            }
            ("asked", text) => assert!(self.0.log.iter().any(|ask| ask.contains(text)), "{:?}", self.0.log),
            ("stop", _) => wire::Session::stop(session, now, out),
            _ => panic!("no such event: {event}"),
        }
    }
}

fn ended(how: &str) -> Ended {
    match how {
        "done" => Ended::Done,
        "not-connected" => Ended::NotConnected,
        "not-protected" => Ended::NotProtected,
        "broken" => Ended::Broken,
        "timed-out" => Ended::TimedOut,
        "aborted" => Ended::Aborted,
        "undecodable" => Ended::Undecodable,
        how => Ended::Refused(error(how)),
    }
}

fn error(name: &str) -> FilesError {
    match name {
        "over-quota" => FilesError::OverQuota,
        "no-space" => FilesError::NoSpace,
        "unavailable" => FilesError::Unavailable,
        "denied" => FilesError::Denied,
        "busy" => FilesError::Busy,
        "too-many" => FilesError::TooMany,
        "name" => FilesError::NameNotAllowed,
        "unsupported" => FilesError::Unsupported,
        _ => panic!("no such error: {name}"),
    }
}

fn settings(script: &Script) -> Settings {
    let number = |key: &str, default: u32| script.setting(key, &default.to_string()).parse().unwrap();
    let mut settings = Settings::new("ftp.example.org").unwrap();
    settings.plain_logins = match script.setting("plain", "always") {
        "never" => PlainLogins::Never,
        "devices" | "none" => PlainLogins::Devices,
        _ => PlainLogins::Always,
    };
    settings.auth_tls = script.setting("auth-tls", "on") == "on";
    settings.protect_data = script.setting("protect", "on") == "on";
    settings.mode_z = script.setting("mode-z", "off") == "on";
    if script.setting("hashes", "") == "none" {
        settings.hashes.clear();
    }
    settings.limits.bad_commands_max = number("bad-commands", settings.limits.bad_commands_max);
    settings.limits.failed_logins_max = number("failed-logins", settings.limits.failed_logins_max);
    settings.limits.commands_before_login_max =
        number("before-login", settings.limits.commands_before_login_max);
    settings
}

fn post(script: &Script) -> Post {
    let mut files = Files::new();
    for word in script.setting("profile", "").split_whitespace() {
        match word {
            "plain" => files.profile.plain = true,
            "no-epsv" => files.profile.no_epsv = true,
            "make-parents" => files.profile.make_parents = true,
            "nat" => files.profile.active_use_control_address = true,
            _ => panic!("no such profile: {word}"),
        }
    }
    files.listen_at = match script.setting("listen", "192.0.2.9:50000") {
        "none" => None,
        address => Some(address.parse().unwrap()),
    };
    if let Some((name, size)) = script.setting("part", "").split_once(' ') {
        files.parts.insert(path(name), size.parse().unwrap());
    }
    files.devices = script.setting("plain", "") != "none";
    files.alice_needs_tls = script.setting("plain", "") == "devices";
    let refuse = script.setting("refuse", "");
    files.refuse = (!refuse.is_empty()).then(|| error(refuse));
    Post(files)
}
