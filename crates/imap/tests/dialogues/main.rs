//! Replays `transcripts/` against sessions and a made-up house of mail, cut at every byte.

mod commands;
mod house;

use house::House;
use imap::{Session, Settings, TlsState};
use std::path::Path;
use transcript::{MemoryPeer, Peer, Script};
use wire::Budget;

fn open(script: &Script) -> Box<dyn Peer> {
    let number = |key: &str, default: &str| script.setting(key, default).parse().expect("a number");
    let settings = Settings {
        hostname: "mx.example.org".into(),
        tls: match script.setting("tls", "none") {
            "active" => TlsState::Active,
            "available" => TlsState::Available,
            _ => TlsState::Unavailable,
        },
        bindings: Vec::new(),
        allow_plaintext: script.setting("plaintext", "on") == "on",
        message_max_bytes: number("message_max_bytes", "1000"),
        budget: Budget::new(usize::try_from(number("budget_bytes", "1000000")).expect("fits")),
    };
    Box::new(MemoryPeer::open(Session::new(settings), House::new()))
}

#[test]
fn dialogues() {
    transcript::check_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts"), open);
}

/// Every command has a dialogue named after it.
#[test]
fn every_command_has_a_dialogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    for row in imap::command::COMMANDS {
        let start = format!("{}-", row.name.to_ascii_lowercase());
        let mut names =
            folder.read_dir().expect("the folder").map(|entry| entry.expect("an entry").file_name());
        assert!(names.any(|name| name.to_string_lossy().starts_with(&start)), "no {start}*.txt");
    }
}
