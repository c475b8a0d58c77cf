//! What happens to bytes between a file and the wire: line ends (TYPE A) and compression (MODE Z).

use super::cut::Cut;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use ftp::Representation;
use ftp::ascii::{FromWire, ToWire};
use std::io::Write;

/// Decompressed at once, so that a few bytes cannot become gigabytes in memory.
const PIECE_BYTES: usize = 64 * 1024;

/// Makes a file's bytes into those on the wire.
#[derive(Default)]
pub struct Outgoing {
    ascii: Option<ToWire>,
    deflate: Option<ZlibEncoder<Vec<u8>>>,
    lines: Vec<u8>,
}

impl Outgoing {
    /// As the transfer wants it.
    pub fn new(representation: Representation, deflate: bool) -> Outgoing {
        Outgoing {
            ascii: (representation == Representation::Ascii).then(ToWire::new),
            deflate: deflate.then(|| ZlibEncoder::new(Vec::new(), Compression::fast())),
            lines: Vec::new(),
        }
    }

    /// True if bytes go out as they are.
    pub fn is_identity(&self) -> bool {
        self.ascii.is_none() && self.deflate.is_none()
    }

    /// Adds what `piece` is on the wire to `out`.
    pub fn convert(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Outgoing { ascii, deflate, lines } = self;
        match (ascii, deflate) {
            (None, None) => out.extend_from_slice(piece),
            (Some(ascii), None) => ascii.convert(piece, out),
            (None, Some(deflate)) => compress(deflate, piece, out),
            (Some(ascii), Some(deflate)) => {
                lines.clear();
                ascii.convert(piece, lines);
                compress(deflate, lines, out);
            }
        }
    }

    /// The file has ended: adds what is left to `out`.
    pub fn finish(self, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        if let Some(Ok(last)) = self.deflate.map(ZlibEncoder::finish) {
            out.extend_from_slice(&last);
        }
    }
}

fn compress(deflate: &mut ZlibEncoder<Vec<u8>>, piece: &[u8], out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = deflate.write_all(piece);
    out.append(deflate.get_mut());
}

/// Makes bytes of the wire into those of a file.
#[derive(Default)]
pub struct Incoming {
    inflate: Option<Inflate>,
    ascii: Option<FromWire>,
    lines: Vec<u8>,
}

struct Inflate {
    stream: Decompress,
    space: Vec<u8>,
    ended: bool,
}

impl Incoming {
    /// As the transfer wants it.
    pub fn new(representation: Representation, deflate: bool) -> Incoming {
        let inflate = || Inflate { stream: Decompress::new(true), space: vec![0; PIECE_BYTES], ended: false };
        Incoming {
            inflate: deflate.then(inflate),
            ascii: (representation == Representation::Ascii).then(FromWire::new),
            lines: Vec::new(),
        }
    }

    /// Hands what `piece` is in the file to `take`, in bounded portions.
    ///
    /// # Errors
    /// [`Cut::Undecodable`]; those of `take`.
    pub fn convert(
        &mut self,
        mut piece: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), Cut>,
    ) -> Result<(), Cut> {
        let Incoming { inflate, ascii, lines } = self;
        let Some(inflate) = inflate else { return from_lines(ascii, lines, piece, take) };
        loop {
            if inflate.ended {
                return if piece.is_empty() { Ok(()) } else { Err(Cut::Undecodable) };
            }
            let Inflate { stream, space, .. } = inflate;
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(piece, space, FlushDecompress::None);
            inflate.ended = status.map_err(|_| Cut::Undecodable)? == Status::StreamEnd;
            // Both are at most the lengths of the slices.
            let read = usize::try_from(inflate.stream.total_in() - read).unwrap_or(piece.len());
            let written = usize::try_from(inflate.stream.total_out() - written).unwrap_or(PIECE_BYTES);
            piece = &piece[read..];
            from_lines(ascii, lines, &inflate.space[..written], take)?;
            // Without room left in the space more may be to come from what was read already.
            if piece.is_empty() && written < PIECE_BYTES {
                return Ok(());
            }
        }
    }

    /// The wire has ended: hands what is left to `take`.
    ///
    /// # Errors
    /// [`Cut::Undecodable`] if the compressed stream has not ended; those of `take`.
    pub fn finish(self, take: &mut dyn FnMut(&[u8]) -> Result<(), Cut>) -> Result<(), Cut> {
        if self.inflate.is_some_and(|inflate| !inflate.ended) {
            return Err(Cut::Undecodable);
        }
        let mut last = Vec::new();
        if let Some(mut ascii) = self.ascii {
            ascii.finish(&mut last);
        }
        if last.is_empty() { Ok(()) } else { take(&last) }
    }
}

fn from_lines(
    ascii: &mut Option<FromWire>,
    lines: &mut Vec<u8>,
    piece: &[u8],
    take: &mut dyn FnMut(&[u8]) -> Result<(), Cut>,
) -> Result<(), Cut> {
    let Some(ascii) = ascii else { return if piece.is_empty() { Ok(()) } else { take(piece) } };
    lines.clear();
    ascii.convert(piece, lines);
    if lines.is_empty() { Ok(()) } else { take(lines) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(representation: Representation, deflate: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut filter, mut out) = (Outgoing::new(representation, deflate), Vec::new());
        pieces.iter().for_each(|piece| filter.convert(piece, &mut out));
        filter.finish(&mut out);
        out
    }

    fn back(
        representation: Representation,
        deflate: bool,
        pieces: &[&[u8]],
    ) -> Result<(Vec<u8>, usize), Cut> {
        let (mut filter, mut file, mut largest) = (Incoming::new(representation, deflate), Vec::new(), 0);
        let mut take = |bytes: &[u8]| {
            largest = largest.max(bytes.len());
            file.extend_from_slice(bytes);
            Ok(())
        };
        for piece in pieces {
            filter.convert(piece, &mut take)?;
        }
        filter.finish(&mut take)?;
        Ok((file, largest))
    }

    #[test]
    fn bytes_come_back_whatever_was_done_to_them_wherever_they_are_cut() {
        let file = b"one\ntwo\n\nthree";
        for representation in [Representation::Ascii, Representation::Image] {
            for deflate in [false, true] {
                let wire = out(representation, deflate, &[file]);
                for cut in 0..=wire.len() {
                    let (a, b) = wire.split_at(cut);
                    assert_eq!(back(representation, deflate, &[a, b]).unwrap().0, file, "cut at {cut}");
                }
                let singles: Vec<&[u8]> = file.chunks(1).collect();
                let (file_again, _) =
                    back(representation, deflate, &[&out(representation, deflate, &singles)]).unwrap();
                assert_eq!(file_again, file);
            }
        }
        assert_eq!(out(Representation::Ascii, false, &[b"a\nb"]), b"a\r\nb");
    }

    #[test]
    fn what_is_not_compressed_or_not_whole_is_refused() {
        let wire = out(Representation::Image, true, &[b"content"]);
        let faults: [&[&[u8]]; 4] =
            [&[b"not compressed"], &[&wire[..wire.len() - 1]], &[], &[&wire, b"behind the end"]];
        for pieces in faults {
            assert!(matches!(back(Representation::Image, true, pieces), Err(Cut::Undecodable)));
        }
    }

    #[test]
    fn a_few_bytes_do_not_become_many_at_once() {
        let zeros = vec![0; 20 << 20];
        let wire = out(Representation::Image, true, &[&zeros]);
        assert!(wire.len() < 200_000);
        let (file, largest) = back(Representation::Image, true, &[&wire]).unwrap();
        assert!(file == zeros && largest <= PIECE_BYTES);
    }
}
