//! `CommandReader`, in any pieces, against the same in one piece; and every command it hands on
//! keeps to its limits and has its literals whole.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use wire::Input;
use wire::literal::{CommandLimits, CommandReader, Step};

const LIMITS: CommandLimits = CommandLimits { text_len_max_bytes: 60, discard_max_bytes: 100 };

/// How large a literal may be.
const LITERAL_MAX_BYTES: u64 = 20;

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (lengths, bytes) = input;
    let steps = read(&bytes, &lengths);
    assert_eq!(steps, read(&bytes, &[]), "the cuts change the result");
    for step in &steps {
        if let Step::Command(command) = step {
            is_whole(command);
        }
    }
});

/// The steps up to the one at which a driver would close.
fn read(bytes: &[u8], lengths: &[u8]) -> Vec<Step> {
    let (mut reader, mut input, mut steps) = (CommandReader::new(LIMITS), Input::new(), Vec::new());
    for piece in pieces::pieces(bytes, lengths) {
        input.push(piece);
        while let Some(step) = reader.next(&mut input, |_| LITERAL_MAX_BYTES) {
            let closes = step == Step::Undrainable;
            steps.push(step);
            if closes {
                return steps;
            }
        }
    }
    steps
}

/// Walks over a command by its own literals: it must end where its text ends.
fn is_whole(command: &[u8]) {
    let (mut rest, mut text_len_bytes) = (command, 0);
    loop {
        let line_len = rest.windows(2).position(|window| window == b"\r\n").unwrap_or(rest.len());
        let (line, after) = rest.split_at(line_len);
        text_len_bytes += line.len();
        assert!(text_len_bytes <= LIMITS.text_len_max_bytes);
        assert!(!line.contains(&b'\r') && !line.contains(&0));
        let Some(size) = announced(line) else {
            assert!(after.is_empty(), "text goes on behind a line without a literal");
            return;
        };
        assert!(size as u64 <= LITERAL_MAX_BYTES);
        rest = after.strip_prefix(b"\r\n").and_then(|after| after.get(size..)).expect("a literal is cut off");
    }
}

/// The number in `{n}` or `{n+}` at the end of a line.
fn announced(line: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(line);
    let inner = text.strip_suffix('}')?.rsplit_once('{')?.1;
    let digits = inner.strip_suffix('+').unwrap_or(inner);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}
