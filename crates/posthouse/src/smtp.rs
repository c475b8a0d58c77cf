//! SMTP, submission and LMTP joined to accounts and store.

use crate::auth::{Authenticator, Origin, Unchecked, random};
use crate::clock::Clock;
use crate::delivery::{self, DeliveryError, Letter};
use crate::driver::{Reaction, Service, Wire};
use crate::metrics::metrics;
use crate::room::Room;
use crate::tls::TlsInfo;
use crate::trace::{Kind, Name, event};
use ::smtp::{Answer, Ask, Delivered, Envelope, ForwardPath, Refusal, Sender, Session, TlsFacts};
use std::sync::Arc;
use store::{AccountTarget, Resolution, Store, StoreError};

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
    /// The name in trace fields.
    pub hostname: Arc<str>,
}

/// One connection's service.
pub struct SmtpService {
    shared: Shared,
    origin: Origin,
    trade: ::smtp::settings::Service,
    routes: Vec<Vec<AccountTarget>>,
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
        SmtpService { shared, origin, trade, routes: Vec::new(), login_counted: false }
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

    /// A user sends from the account's own address, with any detail, or from an alias that leads to
    /// it (RFC 6409 §6.1).
    async fn check_ownership(&self, user: &str, sender: &Sender) -> Result<(), Refusal> {
        let Some(mailbox) = sender.path.mailbox() else { return Ok(()) };
        let Some(domain) = mailbox.domain() else { return Err(Refusal::sender_not_owned()) };
        let (user, local, domain) =
            (user.to_lowercase(), mailbox.local().as_str().to_string(), domain.to_string());
        let resolved = self.shared.store.read(move |view| {
            let account = view.account_by_address(&user)?;
            Ok((account, view.resolve(&local, &domain)?))
        });
        match resolved.await.map_err(|error| store_refusal(&error))? {
            (Some(account), Resolution::Local(targets) | Resolution::Forward { local: targets, .. })
                if targets.iter().any(|target| target.account == account.id) =>
            {
                Ok(())
            }
            _ => Err(Refusal::sender_not_owned()),
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
            Resolution::Local(targets) => {
                self.routes.push(targets);
                Ok(self.routes.len() as u64 - 1)
            }
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
        let routes = envelope.recipients.iter().map(|recipient| {
            usize::try_from(recipient.token)
                .ok()
                .and_then(|token| self.routes.get(token))
                .cloned()
                .unwrap_or_default()
        });
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
                let result = |route: &Vec<AccountTarget>| match route
                    .iter()
                    .any(|to| placed.full.contains(&to.account))
                {
                    true => Err(Refusal::mailbox_full()),
                    false => Ok(()),
                };
                Ok(Delivered { id: placed.name.to_string(), results: routes.iter().map(result).collect() })
            }
            Err(DeliveryError::Loop(address)) => Err(Refusal::new(
                554,
                4,
                6,
                format!("this message was delivered to {address} before, it is in a loop"),
            )),
            Err(DeliveryError::OverQuota) => Err(Refusal::mailbox_full()),
            Err(DeliveryError::Gone) => Err(Refusal::temporary()),
            Err(DeliveryError::Store(error)) => Err(store_refusal(&error)),
        }
    }

    /// Keeps a refusal in the traces, so that "it never arrived" has an answer. Not waited for: a
    /// refusal that is forgotten in a crash loses nobody's mail.
    fn record_refusal(&self, sender: &Sender, recipient: Option<&ForwardPath>, refusal: &Refusal) {
        metrics().messages_refused.inc();
        let at_ms = self.shared.clock.unix_ms();
        let name = Name::new(at_ms);
        let recipient = recipient.map(ForwardPath::to_string);
        let detail =
            format!("from <{}> by [{}]: {}", sender.path, self.origin.address.to_canonical(), refusal.line());
        tracing::info!(trace = %name, peer = %self.origin.address, recipient = recipient.as_deref().unwrap_or("-"), reply = %refusal.line(), "refused");
        let events = [event(Kind::Refused, at_ms, recipient.as_deref(), detail)];
        let keys: Vec<String> = [Some(sender.path.to_string()), recipient]
            .into_iter()
            .flatten()
            .filter(|key| !key.is_empty())
            .collect();
        let store = self.shared.store.clone();
        let write = async move {
            let job = store.write(move |tx| {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                tx.record_trace(name.0, &keys, &events)
            });
            if let Err(error) = job.await {
                tracing::warn!(%error, "a refusal could not be recorded");
            }
        };
        // At most so many at a time: a flood of refusals must not queue up in memory.
        if let Ok(permit) = self.shared.room.refusal_permit() {
            tokio::spawn(async move {
                write.await;
                drop(permit);
            });
        }
    }
}

impl Service<Session> for SmtpService {
    async fn answer(&mut self, ask: Ask, _wire: &mut Wire) -> Reaction<Answer> {
        Reaction::Answer(match ask {
            Ask::StartTls => return Reaction::StartTls,
            Ask::Sender(sender) => {
                let answer = self.sender(&sender).await;
                if let Err(refusal) = &answer {
                    self.record_refusal(&sender, None, refusal);
                }
                Answer::Sender(answer)
            }
            Ask::Recipient { path, sender, .. } => {
                let answer = self.recipient(&path, &sender).await;
                if let Err(refusal) = &answer {
                    self.record_refusal(&sender, Some(&path), refusal);
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
                    recipients.iter().for_each(|path| self.record_refusal(&sender, Some(path), refusal));
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
            if note.recipients.is_empty() {
                self.record_refusal(sender, None, &note.reply);
            }
            note.recipients.iter().for_each(|path| self.record_refusal(sender, Some(path), &note.reply));
        }
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
