//! TYPE A: lines end with CRLF on the wire and with LF in the file (RFC 959 §3.1.1.1).

/// Makes a file's bytes into those on the wire, piece by piece: an LF that no CR precedes gets one.
#[derive(Debug, Clone, Default)]
pub struct ToWire {
    after_cr: bool,
}

impl ToWire {
    /// A converter at the beginning of a file.
    pub fn new() -> ToWire {
        ToWire::default()
    }

    /// Adds what `piece` is on the wire to `out`: at most twice as many bytes.
    pub fn convert(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        while !piece.is_empty() {
            let Some(at) = piece.iter().position(|byte| *byte == b'\n') else {
                self.after_cr = piece.ends_with(b"\r");
                return out.extend_from_slice(piece);
            };
            let crlf = if at == 0 { self.after_cr } else { piece[at - 1] == b'\r' };
            out.extend_from_slice(&piece[..at]);
            out.extend_from_slice(if crlf { b"\n" } else { b"\r\n" });
            self.after_cr = false;
            piece = &piece[at + 1..];
        }
    }
}

/// Makes bytes of the wire into those of a file, piece by piece: CRLF becomes LF, a CR alone stays.
#[derive(Debug, Clone, Default)]
pub struct FromWire {
    held_cr: bool,
}

impl FromWire {
    /// A converter at the beginning of a file.
    pub fn new() -> FromWire {
        FromWire::default()
    }

    /// Adds what `piece` is in the file to `out`. A CR at its end is held back until what follows is known.
    pub fn convert(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        if self.held_cr && !piece.is_empty() {
            self.held_cr = false;
            if piece[0] != b'\n' {
                out.push(b'\r');
            }
        }
        while let Some(at) = piece.iter().position(|byte| *byte == b'\r') {
            out.extend_from_slice(&piece[..at]);
            match piece.get(at + 1) {
                None => {
                    self.held_cr = true;
                    return;
                }
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
            piece = &piece[at + 1..];
        }
        out.extend_from_slice(piece);
    }

    /// The file has ended: adds the CR that was held back, if there is one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to_wire<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut converter, mut out) = (ToWire::new(), Vec::new());
        pieces.into_iter().for_each(|piece| converter.convert(piece, &mut out));
        out
    }

    fn from_wire<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut converter, mut out) = (FromWire::new(), Vec::new());
        pieces.into_iter().for_each(|piece| converter.convert(piece, &mut out));
        converter.finish(&mut out);
        out
    }

    #[test]
    fn line_ends_are_converted_wherever_the_bytes_are_cut() {
        for (file, wire) in [
            ("", ""),
            ("a\nb\n", "a\r\nb\r\n"),
            ("\n\n", "\r\n\r\n"),
            ("a\r\nb", "a\r\nb"),
            ("a\rb", "a\rb"),
            ("a\r", "a\r"),
            ("\r\r\n", "\r\r\n"),
        ] {
            for cut in 0..=file.len() {
                let (a, b) = file.as_bytes().split_at(cut);
                assert_eq!(to_wire([a, b]), wire.as_bytes(), "{file:?} cut at {cut}");
            }
        }
        for (wire, file) in [
            ("", ""),
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\nb", "a\nb"),
            ("a\rb\r", "a\rb\r"),
            ("\r\r\n", "\r\n"),
            ("\r\n\r\n\r", "\n\n\r"),
        ] {
            for cut in 0..=wire.len() {
                let (a, b) = wire.as_bytes().split_at(cut);
                assert_eq!(from_wire([a, b]), file.as_bytes(), "{wire:?} cut at {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn text_survives_both_ways(text in "[a\n]{0,30}", size in 1usize..5) {
            let wire = to_wire(text.as_bytes().chunks(size));
            let expected = text.replace('\n', "\r\n").into_bytes();
            prop_assert_eq!(&wire, &expected);
            prop_assert_eq!(from_wire(wire.chunks(size)), text.as_bytes());
        }

        #[test]
        fn pieces_do_not_matter(bytes in proptest::collection::vec(prop::sample::select(b"\r\na".to_vec()), 0..30), size in 1usize..5) {
            prop_assert_eq!(to_wire(bytes.chunks(size)), to_wire([bytes.as_slice()]));
            prop_assert_eq!(from_wire(bytes.chunks(size)), from_wire([bytes.as_slice()]));
            let naive = String::from_utf8(bytes.clone()).unwrap().replace("\r\n", "\n");
            prop_assert_eq!(from_wire(bytes.chunks(size)), naive.into_bytes());
        }
    }
}
