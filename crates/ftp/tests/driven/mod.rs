//! A session with a driver that has no sockets.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use crate::world::Files;
use ftp::settings::OUTPUT_HIGH_BYTES;
use ftp::{Ended, PlainLogins, ServerSession, Settings};
use std::sync::Arc;
use wire::{Input, Now, Outputs, Session as _};

/// How much may wait to be sent at most: the mark and one long reply.
const OUTPUT_MAX_BYTES: usize = OUTPUT_HIGH_BYTES + 64 * 1024;

pub struct Driven {
    pub session: ServerSession,
    pub files: Files,
    pub input: Input,
    pub sent: Vec<u8>,
    pub closed: bool,
    /// How many questions were put.
    pub asked: usize,
}

/// Settings without limits that a test of order would run into.
pub fn settings() -> Settings {
    let mut settings = Settings::new("ftp.example.org").unwrap();
    settings.plain_logins = PlainLogins::Always;
    settings.limits.bad_commands_max = u32::MAX;
    settings.limits.failed_logins_max = u32::MAX;
    settings.limits.commands_before_login_max = u32::MAX;
    settings
}

impl Driven {
    pub fn new(settings: Settings) -> Driven {
        let session = ServerSession::new(Arc::new(settings), "192.0.2.1".parse().unwrap(), false);
        let (files, input, sent) = (Files::new(), Input::new(), Vec::new());
        let mut driven = Driven { session, files, input, sent, closed: false, asked: 0 };
        driven.call(|session, _, out| session.start(Now::default(), out));
        driven
    }

    /// One that has logged in.
    #[allow(dead_code, reason = "not every test program logs in so")]
    pub fn open(settings: Settings) -> Driven {
        let mut driven = Driven::new(settings);
        driven.send(b"USER alice\r\nPASS secret\r\n");
        driven.sent.clear();
        driven
    }

    pub fn send(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.input.push(bytes);
            self.call(|session, input, out| session.input(Now::default(), input, out));
            assert!(self.input.is_empty(), "the session takes all");
        }
    }

    /// Ends the transfer that is under way, if there is one.
    pub fn end(&mut self, ended: Ended) -> bool {
        let Some((_, aborted)) = self.files.transfer.take() else { return false };
        assert!(self.session.is_transferring() || self.closed);
        let ended = if aborted { Ended::Aborted } else { ended };
        if !self.closed {
            self.call(|session, _, out| session.transfer_ended(Now::default(), ended, out));
        }
        true
    }

    /// The codes of all replies so far, which must be well formed.
    pub fn codes(&mut self) -> Vec<u16> {
        let sent = String::from_utf8(std::mem::take(&mut self.sent)).expect("replies are UTF-8");
        let mut codes = Vec::new();
        let mut inside: Option<&str> = None;
        for line in sent.split_terminator("\r\n") {
            assert!(!line.contains(['\r', '\n']), "{line:?}");
            let (code, mark) = (line.get(..3).unwrap_or(""), line.as_bytes().get(3));
            match inside {
                None => match mark {
                    Some(b'-') => inside = Some(code),
                    Some(b' ') => codes.push(code.parse().unwrap()),
                    _ => panic!("no reply: {line:?}"),
                },
                Some(begun) if begun == code && mark == Some(&b' ') => {
                    codes.push(code.parse().unwrap());
                    inside = None;
                }
                Some(_) => assert!(line.starts_with(' '), "{line:?}"),
            }
        }
        assert_eq!(inside, None, "a reply without end");
        codes
    }

    fn call(&mut self, enter: impl FnOnce(&mut ServerSession, &mut Input, &mut Outputs<ftp::Ask>)) {
        let mut out = Outputs::new();
        enter(&mut self.session, &mut self.input, &mut out);
        loop {
            assert!(out.bytes().len() <= OUTPUT_MAX_BYTES, "{} bytes wait", out.bytes().len());
            self.sent.extend(out.take_bytes());
            let Some(ask) = out.take_ask() else { break };
            self.asked += 1;
            let answer = self.files.answer(ask);
            self.session.answer(Now::default(), answer, &mut out);
        }
        self.closed |= out.is_closed();
    }
}
