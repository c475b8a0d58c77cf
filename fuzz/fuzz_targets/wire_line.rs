//! `LineReader`, in any pieces, against splitting the whole at each LF.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use wire::Input;
use wire::line::{LineEnd, LineError, LineReader};

type Line = Result<Vec<u8>, LineError>;

fuzz_target!(|input: (u8, bool, Vec<u8>, Vec<u8>)| {
    let (len_max_bytes, strict, lengths, bytes) = input;
    let len_max_bytes = usize::from(len_max_bytes);
    let end = if strict { LineEnd::CrLf } else { LineEnd::CrLfOrLf };
    let mut reader = LineReader::new(len_max_bytes, end);
    let (mut input, mut lines) = (Input::new(), Vec::new());
    for piece in pieces::pieces(&bytes, &lengths) {
        input.push(piece);
        while let Some(line) = reader.next(&mut input) {
            lines.push(line);
        }
        assert!(input.len() <= len_max_bytes, "more is kept than the limit");
    }
    let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let expected: Vec<Line> = whole.map(|line| judge(line, len_max_bytes, strict)).collect();
    assert_eq!(lines, expected);
});

/// What is to be said of a line with its LF.
fn judge(line: &[u8], len_max_bytes: usize, strict: bool) -> Line {
    let crlf = line.ends_with(b"\r\n");
    let text = &line[..line.len() - if crlf { 2 } else { 1 }];
    if line.len() > len_max_bytes {
        return Err(LineError::TooLong);
    }
    if strict && !crlf {
        return Err(LineError::BareLf);
    }
    for byte in text {
        match byte {
            b'\r' => return Err(LineError::BareCr),
            0 => return Err(LineError::Nul),
            _ => {}
        }
    }
    Ok(text.to_vec())
}
