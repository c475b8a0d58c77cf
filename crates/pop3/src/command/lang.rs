//! LANG: the language of texts for people (RFC 6856 §3).

use super::{Args, Stage, Turn};
use crate::authorization::{self, Authorization};
use crate::refusal::Refusal;
use crate::reply;
use crate::settings::Settings;
use crate::transaction::{self, Transaction};

/// The languages that there are texts in: tag and name. The first is the operator's (`*`).
const LANGUAGES: &[(&str, &str)] = &[("en", "English"), ("i-default", "Default language")];

pub(crate) fn before(
    _: &mut Authorization,
    args: Args<'_>,
    turn: &mut Turn<'_>,
) -> Result<authorization::Next, Refusal> {
    answer(args, turn).map(|()| authorization::Next::Stay)
}

pub(crate) fn during(
    _: &mut Transaction,
    args: Args<'_>,
    turn: &mut Turn<'_>,
) -> Result<transaction::Next, Refusal> {
    answer(args, turn).map(|()| transaction::Next::Stay)
}

fn answer(args: Args<'_>, turn: &mut Turn<'_>) -> Result<(), Refusal> {
    let Some(range) = args.optional()? else {
        reply::ok(turn.out, "Languages follow");
        for (tag, name) in LANGUAGES {
            turn.out.extend_from_slice(format!("{tag} {name}\r\n").as_bytes());
        }
        turn.out.extend_from_slice(b".\r\n");
        return Ok(());
    };
    let (tag, name) = find(range).ok_or(Refusal::UnknownLanguage)?;
    reply::ok(turn.out, &format!("{tag} {name}"));
    Ok(())
}

/// Looks a language range up, shorter and shorter (RFC 4647 §3.4): `en-GB` finds `en`.
fn find(range: &[u8]) -> Option<&'static (&'static str, &'static str)> {
    if range == b"*" {
        return LANGUAGES.first();
    }
    let mut range = range;
    loop {
        let found = LANGUAGES.iter().find(|(tag, _)| tag.as_bytes().eq_ignore_ascii_case(range));
        if found.is_some() {
            return found;
        }
        range = &range[..range.iter().rposition(|byte| *byte == b'-')?];
    }
}

/// RFC 6856 §3.1.
pub(crate) fn capability(_: &Settings, _: &sasl::Offer, _: Stage) -> Option<String> {
    Some("LANG".to_string())
}
