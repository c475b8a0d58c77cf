//! The commands: one row each, one file each in `command/`.

mod append;
mod authenticate;
mod capability;
mod check;
mod close;
mod copy;
mod create;
mod delete;
mod enable;
mod examine;
mod expunge;
mod fetch;
mod id;
mod idle;
mod list;
mod login;
mod logout;
mod lsub;
mod r#move;
mod namespace;
mod noop;
mod rename;
mod search;
mod select;
mod starttls;
mod status;
mod store;
mod subscribe;
mod unselect;
mod unsubscribe;

pub use append::Append;
pub use authenticate::Authenticate;
pub use copy::Copy;
pub use create::Create;
pub use delete::Delete;
pub use enable::Enable;
pub use expunge::Expunge;
pub use fetch::write_part;
pub use fetch::{
    BinaryFetch, BodyFetch, Fetch, FetchItem, PartNumber, Partial, Rfc822, Section, SectionText,
};
pub use id::{Id, IdPair};
pub use list::{List, ListReturn, ListSelection};
pub use login::Login;
pub use lsub::Lsub;
pub use rename::Rename;
pub use search::{Search, SearchReturn};
pub use select::Select;
pub use status::{Status, StatusItem};
pub use store::{Store, StoreAction};
pub use subscribe::Subscribe;
pub use unsubscribe::Unsubscribe;

use crate::cursor::{Cursor, Numbering, Parsed};
use crate::error::Fault;
use crate::mailbox::NameError;

/// What a client may ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// CAPABILITY
    Capability,
    /// LOGOUT
    Logout,
    /// STARTTLS
    StartTls,
    /// ID
    Id(Id),
    /// AUTHENTICATE
    Authenticate(Authenticate),
    /// LOGIN
    Login(Login),
    /// ENABLE
    Enable(Enable),
    /// IDLE
    Idle,
    /// SELECT or EXAMINE of a name that no mailbox can have: fails, but closes the selected mailbox
    /// like any other (RFC 9051 §6.3.2).
    SelectNothing(NameError),
    /// What the store must carry out. NOOP before login never gets there.
    Run(Command),
}

/// Commands that the store carries out.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// NOOP: report changes.
    Noop,
    /// CHECK: report changes.
    Check,
    /// NAMESPACE
    Namespace,
    /// SELECT and EXAMINE. The mailbox that was selected before is closed by now, and the client
    /// told so, whatever comes of this one.
    Select(Select),
    /// CREATE
    Create(Create),
    /// DELETE
    Delete(Delete),
    /// RENAME
    Rename(Rename),
    /// SUBSCRIBE
    Subscribe(Subscribe),
    /// UNSUBSCRIBE
    Unsubscribe(Unsubscribe),
    /// LIST
    List(List),
    /// LSUB
    Lsub(Lsub),
    /// STATUS
    Status(Status),
    /// APPEND
    Append(Append),
    /// CLOSE: expunge without a word (unless read-only) and deselect.
    Close,
    /// UNSELECT: deselect.
    Unselect,
    /// EXPUNGE and UID EXPUNGE
    Expunge(Expunge),
    /// SEARCH and UID SEARCH
    Search(Search),
    /// FETCH and UID FETCH
    Fetch(Fetch),
    /// STORE and UID STORE
    Store(Store),
    /// COPY and UID COPY
    Copy(Copy),
    /// MOVE and UID MOVE
    Move(Copy),
}

impl Command {
    /// Whether the command tells that the client knows CONDSTORE (RFC 7162 §3.1), so that from now
    /// on every FETCH response with flags must bear a MODSEQ.
    pub fn enables_condstore(&self) -> bool {
        match self {
            Command::Select(select) => select.condstore,
            Command::Status(status) => status.items.contains(&StatusItem::HighestModSeq),
            Command::List(list) => list.returns.status.contains(&StatusItem::HighestModSeq),
            Command::Fetch(fetch) => {
                fetch.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq)
            }
            Command::Store(store) => store.unchanged_since.is_some(),
            Command::Search(search) => search.key.uses_modseq(),
            _ => false,
        }
    }

    /// Whether the command changes the selected mailbox and is refused after EXAMINE. (CLOSE is
    /// allowed and expunges nothing then, RFC 9051 §6.4.1.)
    pub fn changes_selected(&self) -> bool {
        matches!(self, Command::Expunge(_) | Command::Store(_) | Command::Move(_))
    }
}

/// When a command is allowed (RFC 9051 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Any,
    /// Before login.
    NotAuthenticated,
    /// After login, with or without a mailbox.
    Authenticated,
    /// With a mailbox.
    Selected,
}

/// Which forms a command has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// Without UID prefix.
    Bare,
    /// With and without UID prefix (RFC 9051 §6.4.9).
    BareOrUid,
}

/// A row of [`COMMANDS`].
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name in capitals.
    pub name: &'static str,
    /// When it is allowed.
    pub when: When,
    /// Whether it can be prefixed with UID.
    pub forms: Forms,
    /// What it adds to the capability list.
    pub capabilities: &'static [&'static str],
    /// Reads the arguments, from behind the name to the end.
    pub parse: fn(&mut Cursor, Numbering) -> Parsed<Request>,
}

const fn row(
    name: &'static str,
    when: When,
    forms: Forms,
    capabilities: &'static [&'static str],
    parse: fn(&mut Cursor, Numbering) -> Parsed<Request>,
) -> Row {
    Row { name, when, forms, capabilities, parse }
}

use Forms::{Bare, BareOrUid};
use When::{Any, Authenticated, NotAuthenticated, Selected};

/// Every command.
#[rustfmt::skip]
pub const COMMANDS: &[Row] = &[
    row("CAPABILITY", Any, Bare, &[], capability::parse),
    row("NOOP", Any, Bare, &[], noop::parse),
    row("LOGOUT", Any, Bare, &[], logout::parse),
    row("ID", Any, Bare, &["ID"], id::parse),
    row("STARTTLS", NotAuthenticated, Bare, &[], starttls::parse),
    row("AUTHENTICATE", NotAuthenticated, Bare, &["SASL-IR"], authenticate::parse),
    row("LOGIN", NotAuthenticated, Bare, &[], login::parse),
    row("ENABLE", Authenticated, Bare, &["ENABLE"], enable::parse),
    row("SELECT", Authenticated, Bare, &[], select::parse),
    row("EXAMINE", Authenticated, Bare, &[], examine::parse),
    row("CREATE", Authenticated, Bare, &[], create::parse),
    row("DELETE", Authenticated, Bare, &[], delete::parse),
    row("RENAME", Authenticated, Bare, &[], rename::parse),
    row("SUBSCRIBE", Authenticated, Bare, &[], subscribe::parse),
    row("UNSUBSCRIBE", Authenticated, Bare, &[], unsubscribe::parse),
    row("LIST", Authenticated, Bare, &["CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"], list::parse),
    row("LSUB", Authenticated, Bare, &[], lsub::parse),
    row("NAMESPACE", Authenticated, Bare, &["NAMESPACE"], namespace::parse),
    row("STATUS", Authenticated, Bare, &["STATUS=SIZE"], status::parse),
    row("APPEND", Authenticated, Bare, &[], append::parse),
    row("IDLE", Authenticated, Bare, &["IDLE"], idle::parse),
    row("CHECK", Selected, Bare, &[], check::parse),
    row("CLOSE", Selected, Bare, &[], close::parse),
    row("UNSELECT", Selected, Bare, &["UNSELECT"], unselect::parse),
    row("EXPUNGE", Selected, BareOrUid, &["UIDPLUS"], expunge::parse),
    row("SEARCH", Selected, BareOrUid, &["ESEARCH"], search::parse),
    row("FETCH", Selected, BareOrUid, &[], fetch::parse),
    row("STORE", Selected, BareOrUid, &[], store::parse),
    row("COPY", Selected, BareOrUid, &[], copy::parse),
    row("MOVE", Selected, BareOrUid, &["MOVE"], r#move::parse),
];

/// Finds the row that a command names, and takes the name: the cursor stands behind it.
///
/// # Errors
/// [`Fault::UnknownCommand`], also for UID before a command that has no such form.
pub fn find(cursor: &mut Cursor) -> Parsed<(&'static Row, Numbering)> {
    let unknown = |_| Fault::UnknownCommand;
    let mut name = cursor.word("a command").map_err(unknown)?;
    let mut numbering = Numbering::Sequence;
    if name == "UID" {
        cursor.space()?;
        name = cursor.word("a command").map_err(unknown)?;
        numbering = Numbering::Uid;
    }
    let row = COMMANDS.iter().find(|row| row.name == name).ok_or(Fault::UnknownCommand)?;
    if numbering == Numbering::Uid && row.forms == Bare {
        return Err(Fault::UnknownCommand);
    }
    Ok((row, numbering))
}

#[cfg(test)]
mod tests;
