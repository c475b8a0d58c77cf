//! FTP sessions in a small world: no panic, replies of legal form, bounded memory; a question only when it
//! makes sense; and without transfers, AUTH and waits, the same dialogue however the bytes are cut.
#![no_main]

mod drive;
mod pieces;
mod words;

use drive::{Driven, World};
use ftp::listing::{Entry, Kind, Rights};
use ftp::settings::OUTPUT_HIGH_BYTES;
use ftp::{
    Answer, Ask, Ended, FilesAnswer, FilesAsk, FilesError, LoggedIn, PlainLogins, Profile, Ready, Route,
    ServerSession, Settings,
};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use std::time::Duration;
use wire::Input;

/// How much may wait to be sent at most: the mark and one long reply.
const OUTPUT_MAX_BYTES: usize = OUTPUT_HIGH_BYTES + 16 * 1024;

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"USER alice\r\n", b"PASS secret\r\n", b"PASS wrong\r\n", b"AUTH TLS\r\n", b"PBSZ 0\r\n", b"PROT P\r\n", b"PROT C\r\n",
    b"HOST example.org\r\n", b"FEAT\r\n", b"HELP\r\n", b"OPTS MLST type;\r\n", b"OPTS UTF8 ON\r\n", b"OPTS HASH BLAKE3\r\n",
    b"PWD\r\n", b"CWD ", b"CDUP\r\n", b"MKD ", b"RMD ", b"DELE ", b"RNFR a\r\n", b"RNTO b\r\n", b"SIZE ", b"MDTM ",
    b"MFMT 20250101000000 ", b"MLST ", b"STAT\r\n", b"STAT ", b"TYPE I\r\n", b"TYPE A\r\n", b"TYPE ", b"MODE Z\r\n",
    b"PASV\r\n", b"EPSV\r\n", b"EPSV ALL\r\n", b"EPSV ", b"PORT 192,0,2,1,4,1\r\n", b"PORT ", b"EPRT |1|192.0.2.1|2000|\r\n",
    b"EPRT ", b"REST 5\r\n", b"REST ", b"RETR a\r\n", b"STOR a\r\n", b"APPE a\r\n", b"STOU\r\n", b"LIST\r\n", b"LIST -al ",
    b"NLST a*\r\n", b"MLSD\r\n", b"ABOR\r\n", b"NOOP\r\n", b"REIN\r\n", b"QUIT\r\n", b"SITE CHMOD 644 a\r\n", b"SITE ",
    b"HASH a\r\n", b"RANG 0 9\r\n", b"AVBL\r\n", b"ALLO 5\r\n", b"CLNT x\r\n", b"GET / HTTP/1.1\r\n", b"\xff\xf4\xff\xf2", b"\xff\xfd",
    b"\xff\xfa", b"\xff", b"\r\n", b"\n", b"\r", b"\0", b" ", b"/", b"..", b"*", b"-", b"\"", "é".as_bytes(), &[b'x'; 300],
    &[b'y'; 5000], b"\x16\x03\x01",
];

struct Place {
    moods: Vec<u8>,
    asked: usize,
    /// Transfers are let begin.
    transfers: bool,
    /// Logged in, as far as the world knows.
    inside: bool,
    sent: Vec<u8>,
}

impl Place {
    /// What the outside is like just now.
    fn mood(&mut self) -> u8 {
        self.asked += 1;
        if self.moods.is_empty() { 0 } else { self.moods[self.asked % self.moods.len()] % 16 }
    }

    fn error(mood: u8) -> Option<FilesError> {
        Some(match mood {
            1 => FilesError::NotFound,
            2 => FilesError::NotAFolder,
            3 => FilesError::NotAFile,
            4 => FilesError::Exists,
            5 => FilesError::OverQuota,
            6 => FilesError::Unavailable,
            7 => FilesError::BehindEnd,
            _ => return None,
        })
    }

    fn files(ask: &FilesAsk, mood: u8) -> Result<FilesAnswer, FilesError> {
        if let Some(error) = Place::error(mood) {
            return Err(error);
        }
        let rights = Rights { read: true, write: true, remove: false };
        let kind = if mood == 8 { Kind::Folder } else { Kind::File };
        let entry = Entry { kind, size_bytes: 5, modified_ms: 0, mode: 0o644, rights, unique: 1 };
        Ok(match ask {
            FilesAsk::Look { .. } => FilesAnswer::Entry(entry),
            FilesAsk::List { .. } => {
                let entries = vec![("a".to_string(), entry); 5];
                FilesAnswer::Entries { entries, more: mood == 9, today_ms: 0 }
            }
            FilesAsk::Digest { .. } => FilesAnswer::Digest { digest: vec![1; 32], start: 0, end: 5 },
            FilesAsk::Room(_) => FilesAnswer::Room(u64::MAX),
            FilesAsk::Quota => FilesAnswer::Quota { used_bytes: 1, limit_bytes: None },
            _ => FilesAnswer::Done,
        })
    }
}

impl World<ServerSession> for Place {
    fn answer(&mut self, ask: Ask, input: &mut Input) -> Answer {
        if let Ask::Flush = ask {
            // Not a mood of the world: how often it is asked may depend on the cuts.
            return Answer::Done;
        }
        let mood = self.mood();
        match ask {
            Ask::StartTls { .. } => {
                input.clear();
                self.inside = false;
                Answer::TlsStarted
            }
            Ask::Flush | Ask::Abort | Ask::Called { .. } => Answer::Done,
            Ask::Host { .. } => Answer::Host(mood != 1),
            Ask::MayLogInPlain { .. } => Answer::MayLogInPlain(mood != 1),
            Ask::LogIn { .. } if mood == 1 => Answer::LoggedIn(LoggedIn::Unavailable),
            Ask::LogIn { user, password, .. } if password.same(b"secret") && user == "alice" => {
                self.inside = true;
                let (plain, no_epsv) = (mood & 1 != 0, mood & 2 != 0);
                let (make_parents, active_use_control_address) = (mood & 4 != 0, mood & 8 != 0);
                let profile = Profile {
                    plain,
                    no_epsv,
                    make_parents,
                    active_use_control_address,
                    ..Profile::default()
                };
                Answer::LoggedIn(LoggedIn::Accepted(profile))
            }
            Ask::LogIn { .. } => Answer::LoggedIn(LoggedIn::Rejected),
            Ask::LogOut => {
                self.inside = false;
                Answer::Done
            }
            Ask::Listen(..) if mood == 1 => Answer::Listening(None),
            Ask::Listen(..) => Answer::Listening(Some("192.0.2.9:5000".parse().expect("an address"))),
            Ask::Files(ask) => {
                assert!(self.inside);
                Answer::Files(Place::files(&ask, mood))
            }
            Ask::Transfer(transfer) => {
                assert!(self.inside);
                if let Route::Active(to) = transfer.data.route {
                    assert!(to.port() >= 1024 && to.ip().to_string() == "192.0.2.1");
                }
                Answer::Transfer(match Place::error(mood) {
                    None if self.transfers => {
                        Ok(Ready { size_bytes: Some(5), name: Some("a.1".to_string()) })
                    }
                    error => Err(error.unwrap_or(FilesError::Denied)),
                })
            }
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= OUTPUT_MAX_BYTES, "{} bytes wait", bytes.len());
        self.sent.extend_from_slice(bytes);
    }
}

/// A byte of settings, moods of the world, lengths of pieces, waits in seconds, and the dialogue.
type Script = (u8, Vec<u8>, Vec<u8>, Vec<u8>, Vec<(u8, Vec<u8>)>);

fuzz_target!(|input: Script| {
    let (offered, moods, lengths, waits, parts) = input;
    let bytes = words::text(WORDS, &parts);
    let cut = talk(offered, &moods, &lengths, &waits, &bytes);
    replies_are_legal(&cut);
    if waits.iter().all(|wait| *wait == 0) && offered & 5 == 0 {
        let whole = talk(offered, &moods, &[], &[], &bytes);
        assert_eq!(
            cut.escape_ascii().to_string(),
            whole.escape_ascii().to_string(),
            "the cuts change the dialogue"
        );
    }
});

/// What the session says.
fn talk(offered: u8, moods: &[u8], lengths: &[u8], waits: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut settings = Settings::new("ftp.example.org").expect("a legal name");
    settings.auth_tls = offered & 1 != 0;
    settings.plain_logins = if offered & 2 == 0 { PlainLogins::Always } else { PlainLogins::Devices };
    settings.mode_z = offered & 8 != 0;
    let client = "192.0.2.1".parse().expect("an address");
    let session = ServerSession::new(Arc::new(settings), client, offered & 16 != 0);
    let transfers = offered & 4 != 0;
    let place = Place { moods: moods.to_vec(), asked: 0, transfers, inside: false, sent: Vec::new() };
    let mut driven = Driven::open(session, place);
    let mut waits = waits.iter().cycle();
    for piece in pieces::pieces(bytes, lengths) {
        driven.send(piece);
        assert!(driven.input.is_empty(), "the session takes all");
        let wait = waits.next().copied().unwrap_or_default();
        driven.wait(Duration::from_secs(u64::from(wait)));
        if driven.session.is_transferring() && wait & 1 != 0 {
            let ended = if wait & 2 != 0 { Ended::Done } else { Ended::Broken };
            driven.tell(|session, now, out| session.transfer_ended(now, ended, out));
        }
        if driven.closed {
            break;
        }
    }
    driven.stop();
    std::mem::take(&mut driven.world.sent)
}

/// It begins with a greeting and is made of whole replies.
fn replies_are_legal(sent: &[u8]) {
    let sent = std::str::from_utf8(sent).expect("replies are UTF-8");
    assert!(sent.starts_with("220 ") && sent.ends_with("\r\n"));
    let mut inside: Option<&str> = None;
    for line in sent.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        inside = match (inside, line.get(..3), line.as_bytes().get(3)) {
            (None, Some(code), Some(b'-')) => Some(code),
            (None, Some(code), Some(b' ')) if code.parse::<u16>().is_ok() => None,
            (Some(begun), Some(code), Some(b' ')) if begun == code => None,
            (Some(begun), ..) if line.starts_with(' ') => Some(begun),
            _ => panic!("no reply: {line:?}"),
        };
    }
    assert_eq!(inside, None, "a reply without end");
}
