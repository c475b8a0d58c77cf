//! Answers that are not made from a zone: refusals, and the heads of special answers.

use ::dns::{Class, Flags, Header, MessageReader, MessageWriter, Name, Question, Rcode, RecordType, Section};

/// Extended errors (RFC 8914 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// The client may not do that.
    Prohibited = 18,
    /// This server has no such zone.
    NotAuthoritative = 20,
    /// A zone is here and cannot be served now.
    NotReady = 14,
}

/// The option's number (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;
/// What we say we take by UDP, in bytes (RFC 9715 §3.2).
const PAYLOAD_MAX_BYTES: u16 = 1232;

/// Whether a message has an OPT record; the first question on the way.
fn look(message: &[u8]) -> (Option<Question>, bool) {
    let Ok(mut reader) = MessageReader::new(message) else { return (None, false) };
    let question = match reader.header().counts[0] {
        1 => reader.question().ok().flatten(),
        _ => None,
    };
    while let Ok(Some(raw)) = reader.raw_record() {
        if raw.rtype == RecordType::OPT && raw.section == Section::Additional {
            return (question, true);
        }
    }
    (question, false)
}

/// The answer to `message` by a code: its id, opcode and question, and an OPT record if it had one. Empty for
/// what has no id to answer to, and for answers.
pub fn refuse(message: &[u8], code: Rcode, extended: Option<Extended>) -> Vec<u8> {
    let Some(header) = Header::read(message).filter(|header| !header.flags.has(Flags::QR)) else {
        return Vec::new();
    };
    let flags = Flags::QR.with_opcode(header.flags.opcode()).with_rcode(code);
    let flags = if header.flags.has(Flags::RD) { flags.with(Flags::RD) } else { flags };
    let (question, has_opt) = look(message);
    let mut writer = MessageWriter::new(Vec::new(), header.id, flags, usize::from(PAYLOAD_MAX_BYTES));
    if let Some(question) = &question {
        // Anything that was read fits.
        let _ = writer.question(question);
    }
    if has_opt {
        let options = extended.map(|extended| {
            let mut option = EXTENDED_ERROR.to_be_bytes().to_vec();
            option.extend_from_slice(&[0, 2]);
            option.extend_from_slice(&(extended as u16).to_be_bytes());
            option
        });
        let class = Class(PAYLOAD_MAX_BYTES);
        let fixed = (RecordType::OPT, class, u32::from(code.0 >> 4) << 24);
        let _ = writer.raw(Section::Additional, &Name::root(), fixed, &options.unwrap_or_default());
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(with_opt: bool) -> Vec<u8> {
        let mut writer = MessageWriter::new(Vec::new(), 77, Flags::RD, 512);
        let question =
            Question { name: "WWW.Example.".parse().unwrap(), rtype: RecordType::AXFR, class: Class::IN };
        writer.question(&question).unwrap();
        if with_opt {
            writer.raw(Section::Additional, &Name::root(), (RecordType::OPT, Class(4096), 0), b"").unwrap();
        }
        writer.finish()
    }

    #[test]
    fn a_refusal_repeats_the_question_and_says_more_to_those_who_understand() {
        let plain = refuse(&query(false), Rcode::REFUSED, Some(Extended::Prohibited));
        assert_eq!(plain[..4], [0, 77, 0x81, 5]);
        assert_eq!(plain[12..], query(false)[12..]);
        let told = refuse(&query(true), Rcode::REFUSED, Some(Extended::Prohibited));
        assert!(told.ends_with(&[0, 15, 0, 2, 0, 18]));
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let mut answer = query(false);
        answer[2] |= 0x80;
        assert!(refuse(&answer, Rcode::FORMERR, None).is_empty());
        for cut in 0..12 {
            assert!(refuse(&query(false)[..cut], Rcode::FORMERR, None).is_empty());
        }
        for cut in 12..query(true).len() {
            assert_eq!(refuse(&query(true)[..cut], Rcode::FORMERR, None)[3] & 15, 1);
        }
    }
}
