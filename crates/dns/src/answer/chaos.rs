//! Names of the server itself, in class CH (RFC 4892).

use super::out::{Full, Out};
use super::{Context, Kind, Verdict};
use crate::code::{Class, Rcode, RecordType};
use crate::compiled::{Key, QNAME_AT};

pub(super) fn answer(
    rtype: RecordType,
    key: &Key,
    context: &Context<'_>,
    out: &mut Out<'_>,
) -> Result<Verdict, (Full, Verdict)> {
    let text = match key.name() {
        b"\x02id\x06server\0" | b"\x08hostname\x04bind\0" => context.server_id,
        b"\x07version\x06server\0" | b"\x07version\x04bind\0" => context.version,
        _ => b"",
    };
    if text.is_empty() {
        return Ok(Verdict::error(Rcode::REFUSED, None));
    }
    let kind = if rtype == RecordType::TXT { Kind::Positive } else { Kind::NoData };
    let verdict = Verdict {
        rcode: Rcode::NOERROR,
        kind,
        authoritative: true,
        rate_key: key.hash(0),
        extended_error: None,
    };
    if rtype == RecordType::TXT {
        let mut data = [0; 256];
        let len = text.len().min(255);
        data[0] = len as u8;
        data[1..=len].copy_from_slice(&text[..len]);
        if out.made_record(QNAME_AT, (rtype, Class::CH.0), [0; 4], &data[..=len]).is_err() {
            return Err((Full, verdict));
        }
    }
    Ok(verdict)
}
