//! Bodies whose length was said beforehand (BDAT, RFC 3030 §2).

use crate::Input;

/// Reads exactly the announced number of bytes.
#[derive(Debug)]
pub struct CountedReader {
    left_bytes: u64,
}

impl CountedReader {
    /// A reader of `len_bytes`.
    pub fn new(len_bytes: u64) -> CountedReader {
        CountedReader { left_bytes: len_bytes }
    }

    /// Hands what has arrived to `take`, and says whether that was all. Never reads past the end.
    pub fn read(&mut self, input: &mut Input, mut take: impl FnMut(&[u8])) -> bool {
        let count = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(input.len());
        if count > 0 {
            take(&input.as_slice()[..count]);
            input.consume(count);
            self.left_bytes -= count as u64;
        }
        self.left_bytes == 0
    }

    /// How many bytes are still to come.
    pub fn left_bytes(&self) -> u64 {
        self.left_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_announced_bytes_and_no_more() {
        for cut in 0..=8 {
            let (mut reader, mut input, mut got) = (CountedReader::new(5), Input::new(), Vec::new());
            input.push(&b"helloRST"[..cut]);
            let early = reader.read(&mut input, |piece| got.extend_from_slice(piece));
            assert_eq!(early, cut >= 5);
            input.push(&b"helloRST"[cut..]);
            assert!(reader.read(&mut input, |piece| got.extend_from_slice(piece)));
            assert_eq!((got.as_slice(), input.as_slice()), (&b"hello"[..], &b"RST"[..]));
        }
    }
}
