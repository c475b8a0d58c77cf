//! Work that needs no data connection.

use super::argument::Argument;
use super::digest::Way;
use super::entry::{Facts, Kind, Listed, Modified, machine_line, number};
use super::error::Error;
use super::reply::{self, Reply};
use super::session::{Context, State};
use super::stamp::Stamp;
use super::work::Done;

/// A command that is done when its 2yz comes, and the one to send after a 3yz.
#[derive(Debug)]
pub(super) struct Plain {
    then: Option<(&'static str, Argument)>,
}

impl Plain {
    pub(super) fn begin(verb: &'static str, argument: &[u8], context: &mut Context<'_>) -> State {
        context.command(verb, argument);
        State::Plain(Plain { then: None })
    }

    /// RNFR is answered 350, then RNTO is due (RFC 959 §4.1.3).
    pub(super) fn rename(from: &Argument, to: Argument, context: &mut Context<'_>) -> State {
        context.command("RNFR", from.as_bytes());
        State::Plain(Plain { then: Some(("RNTO", to)) })
    }

    /// MFMT (draft-somers-ftp-mfxx §3.1), or the MDTM of two parameters that vsftpd and others take.
    pub(super) fn set_modified(path: &Argument, at: Stamp, context: &mut Context<'_>) -> State {
        let argument = [at.to_string().as_bytes(), b" ", path.as_bytes()].concat();
        match (context.link.features.mfmt, context.link.features.mdtm) {
            (true, _) => Plain::begin("MFMT", &argument, context),
            (false, true) => Plain::begin("MDTM", &argument, context),
            (false, false) => context.finish(Err(Error::NotOffered("a way to set times (MFMT)"))),
        }
    }

    pub(super) fn on_reply(self, reply: Reply, context: &mut Context<'_>) -> State {
        match (reply.kind(), self.then) {
            (reply::Kind::Done, None) => context.finish(Ok(Done::Said(reply))),
            (reply::Kind::More, Some((verb, argument))) => Plain::begin(verb, argument.as_bytes(), context),
            (reply::Kind::NotNow | reply::Kind::No, _) => context.refused(reply),
            _ => context.unexpected(reply),
        }
    }
}

/// Finding out what a path is.
#[derive(Debug)]
pub(super) struct Looking {
    path: Argument,
    stage: Look,
    /// Nothing but the size is wanted.
    size_alone: bool,
}

#[derive(Debug)]
enum Look {
    /// MLST tells all (RFC 3659 §7).
    Mlst,
    /// SIZE counts as a transfer would, so the type must be set first (RFC 3659 §4).
    Type,
    Size,
    Mdtm {
        size_bytes: u64,
    },
    /// What has no size may be a folder.
    Cwd {
        refusal: Reply,
    },
}

impl Looking {
    pub(super) fn begin(path: Argument, context: &mut Context<'_>) -> State {
        let stage = if context.link.features.facts.is_some() { Look::Mlst } else { Look::Type };
        Looking { path, stage, size_alone: false }.enter(context)
    }

    /// Asks for the size and nothing else.
    pub(super) fn size(path: Argument, context: &mut Context<'_>) -> State {
        Looking { path, stage: Look::Type, size_alone: true }.enter(context)
    }

    fn enter(mut self, context: &mut Context<'_>) -> State {
        if matches!(self.stage, Look::Type) && !context.link.text {
            self.stage = Look::Size;
        }
        match self.stage {
            Look::Mlst => context.command("MLST", self.path.as_bytes()),
            Look::Type => context.command("TYPE", b"I"),
            Look::Size => context.command("SIZE", self.path.as_bytes()),
            Look::Mdtm { .. } => context.command("MDTM", self.path.as_bytes()),
            Look::Cwd { .. } => context.command("CWD", self.path.as_bytes()),
        }
        State::Looking(self)
    }

    fn go(self, stage: Look, context: &mut Context<'_>) -> State {
        Looking { stage, ..self }.enter(context)
    }

    pub(super) fn on_reply(self, reply: Reply, context: &mut Context<'_>) -> State {
        if matches!(reply.kind(), reply::Kind::Begun | reply::Kind::More) {
            return context.unexpected(reply);
        }
        let negative = reply.is_negative();
        match self.stage {
            Look::Mlst if reply.is_not_implemented() => {
                context.link.features.facts = None;
                self.go(Look::Type, context)
            }
            Look::Mlst if negative => context.refused(reply),
            Look::Mlst => match facts(&reply) {
                Some(facts) => context.finish(Ok(Done::Facts(facts))),
                None => context.unreadable(reply),
            },
            Look::Type if negative => context.refused(reply),
            Look::Type => {
                context.link.text = false;
                self.go(Look::Size, context)
            }
            Look::Size if negative && self.size_alone => context.refused(reply),
            Look::Size if negative => self.go(Look::Cwd { refusal: reply }, context),
            Look::Size => match number(reply.text().trim_ascii()) {
                Some(size_bytes) if self.size_alone => {
                    let size_bytes = Some(size_bytes);
                    let facts = Facts { kind: Kind::File, size_bytes, modified: None, mode: None };
                    context.finish(Ok(Done::Facts(facts)))
                }
                Some(size_bytes) => self.go(Look::Mdtm { size_bytes }, context),
                None => context.unreadable(reply),
            },
            Look::Mdtm { size_bytes } => {
                let at = if negative { None } else { Stamp::parse(reply.text().trim_ascii()) };
                let modified = at.map(|at| Modified { at, exact: true });
                let size_bytes = Some(size_bytes);
                context.finish(Ok(Done::Facts(Facts { kind: Kind::File, size_bytes, modified, mode: None })))
            }
            Look::Cwd { refusal } => {
                let kind = match (negative, refusal.is_not_implemented()) {
                    (false, _) => Kind::Folder,
                    // A server without SIZE: what is no folder may be a file, for all one can know.
                    (true, true) => Kind::File,
                    (true, false) => {
                        return context.finish(Err(Error::Refused { verb: "SIZE", reply: refusal }));
                    }
                };
                context.finish(Ok(Done::Facts(Facts { kind, size_bytes: None, modified: None, mode: None })))
            }
        }
    }
}

/// The facts of `250-Listing` / ` type=file;size=4; /a` / `250 End` (RFC 3659 §7.2).
fn facts(reply: &Reply) -> Option<Facts> {
    let line = reply.lines().get(1)?;
    match machine_line(line.strip_prefix(b" ").unwrap_or(line))?.0 {
        Listed::Facts(facts) => Some(facts),
        // Asked for the folder that one stands in, a server may say `cdir` (RFC 3659 §7.5.1.2).
        Listed::NotInside => Some(Facts { kind: Kind::Folder, size_bytes: None, modified: None, mode: None }),
    }
}

/// Asking for a digest.
#[derive(Debug)]
pub(super) struct Hashing {
    path: Argument,
    stage: Hash,
}

#[derive(Debug)]
enum Hash {
    /// The digest is of what a transfer would send, so the type matters.
    Type,
    /// OPTS HASH chooses the algorithm.
    Choose(Way),
    Ask(Way),
}

impl Hashing {
    pub(super) fn begin(path: Argument, context: &mut Context<'_>) -> State {
        if context.link.text {
            context.command("TYPE", b"I");
            return State::Hashing(Hashing { path, stage: Hash::Type });
        }
        Hashing::next(path, context)
    }

    /// The best way left.
    fn next(path: Argument, context: &mut Context<'_>) -> State {
        let Some(way) = context.link.features.digests.first().copied() else {
            return context.finish(Err(Error::NotOffered("digests of files (HASH)")));
        };
        if let Way::Hash { algorithm, chosen: false } = way {
            context.command("OPTS", format!("HASH {algorithm}").as_bytes());
            return State::Hashing(Hashing { path, stage: Hash::Choose(way) });
        }
        Hashing::ask(path, way, context)
    }

    fn ask(path: Argument, way: Way, context: &mut Context<'_>) -> State {
        context.command_within(way.verb(), path.as_bytes(), context.settings.long_reply_timeout);
        State::Hashing(Hashing { path, stage: Hash::Ask(way) })
    }

    pub(super) fn on_reply(self, reply: Reply, context: &mut Context<'_>) -> State {
        if matches!(reply.kind(), reply::Kind::Begun | reply::Kind::More) {
            return context.unexpected(reply);
        }
        let negative = reply.is_negative();
        match self.stage {
            Hash::Type if negative => context.refused(reply),
            Hash::Type => {
                context.link.text = false;
                Hashing::next(self.path, context)
            }
            Hash::Choose(_) if negative => {
                context.link.features.digests.remove(0);
                Hashing::next(self.path, context)
            }
            Hash::Choose(way) => {
                for other in &mut context.link.features.digests {
                    if let Way::Hash { algorithm, chosen } = other {
                        *chosen = *algorithm == way.algorithm();
                    }
                }
                Hashing::ask(self.path, way, context)
            }
            Hash::Ask(_) if reply.is_not_implemented() => {
                context.link.features.digests.remove(0);
                Hashing::next(self.path, context)
            }
            Hash::Ask(_) if negative => context.refused(reply),
            Hash::Ask(way) => match way.read(&reply) {
                Some(digest) => context.finish(Ok(Done::Digest(digest))),
                None => context.unreadable(reply),
            },
        }
    }
}
