//! The commands, one row each; capabilities are made from the rows.

mod auth;
mod capa;
mod dele;
mod lang;
mod list;
mod noop;
mod pass;
pub(crate) mod quit;
mod retr;
mod rset;
mod stat;
mod stls;
mod top;
mod uidl;
mod user;
mod utf8;

use crate::authorization::{self, Authorization};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::transaction::{self, Transaction};

/// What a command may see of its session, and where it answers.
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) offer: &'a sasl::Offer,
    pub(crate) out: &'a mut Vec<u8>,
}

type InAuthorization =
    fn(&mut Authorization, Args<'_>, &mut Turn<'_>) -> Result<authorization::Next, Refusal>;
type InTransaction = fn(&mut Transaction, Args<'_>, &mut Turn<'_>) -> Result<transaction::Next, Refusal>;
type Capability = fn(&Settings, &sasl::Offer, Stage) -> Option<String>;

/// Which of the two states with commands a session is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before login (RFC 1939 §4).
    Authorization,
    /// With a maildrop open (RFC 1939 §5).
    Transaction,
}

/// A row of [`COMMANDS`].
pub struct Command {
    /// Its verb, in capitals.
    pub verb: &'static str,
    /// The form of the whole command, with all its arguments.
    pub usage: &'static str,
    /// Where it is specified.
    pub standard: &'static str,
    authorization: Option<InAuthorization>,
    transaction: Option<InTransaction>,
    capability: Option<Capability>,
}

/// All commands.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("AUTH", "AUTH mechanism initial-response", "RFC 5034 §4").before(auth::run).announced(auth::capability),
    row("CAPA", "CAPA", "RFC 2449 §5").before(capa::before).during(capa::during),
    row("DELE", "DELE message", "RFC 1939 §5").during(dele::run),
    row("LANG", "LANG language", "RFC 6856 §3").before(lang::before).during(lang::during).announced(lang::capability),
    row("LIST", "LIST message", "RFC 1939 §5").during(list::run),
    row("NOOP", "NOOP", "RFC 1939 §5").during(noop::run),
    row("PASS", "PASS password", "RFC 1939 §7").before(pass::run),
    row("QUIT", "QUIT", "RFC 1939 §4, §6").before(quit::before).during(quit::during),
    row("RETR", "RETR message", "RFC 1939 §5").during(retr::run),
    row("RSET", "RSET", "RFC 1939 §5").during(rset::run),
    row("STAT", "STAT", "RFC 1939 §5").during(stat::run),
    row("STLS", "STLS", "RFC 2595 §4").before(stls::run).announced(stls::capability),
    row("TOP", "TOP message lines", "RFC 1939 §7").during(top::run).announced(top::capability),
    row("UIDL", "UIDL message", "RFC 1939 §7").during(uidl::run).announced(uidl::capability),
    row("USER", "USER name", "RFC 1939 §7").before(user::run).announced(user::capability),
    row("UTF8", "UTF8", "RFC 6856 §2.1").before(utf8::run).announced(utf8::capability),
];

const fn row(verb: &'static str, usage: &'static str, standard: &'static str) -> Command {
    Command { verb, usage, standard, authorization: None, transaction: None, capability: None }
}

impl Command {
    const fn before(mut self, run: InAuthorization) -> Command {
        self.authorization = Some(run);
        self
    }

    const fn during(mut self, run: InTransaction) -> Command {
        self.transaction = Some(run);
        self
    }

    const fn announced(mut self, capability: Capability) -> Command {
        self.capability = Some(capability);
        self
    }

    /// Whether the command can be given at that stage.
    pub fn is_possible(&self, stage: Stage) -> bool {
        match stage {
            Stage::Authorization => self.authorization.is_some(),
            Stage::Transaction => self.transaction.is_some(),
        }
    }
}

/// A command line taken apart.
pub(crate) struct Line<'a> {
    command: &'static Command,
    args: Args<'a>,
}

impl<'a> Line<'a> {
    /// Finds the command of a line; verbs are taken in any case (RFC 1939 §3).
    pub(crate) fn parse(line: &'a [u8]) -> Result<Line<'a>, Refusal> {
        let at = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (verb, rest) = line.split_at(at);
        let command = COMMANDS.iter().find(|row| row.verb.as_bytes().eq_ignore_ascii_case(verb));
        let command = command.ok_or(Refusal::UnknownCommand)?;
        let args = Args { rest: rest.strip_prefix(b" "), usage: command.usage };
        Ok(Line { command, args })
    }

    /// The command's verb.
    pub(crate) fn verb(&self) -> &'static str {
        self.command.verb
    }

    pub(crate) fn run_before(
        self,
        state: &mut Authorization,
        turn: &mut Turn<'_>,
    ) -> Result<authorization::Next, Refusal> {
        let run = self.command.authorization.ok_or(Refusal::WrongState)?;
        run(state, self.args, turn)
    }

    pub(crate) fn run_during(
        self,
        state: &mut Transaction,
        turn: &mut Turn<'_>,
    ) -> Result<transaction::Next, Refusal> {
        let run = self.command.transaction.ok_or(Refusal::WrongState)?;
        run(state, self.args, turn)
    }
}

/// What follows a verb, and the form it should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Args<'a> {
    rest: Option<&'a [u8]>,
    usage: &'static str,
}

impl<'a> Args<'a> {
    /// All behind the first space, spaces included, if there is any: passwords may hold spaces
    /// (RFC 1939 §7).
    pub(crate) fn all(self) -> Result<&'a [u8], Refusal> {
        self.rest.filter(|rest| !rest.is_empty()).ok_or(self.syntax())
    }

    /// No arguments. A few clients send a space behind the verb.
    pub(crate) fn none(self) -> Result<(), Refusal> {
        let [] = self.words()?;
        Ok(())
    }

    /// Exactly `N` words.
    pub(crate) fn words<const N: usize>(self) -> Result<[&'a [u8]; N], Refusal> {
        let words: Vec<&[u8]> = self.split().collect();
        words.try_into().map_err(|_| self.syntax())
    }

    /// One word or none.
    pub(crate) fn optional(self) -> Result<Option<&'a [u8]>, Refusal> {
        let mut words = self.split();
        match (words.next(), words.next()) {
            (first, None) => Ok(first),
            _ => Err(self.syntax()),
        }
    }

    /// The words, however many spaces stand between them.
    pub(crate) fn split(self) -> impl Iterator<Item = &'a [u8]> {
        self.rest.unwrap_or_default().split(|byte| *byte == b' ').filter(|word| !word.is_empty())
    }

    /// The refusal of arguments of another form.
    pub(crate) fn syntax(self) -> Refusal {
        Refusal::Syntax(self.usage)
    }

    /// The number of a message: 1 or more, without sign or leading zeros. What is too large for
    /// 64 bits is no message's number, but well formed.
    pub(crate) fn message(self, word: &[u8]) -> Result<u64, Refusal> {
        match number(word) {
            Some(0) => Err(Refusal::NoSuchMessage),
            Some(number) => Ok(number),
            None => Err(self.syntax()),
        }
    }

    /// A number of lines: 0 or more.
    pub(crate) fn count(self, word: &[u8]) -> Result<u64, Refusal> {
        number(word).ok_or(self.syntax())
    }
}

/// A number in digits; `u64::MAX` stands for all that are larger.
fn number(word: &[u8]) -> Option<u64> {
    let canonical = word == b"0" || !word.starts_with(b"0");
    if word.is_empty() || !canonical || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(word.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_digits() {
        for (word, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("01", None),
            ("00", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("0x1", None),
            ("١", None),
        ] {
            assert_eq!(number(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn rows_are_sorted_and_reachable() {
        assert!(COMMANDS.is_sorted_by_key(|row| row.verb));
        for row in COMMANDS {
            assert!(row.usage.starts_with(row.verb), "{}", row.verb);
            assert!(row.is_possible(Stage::Authorization) || row.is_possible(Stage::Transaction));
        }
    }
}
