//! `DotReader`, in any pieces, against a search for CRLF.CRLF in the whole; and `DotWriter` read back.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use wire::Input;
use wire::dot::{BodyEnd, DotReader, DotWriter};

/// What reading gave: the body as kept, what was said of it, and the bytes behind its end.
type Read = (Vec<u8>, Option<BodyEnd>, Vec<u8>);

fuzz_target!(|input: (u8, u8, Vec<u8>, Vec<u8>)| {
    let (size_max_bytes, line_len_max_bytes, lengths, bytes) = input;
    let (size, line) = (u64::from(size_max_bytes), usize::from(line_len_max_bytes));
    let in_pieces = read(&bytes, &lengths, size, line);
    assert_eq!(in_pieces, read(&bytes, &[], size, line), "the cuts change the result");
    agrees_with_oracle(&bytes, &in_pieces, size);
    comes_back(&bytes, &lengths);
});

fn read(bytes: &[u8], lengths: &[u8], size_max_bytes: u64, line_len_max_bytes: usize) -> Read {
    let mut reader = DotReader::new(size_max_bytes, line_len_max_bytes);
    let (mut input, mut body, mut end) = (Input::new(), Vec::new(), None);
    for piece in pieces::pieces(bytes, lengths) {
        input.push(piece);
        if end.is_none() {
            end = reader.read(&mut input, |kept| body.extend_from_slice(kept));
        }
    }
    (body, end, input.as_slice().to_vec())
}

fn agrees_with_oracle(bytes: &[u8], (body, end, rest): &Read, size_max_bytes: u64) {
    let framed = [b"\r\n", bytes].concat();
    let Some(at) = framed.windows(5).position(|window| window == b"\r\n.\r\n") else {
        assert_eq!(*end, None, "an end was found where there is none");
        return;
    };
    let text = &framed[..at + 2];
    let stuffed = |at: &usize| text[*at] == b'.' && text[..*at].ends_with(b"\r\n");
    let whole: Vec<u8> = (2..text.len()).filter(|at| !stuffed(at)).map(|at| text[at]).collect();
    let kept = usize::try_from(size_max_bytes).map_or(whole.len(), |max| max.min(whole.len()));
    let end = end.expect("the end was missed");
    assert_eq!((body.as_slice(), rest.as_slice()), (&whole[..kept], &framed[at + 5..]));
    assert_eq!((end.len_bytes, end.too_large), (whole.len() as u64, kept < whole.len()));
    assert_eq!(end.faults.nul, whole.contains(&0));
}

/// Text with CRLF line ends is read as it was before it was stuffed.
fn comes_back(bytes: &[u8], lengths: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let text: Vec<u8> = lines.flat_map(|line| [line, b"\r\n"].concat()).collect();
    let (mut writer, mut wire) = (DotWriter::new(), Vec::new());
    for piece in pieces::pieces(&text, lengths) {
        writer.write(piece, &mut wire);
    }
    writer.finish(&mut wire);
    let (body, end, rest) = read(&wire, lengths, u64::MAX, usize::MAX);
    assert!(end.is_some() && rest.is_empty());
    assert_eq!(body, text);
}
