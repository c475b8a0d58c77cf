//! What a session knows: of its connection, of who is logged in, of what comes next.

use crate::ask::{
    Action, Ask, ByteRange, DataConnection, FilesAnswer, FilesAsk, FilesError, HashAlgorithm, Haste, Listen,
    Placing, Representation, Route, Transfer,
};
use crate::listing::{Facts, Kind};
use crate::path::VirtualPath;
use crate::refusal::Refusal;
use crate::settings::{Profile, Settings};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The control connection. What is said of it holds across logins, until AUTH or REIN.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Its peer, in canonical form: an IPv4 address in IPv6's clothes is an IPv4 address.
    pub(crate) client: IpAddr,
    /// TLS is active.
    pub(crate) tls: bool,
    /// TLS was active from the start.
    pub(crate) implicit: bool,
    /// PBSZ was sent (RFC 4217 §8).
    pub(crate) pbsz: bool,
    /// PROT P: data connections are protected.
    pub(crate) protected: bool,
    /// What HOST named.
    pub(crate) host: Option<String>,
}

impl Channel {
    pub(crate) fn new(client: IpAddr, tls: bool) -> Channel {
        let client = client.to_canonical();
        // Clients of the port for TLS take for granted that data is protected too; it has no standard.
        Channel { client, tls, implicit: tls, pbsz: false, protected: tls, host: None }
    }

    /// Back to the beginning, but for the host: that one chose the certificate.
    pub(crate) fn reset(&mut self) {
        self.pbsz = false;
        self.protected = self.implicit;
    }
}

/// Who is logged in.
#[derive(Debug, Default)]
pub(crate) enum Login {
    /// Nobody.
    #[default]
    Nobody,
    /// USER was sent; PASS is awaited.
    Named(String),
    /// An account, and all that its commands have set.
    In(Box<Area>),
}

/// A logged-in account's state.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) user: String,
    pub(crate) profile: Profile,
    /// The working folder.
    pub(crate) cwd: VirtualPath,
    pub(crate) representation: Representation,
    /// MODE Z.
    pub(crate) deflate: bool,
    /// How the next data connection is made.
    pub(crate) route: Option<Route>,
    /// The port of the last listener, for the reply when nobody comes.
    pub(crate) passive_port: Option<u16>,
    /// EPSV ALL was sent (RFC 2428 §4).
    pub(crate) epsv_all: bool,
    /// PWD was sent, as curl does, which bears no reply that is too fast ([`Haste`]).
    pub(crate) asked_where: bool,
    /// What the next command may use.
    pub(crate) once: Once,
    /// The facts of MLSD and MLST.
    pub(crate) facts: Facts,
    /// The algorithm of HASH; `None` for the default.
    pub(crate) hash: Option<HashAlgorithm>,
    /// The last part of a cut upload whose length SIZE told.
    pub(crate) part_told: Option<PartTold>,
}

/// SIZE told the length of a part of a cut upload, so that the client goes on with it.
#[derive(Debug, Clone)]
pub(crate) struct PartTold {
    pub(crate) path: VirtualPath,
    pub(crate) size_bytes: u64,
    /// There is a file with another length, too.
    pub(crate) replaces: bool,
}

/// What a command leaves to the very next one and to no other (RFC 3659 §5.3, RFC 959 §5.4).
#[derive(Debug, Default)]
pub(crate) enum Once {
    /// Nothing.
    #[default]
    Nothing,
    /// REST.
    Restart(u64),
    /// RANG.
    Range(ByteRange),
    /// RNFR.
    RenameFrom(VirtualPath),
}

impl Once {
    /// Where a transfer is to begin.
    pub(crate) fn offset(&self) -> u64 {
        if let Once::Restart(offset) = self { *offset } else { 0 }
    }
}

impl Area {
    pub(crate) fn new(user: String, profile: Profile) -> Area {
        Area {
            user,
            profile,
            cwd: VirtualPath::root(),
            representation: Representation::default(),
            deflate: false,
            route: None,
            passive_port: None,
            epsv_all: false,
            asked_where: false,
            once: Once::Nothing,
            facts: Facts::default(),
            hash: None,
            part_told: None,
        }
    }

    /// When the client may be told where it is awaited.
    pub(crate) fn haste(&self) -> Haste {
        if self.asked_where { Haste::HeldBack } else { Haste::AtOnce }
    }

    /// The length of the part that the client goes on with when it uploads to this path. It is told once.
    pub(crate) fn take_part(&mut self, path: &VirtualPath) -> Option<u64> {
        self.part_told.take_if(|told| told.path == *path).map(|told| told.size_bytes)
    }

    /// The next data connection is made to the client. Nobody is awaited any more.
    pub(crate) fn arrange_active(&mut self, target: SocketAddr) {
        self.route = Some(Route::Active(target));
        self.passive_port = None;
    }

    /// The path that an argument names.
    pub(crate) fn path(&self, argument: &[u8]) -> Result<VirtualPath, Refusal> {
        Ok(self.cwd.resolve(argument)?)
    }

    /// The transfer of `action` over the data connection that was arranged. It is used up.
    pub(crate) fn transfer(
        &mut self,
        action: Action,
        opening: Opening,
        turn: &Turn<'_>,
    ) -> Result<Next, Refusal> {
        let Channel { tls, protected, .. } = *turn.channel;
        if tls && !protected && turn.settings.protect_data && !self.profile.plain {
            return Err(Refusal::ProtectionNeeded);
        }
        let Some(route) = self.route.take() else { return without_route(action) };
        let (binding, deflate) = (self.profile.data_binding, self.deflate);
        let data = DataConnection { route, protected, binding, deflate };
        let ask = Ask::Transfer(Box::new(Transfer { action, data }));
        Ok(Next::Ask(ask, Pending::Transfer(opening, route)))
    }
}

/// There is no way for data. What is wrong with the file is said first: a client that asks for what is not
/// there learns nothing from being sent for a data connection.
fn without_route(action: Action) -> Result<Next, Refusal> {
    let (path, offset, parts) = match action {
        Action::Retrieve { path, offset, .. } => (path, offset, false),
        Action::Store { placing: Placing::At { path, offset, .. }, .. } => (path, offset, true),
        Action::Store { .. } | Action::List { .. } => return Err(Refusal::NoDataConnection),
    };
    Next::files(FilesAsk::Look { path, parts }, move |_, told, _| match told {
        Ok(FilesAnswer::Entry(entry)) if entry.kind == Kind::Folder => Err(FilesError::NotAFile.into()),
        Ok(FilesAnswer::Entry(entry)) if offset > entry.size_bytes => Err(FilesError::BehindEnd.into()),
        Ok(FilesAnswer::Part { size_bytes, .. }) if offset > size_bytes => {
            Err(FilesError::PartKept(size_bytes).into())
        }
        Err(FilesError::NotFound) if parts => Err(FilesError::BehindEnd.into()),
        Ok(_) => Err(Refusal::NoDataConnection),
        Err(error) => Err(error.into()),
    })
}

/// What a command may see besides the login, and where it answers.
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) channel: &'a mut Channel,
    /// What the command before left for this one.
    pub(crate) once: Once,
    /// More bytes have come behind this command.
    pub(crate) more_came: bool,
    pub(crate) out: &'a mut Vec<u8>,
}

/// What a command wants to happen next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It has answered.
    Stay,
    /// It has answered; close.
    Close,
    /// It is answered when this is.
    Ask(Ask, Pending),
}

impl Next {
    /// Asks about files; what comes of it is told to `then`.
    pub(crate) fn files(
        ask: FilesAsk,
        then: impl FnOnce(&mut Area, FilesResult, &mut Vec<u8>) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<Next, Refusal> {
        Ok(Next::Ask(Ask::Files(ask), Pending::Files(Then(Box::new(then)))))
    }

    /// Asks for a change of files, answered with this reply when it is done.
    pub(crate) fn change(ask: FilesAsk, code: u16, text: impl Into<String>) -> Result<Next, Refusal> {
        let text = text.into();
        Next::files(ask, move |_, done, out| {
            done?;
            crate::reply::line(out, code, &text);
            Ok(())
        })
    }
}

/// What came of a question about files.
pub(crate) type FilesResult = Result<FilesAnswer, FilesError>;

/// What to do with an answer about files.
pub(crate) struct Then(Box<ThenDo>);

type ThenDo = dyn FnOnce(&mut Area, FilesResult, &mut Vec<u8>) -> Result<(), Refusal> + Send;

impl Then {
    pub(crate) fn told(self, area: &mut Area, told: FilesResult, out: &mut Vec<u8>) -> Result<(), Refusal> {
        (self.0)(area, told, out)
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

/// The question that is open, and what its answer is for.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Room for more to send.
    Flush,
    /// AUTH: the handshake.
    Tls,
    /// HOST: this name.
    Host(String),
    /// CLNT or CSID, with the text of the reply.
    Called(&'static str),
    /// USER without TLS: this name.
    Plain(String),
    /// PASS for this name.
    LogIn(String),
    /// USER after a login: the new name.
    LogOutFor(String),
    /// REIN.
    LogOut,
    /// PASV or EPSV.
    Listen(Listen),
    /// ABOR; whether there was nothing to abort but a data connection.
    Abort,
    /// A question about files.
    Files(Then),
    /// A transfer, and the way of its data connection, which a refusal leaves as it was.
    Transfer(Opening, Route),
}

/// How a transfer is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// RETR.
    Retrieve,
    /// STOR, APPE.
    Store,
    /// STOU.
    Unique,
    /// LIST, NLST.
    List,
    /// MLSD.
    Mlsd,
}
