//! From the greeting to the first work: TLS, user and password, what the server can do, protection.

use super::argument::Argument;
use super::error::Error;
use super::features::{FACTS_WANTED, Features};
use super::reply::{Kind, Reply};
use super::session::{Context, State};
use super::settings::Tls;
use super::work::{Ask, Done, Server};

/// Where a login stands: which command's reply is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Auth,
    Handshake,
    User,
    Pass,
    Feat,
    Clnt,
    Utf8,
    Facts,
    Pbsz,
    Prot,
    Pwd,
}

/// A login under way.
#[derive(Debug)]
pub(super) struct Login {
    stage: Stage,
    greeting: Option<Reply>,
}

impl Login {
    /// Waits for the greeting.
    pub(super) fn begin(context: &mut Context<'_>) -> State {
        context.wait_for("the connection");
        State::Login(Login { stage: Stage::Greeting, greeting: None })
    }

    /// True where a further reply may stand behind the one just read: 120 comes before 220.
    pub(super) fn expects_more(&self) -> bool {
        self.stage == Stage::Greeting
    }

    /// True while the driver shakes hands.
    pub(super) fn shakes_hands(&self) -> bool {
        self.stage == Stage::Handshake
    }

    /// The driver's word on the handshake.
    pub(super) fn on_handshake(self, well: bool, context: &mut Context<'_>) -> State {
        if !well {
            return context.end(Error::HandshakeFailed);
        }
        context.link.secure = true;
        self.enter(Stage::User, context)
    }

    pub(super) fn on_reply(mut self, reply: Reply, context: &mut Context<'_>) -> State {
        match self.stage {
            Stage::Greeting => match reply.kind() {
                // 120: ready in some minutes (RFC 959 §5.4); the deadline goes on running.
                Kind::Begun => State::Login(self),
                Kind::Done => {
                    self.greeting = Some(reply);
                    let explicit = matches!(context.settings.tls, Tls::Require | Tls::Try);
                    self.enter(if explicit { Stage::Auth } else { Stage::User }, context)
                }
                _ => context.end(Error::Refused { verb: "the connection", reply }),
            },
            Stage::Auth => match reply.code() {
                // RFC 4217 §4.
                234 => {
                    context.out.ask(Ask::StartTls);
                    State::Login(Login { stage: Stage::Handshake, ..self })
                }
                400.. if context.settings.tls == Tls::Require => context.end(Error::TlsNotOffered(reply)),
                400.. => self.enter(Stage::User, context),
                _ => context.unexpected(reply),
            },
            Stage::User | Stage::Pass => self.on_credentials(reply, context),
            Stage::Feat => {
                if reply.code() == 211 {
                    context.link.features = Features::read(&reply);
                }
                self.enter(Stage::Clnt, context)
            }
            Stage::Clnt => self.enter(Stage::Utf8, context),
            Stage::Utf8 => self.enter(Stage::Facts, context),
            Stage::Facts => self.enter(Stage::Pbsz, context),
            Stage::Pbsz => self.enter(Stage::Prot, context),
            Stage::Prot if reply.kind() == Kind::Done => {
                context.link.protected = true;
                self.enter(Stage::Pwd, context)
            }
            Stage::Prot if context.settings.tls == Tls::Try => self.enter(Stage::Pwd, context),
            Stage::Prot => context.end(Error::ProtectionRefused(reply)),
            Stage::Pwd => {
                context.link.home = quoted_path(&reply);
                self.ready(context)
            }
            Stage::Handshake => context.end(Error::InjectedBeforeTls),
        }
    }

    /// RFC 959 §5.4: USER is answered 230, 331 or 332, PASS 230, 202 or 332.
    fn on_credentials(self, reply: Reply, context: &mut Context<'_>) -> State {
        match (reply.code(), reply.kind()) {
            (332, _) => context.end(Error::AccountWanted(reply)),
            (_, Kind::Done) => self.enter(Stage::Feat, context),
            (_, Kind::More) if self.stage == Stage::User => self.enter(Stage::Pass, context),
            (_, Kind::NotNow | Kind::No) => context.end(Error::LoginRefused(reply)),
            _ => context.unexpected(reply),
        }
    }

    /// Sends the command of a stage, or goes on to the next where it has nothing to say.
    fn enter(mut self, stage: Stage, context: &mut Context<'_>) -> State {
        self.stage = stage;
        let (link, settings) = (&context.link, context.settings);
        match stage {
            Stage::Auth => context.command("AUTH", b"TLS"),
            Stage::User => context.command("USER", settings.user.as_bytes()),
            Stage::Pass => context.command("PASS", settings.password.as_bytes()),
            Stage::Feat => context.command("FEAT", b""),
            Stage::Clnt if link.features.clnt => context.command("CLNT", settings.client_name.as_bytes()),
            Stage::Clnt => return self.enter(Stage::Utf8, context),
            Stage::Utf8 if link.features.utf8 => context.command("OPTS", b"UTF8 ON"),
            Stage::Utf8 => return self.enter(Stage::Facts, context),
            Stage::Facts if link.features.facts.is_some_and(|facts| facts.must_choose) => {
                let facts = FACTS_WANTED.join(";");
                context.command("OPTS", format!("MLST {facts};").as_bytes());
            }
            Stage::Facts => return self.enter(Stage::Pbsz, context),
            // PROT needs a PBSZ before it, and under TLS its size is nought (RFC 4217 §8, §9).
            Stage::Pbsz if link.secure => context.command("PBSZ", b"0"),
            Stage::Pbsz => return self.enter(Stage::Pwd, context),
            Stage::Prot => context.command("PROT", b"P"),
            Stage::Pwd => context.command("PWD", b""),
            Stage::Greeting | Stage::Handshake => {}
        }
        State::Login(self)
    }

    fn ready(self, context: &mut Context<'_>) -> State {
        let Some(greeting) = self.greeting else { return context.end(Error::Unasked) };
        let server = Server {
            greeting,
            features: context.link.features.clone(),
            secure: context.link.secure,
            protected: context.link.protected,
            home: context.link.home.clone(),
        };
        context.finish(Ok(Done::Ready(Box::new(server))))
    }
}

/// The path of `257 "/a ""quoted"" folder" text`, with doubled quotes made single (RFC 959 App. II).
fn quoted_path(reply: &Reply) -> Option<Argument> {
    if reply.code() != 257 {
        return None;
    }
    let text = reply.text().strip_prefix(b"\"")?;
    let mut path = Vec::new();
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if bytes.peek() == Some(&&b'"') => drop(bytes.next()),
            b'"' => return Argument::new(path).ok().filter(|path| path.as_bytes().starts_with(b"/")),
            _ => {}
        }
        path.push(*byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reply::reply;

    #[test]
    fn the_folder_of_a_257() {
        let table: &[(&str, Option<&str>)] = &[
            ("257 \"/\"", Some("/")),
            ("257 \"/home/a b\" is the current directory", Some("/home/a b")),
            ("257 \"/a\"\"b\" x", Some("/a\"b")),
            ("257 \"/a\"\"\" x", Some("/a\"")),
            ("257 \"C:\\\" x", None),
            ("257 \"/open", None),
            ("257 /a", None),
            ("257 \"\"", None),
            ("550 \"/a\"", None),
        ];
        for (text, expected) in table {
            let path = quoted_path(&reply(text));
            assert_eq!(path.as_ref().map(Argument::as_bytes), expected.map(str::as_bytes), "{text}");
        }
    }
}
