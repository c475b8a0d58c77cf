//! SMTP, submission and LMTP joined to accounts and store.

mod refusals;
mod routes;

pub use refusals::Refusals;

use crate::auth::{Authenticator, Origin, Unchecked, random};
use crate::clock::Clock;
use crate::delivery::{self, DeliveryError, Letter};
use crate::driver::{Reaction, Service, Wire};
use crate::listen::origin;
use crate::metrics::metrics;
use crate::room::Room;
use crate::tls::TlsInfo;
use crate::trace::{Kind, Name, event};
use ::smtp::{Answer, Ask, Delivered, Envelope, ForwardPath, Refusal, Sender, Session, TlsFacts};
use routes::Routes;
use std::sync::Arc;
use store::{Resolution, Store, StoreError};

/// What all SMTP connections share.
#[derive(Clone)]
pub struct Shared {
    /// Accounts, mailboxes, traces.
    pub store: Store,
    /// Logins.
    pub authenticator: Authenticator,
    /// The time.
    pub clock: Clock,
    /// Whether the disk has room.
    pub room: Room,
    /// How many refusals are written down.
    pub refusals: Refusals,
    /// The name in trace fields.
    pub hostname: Arc<str>,
}

/// One connection's service.
pub struct SmtpService {
    shared: Shared,
    origin: Origin,
    trade: ::smtp::settings::Service,
    routes: Routes,
    login_counted: bool,
}

/// What is known of TLS, in the session's words.
pub fn tls_facts(info: &TlsInfo) -> TlsFacts {
    TlsFacts {
        description: info.description.clone(),
        bindings: info.exporter.map(sasl::ChannelBinding::TlsExporter).into_iter().collect(),
    }
}

impl SmtpService {
    /// A service for a connection from `origin`.
    pub fn new(shared: Shared, origin: Origin, trade: ::smtp::settings::Service) -> SmtpService {
        SmtpService { shared, origin, trade, routes: Routes::default(), login_counted: false }
    }

    /// Reports a login as soon as the session has it: a client that only logs in has succeeded as well.
    fn count_login(&mut self, user: Option<&str>) {
        if let Some(user) = user
            && !self.login_counted
        {
            self.shared.authenticator.succeeded(self.origin, user);
        }
        // STARTTLS forgets a login (RFC 3207 §4.2); the next one counts again.
        self.login_counted = user.is_some();
    }

    /// MAIL: the routes of the transaction before are forgotten.
    async fn sender(&mut self, sender: &Sender) -> Result<(), Refusal> {
        self.routes.clear();
        if !self.shared.room.has_for(sender.size_bytes.unwrap_or(0)) {
            return Err(Refusal::storage_full());
        }
        match &sender.authenticated {
            Some(user) => self.check_ownership(user, sender).await,
            None => Ok(()),
        }
    }

    /// A user, whose account there still is, sends from the account's own address, with any detail, or from an alias
    /// that leads to it (RFC 6409 §6.1).
    async fn check_ownership(&self, user: &str, sender: &Sender) -> Result<(), Refusal> {
        let user = user.to_lowercase();
        let mailbox = sender.path.mailbox();
        let address = mailbox.and_then(|mailbox| {
            mailbox.domain().map(|domain| (mailbox.local().as_str().to_string(), domain.to_string()))
        });
        let resolved = self.shared.store.read(move |view| {
            let Some(account) = view.account_by_address(&user)? else { return Ok(None) };
            let resolution = address.map(|(local, domain)| view.resolve(&local, &domain)).transpose()?;
            Ok(Some((account, resolution)))
        });
        match resolved.await.map_err(|error| store_refusal(&error))? {
            None => {
                Err(Refusal::new(530, 7, 0, "authentication required: the account that logged in is gone"))
            }
            Some(_) if mailbox.is_none() => Ok(()),
            Some((
                account,
                Some(Resolution::Local(targets) | Resolution::Forward { local: targets, .. }),
            )) if targets.iter().any(|target| target.account == account.id) => Ok(()),
            Some(_) => Err(Refusal::sender_not_owned()),
        }
    }

    async fn recipient(&mut self, path: &ForwardPath, sender: &Sender) -> Result<u64, Refusal> {
        let (local, domain) = match path {
            ForwardPath::Postmaster => ("postmaster".to_string(), String::new()),
            ForwardPath::Mailbox(mailbox) => match mailbox.domain() {
                Some(domain) => (mailbox.local().as_str().to_string(), domain.to_string()),
                None => return Err(Refusal::no_such_host()),
            },
        };
        let need_bytes = sender.size_bytes.unwrap_or(0);
        let routed = local.contains(['%', '!', '@']);
        let resolution = self.shared.store.read(move |view| {
            let resolution = view.resolve(&local, &domain)?;
            let mut full = false;
            if let Resolution::Local(targets) = &resolution {
                for target in targets {
                    let account = view.account(target.account)?;
                    let room =
                        account.and_then(|a| a.quota_bytes.map(|quota| quota.saturating_sub(a.used_bytes)));
                    full |= room.is_some_and(|room| room == 0 || room < need_bytes);
                }
            }
            Ok((resolution, full))
        });
        let (resolution, full) = resolution.await.map_err(|error| store_refusal(&error))?;
        match resolution {
            // A name that tells another server what to do is nobody's name here (RFC 5321 §3.6.1),
            // whatever a catch-all says.
            Resolution::Local(_) if routed => Err(Refusal::no_such_user()),
            Resolution::Local(_) if full => Err(Refusal::mailbox_full()),
            Resolution::Local(targets) => self.routes.remember(targets),
            Resolution::NoSuchUser => Err(Refusal::no_such_user()),
            Resolution::Loop => Err(Refusal::new(550, 4, 6, "the aliases of this address lead in a circle")),
            Resolution::Forward { .. } => Err(elsewhere()),
            Resolution::NotLocal if sender.authenticated.is_some() => Err(elsewhere()),
            Resolution::NotLocal => Err(Refusal::relay_denied()),
        }
    }

    async fn deliver(&mut self, mut envelope: Box<Envelope>) -> Result<Delivered, Refusal> {
        if self.trade == ::smtp::settings::Service::Submission {
            envelope.body = crate::submission::complete(
                std::mem::take(&mut envelope.body),
                self.shared.clock.unix_ms(),
                &self.shared.hostname,
            );
        }
        let routes = envelope.recipients.iter().map(|recipient| self.routes.of(recipient.token));
        let letter = Letter {
            routes: routes.collect(),
            envelope,
            peer: self.origin.address,
            hostname: self.shared.hostname.clone(),
            each_for_itself: self.trade == ::smtp::settings::Service::Lmtp,
        };
        let routes = letter.routes.clone();
        match delivery::deliver(&self.shared.store, self.shared.clock, letter).await {
            Ok(placed) => {
                let results = routes.iter().map(|route| placed.result(route)).collect();
                Ok(Delivered { id: placed.name.to_string(), results })
            }
            Err(DeliveryError::Loop(address)) => Err(delivery::loop_refusal(&address)),
            Err(DeliveryError::OverQuota) => Err(Refusal::mailbox_full()),
            Err(DeliveryError::Gone) => Err(Refusal::temporary()),
            Err(DeliveryError::Store(error)) => Err(store_refusal(&error)),
        }
    }

    /// Keeps a refusal in the traces, so that "it never arrived" has an answer. Not waited for: a
    /// refusal that is forgotten in a crash loses nobody's mail.
    fn record_refusal(&self, sender: &Sender, recipients: &[ForwardPath], refusal: &Refusal) {
        self.record(Kind::Refused, sender, recipients, &refusal.line());
    }

    fn record(&self, kind: Kind, sender: &Sender, recipients: &[ForwardPath], words: &str) {
        metrics().messages_refused.inc();
        let peer = self.origin.address.to_canonical();
        let not_kept = match self.origin.exempt {
            true => 0,
            false => match self.shared.refusals.keep(self.shared.clock.now(), origin(peer)) {
                Some(not_kept) => not_kept,
                None => return,
            },
        };
        let at_ms = self.shared.clock.unix_ms();
        let name = Name::new(at_ms);
        let told: Vec<String> = recipients.iter().map(ForwardPath::to_string).collect();
        let only = if let [only] = told.as_slice() { Some(only.as_str()) } else { None };
        tracing::info!(trace = %name, %peer, recipient = only.unwrap_or("-"), recipients = told.len(), reply = %words, not_kept, "{}", Kind::words(kind as u16));
        let detail = format!("from <{}> by [{peer}]: {words}", sender.path);
        let events = [event(kind, at_ms, only, detail)];
        let keys = [sender.path.to_string()].into_iter().chain(told).filter(|key| !key.is_empty());
        self.store_refusal(name, keys.collect(), events);
    }

    fn store_refusal(&self, name: Name, keys: Vec<String>, events: [store::TraceEvent; 1]) {
        // At most so many at a time: a flood of refusals must not queue up in memory.
        let Ok(permit) = self.shared.room.refusal_permit() else { return };
        if !self.shared.room.has_for(0) {
            return;
        }
        let store = self.shared.store.clone();
        tokio::spawn(async move {
            let job = store.write(move |tx| {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                tx.record_trace(name.0, &keys, &events)
            });
            if let Err(error) = job.await {
                tracing::warn!(%error, "a refusal could not be recorded");
            }
            drop(permit);
        });
    }
}

impl Service<Session> for SmtpService {
    async fn answer(&mut self, ask: Ask, _wire: &mut Wire) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::StartTls => return Reaction::StartTls,
            Ask::Sender(sender) => {
                let answer = self.sender(&sender).await;
                if let Err(refusal) = &answer {
                    self.record_refusal(&sender, &[], refusal);
                }
                Answer::Sender(answer)
            }
            Ask::Recipient { path, sender, .. } => {
                let answer = self.recipient(&path, &sender).await;
                if let Err(refusal) = &answer {
                    self.record_refusal(&sender, std::slice::from_ref(&path), refusal);
                }
                Answer::Recipient(answer)
            }
            Ask::Nonce => match random() {
                Ok(bytes) => Answer::Nonce(bytes),
                Err(_) => return Reaction::Drop,
            },
            Ask::Verify(pending) => Answer::Login(
                self.shared.authenticator.verify_step(self.origin, pending).await.map_err(unchecked),
            ),
            Ask::LookUpScram(pending) => Answer::Login(
                self.shared.authenticator.scram_step(self.origin, pending).await.map_err(unchecked),
            ),
            Ask::Deliver(envelope) => {
                let sender = envelope.sender.clone();
                let recipients: Vec<ForwardPath> =
                    envelope.recipients.iter().map(|r| r.path.clone()).collect();
                let answer = self.deliver(envelope).await;
                if let Err(refusal) = &answer {
                    self.record_refusal(&sender, &recipients, refusal);
                }
                Answer::Deliver(answer)
            }
        })
    }

    fn tls_started(&mut self, info: TlsInfo) -> Answer {
        Answer::StartTls(tls_facts(&info))
    }

    fn after_call(&mut self, session: &mut Session) {
        self.count_login(session.login());
        for note in session.take_notes() {
            let Some(sender) = &note.sender else { continue };
            let mut words = note.reply.line();
            if let Some(command) = note.command.as_ref().filter(|_| note.recipients.is_empty()) {
                words = format!("{words} (to {command})");
            }
            self.record(Kind::Refused, sender, &note.recipients, &words);
        }
    }

    fn peer_ended(&mut self, session: &Session) -> bool {
        if let Some((sender, recipients)) = session.unfinished() {
            self.record(
                Kind::CutShort,
                &sender,
                &recipients,
                "the client went before the end of the message",
            );
        }
        false
    }
}

/// A login that was not looked at: the client may try again (RFC 4954 §6).
fn unchecked(why: Unchecked) -> Refusal {
    match why {
        Unchecked::Limited => Refusal::new(454, 7, 0, "too many failed logins, try again later"),
        Unchecked::Unavailable => Refusal::login_unavailable(),
    }
}

/// Sending to other servers does not exist yet: refused where it can be seen, never left lying.
fn elsewhere() -> Refusal {
    Refusal::policy(
        "this server does not send mail to other servers yet; only its own domains can be reached",
    )
}

/// What a failing store means to a client: come back later, whatever it is.
fn store_refusal(error: &StoreError) -> Refusal {
    metrics().store_failures.inc();
    match error {
        StoreError::Full => {
            tracing::error!("the disk is full: mail is refused for now");
            Refusal::storage_full()
        }
        error => {
            tracing::error!(%error, "the store failed");
            Refusal::temporary()
        }
    }
}
