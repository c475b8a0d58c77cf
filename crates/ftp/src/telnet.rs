//! The Telnet layer under the control connection (RFC 959 §2.3, RFC 1123 §4.1.2.12).

use wire::Input;

const IAC: u8 = 255;
const DONT: u8 = 254;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

/// Takes Telnet commands out of what a client sends. Options are neither accepted nor refused: no answer
/// is needed for what was never offered, and so no two ends can argue for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Telnet {
    /// Among text.
    #[default]
    Text,
    /// After IAC.
    Command,
    /// After IAC and a verb of negotiation: the option follows.
    Option,
    /// Inside a subnegotiation.
    Sub,
    /// Inside a subnegotiation, after IAC.
    SubCommand,
}

impl Telnet {
    /// Moves all of `from` to `to`, without Telnet commands.
    pub(crate) fn strip(&mut self, from: &mut Input, to: &mut Input) {
        let mut bytes = from.as_slice();
        while !bytes.is_empty() {
            if *self == Telnet::Text {
                let end = bytes.iter().position(|byte| *byte == IAC).unwrap_or(bytes.len());
                to.push(&bytes[..end]);
                bytes = &bytes[end..];
            }
            let Some((byte, rest)) = bytes.split_first() else { break };
            if self.byte(*byte) {
                to.push(&[*byte]);
            }
            bytes = rest;
        }
        from.clear();
    }

    /// Whether the byte is text.
    fn byte(&mut self, byte: u8) -> bool {
        let (next, is_text) = match (*self, byte) {
            (Telnet::Text, IAC) => (Telnet::Command, false),
            (Telnet::Text, _) => (Telnet::Text, true),
            (Telnet::Command, IAC) => (Telnet::Text, true),
            (Telnet::Command, SB) => (Telnet::Sub, false),
            (Telnet::Command, WILL..=DONT) => (Telnet::Option, false),
            // IP, DM and the like. What ABOR needs of them is that they do not stand in its way.
            (Telnet::Command, SE..) => (Telnet::Text, false),
            // No command: the urgent byte of IAC DM has gone another way.
            (Telnet::Command, _) => (Telnet::Text, true),
            (Telnet::Option, _) => (Telnet::Text, false),
            (Telnet::Sub, IAC) => (Telnet::SubCommand, false),
            (Telnet::SubCommand, SE) => (Telnet::Text, false),
            (Telnet::Sub | Telnet::SubCommand, _) => (Telnet::Sub, false),
        };
        *self = next;
        is_text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut telnet, mut to) = (Telnet::default(), Input::new());
        for piece in pieces {
            let mut from = Input::new();
            from.push(piece);
            telnet.strip(&mut from, &mut to);
            assert!(from.is_empty());
        }
        to.as_slice().to_vec()
    }

    #[test]
    fn telnet_commands_are_taken_out_wherever_the_bytes_are_cut() {
        let table: &[(&[u8], &[u8])] = &[
            (b"NOOP\r\n", b"NOOP\r\n"),
            (b"\xff\xf4\xff\xf2ABOR\r\n", b"ABOR\r\n"),
            (b"\xff\xf4\xffABOR\r\n", b"ABOR\r\n"),
            (b"\xff\xfd\x01\xff\xfb\x03USER\r\n", b"USER\r\n"),
            (b"\xff\xfd\xffUSER\r\n", b"USER\r\n"),
            (b"a\xff\xffb", b"a\xffb"),
            (b"a\xff\xfa\x18\x00x\xff\xff\xff\xf0b", b"ab"),
            (b"a\xff", b"a"),
        ];
        for (bytes, expected) in table {
            for cut in 0..=bytes.len() {
                assert_eq!(strip(&[&bytes[..cut], &bytes[cut..]]), *expected, "{bytes:?} cut at {cut}");
            }
        }
    }
}
