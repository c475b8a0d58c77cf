//! What the house does by itself: signing anew before signatures end, moving keys on by what is seen, following the
//! certificate.

use super::certificate::{CertificateBook, Kept};
use super::dkim::DkimBook;
use super::look;
use super::zones::{Why, ZoneError, Zones, zone_name};
use crate::metrics::metrics;
use crate::tls::Acceptor;
use dns::Name;
use dns::dnssec::first_expiry;
use dns::roll::dkim::{DkimPolicy, DkimSeen};
use dns::roll::tlsa::{TlsaRefusal, TlsaSeen};
use dns::roll::{Observed, Timestamp};
use std::time::Duration;
use store::{StoreError, ZoneKind};
use tokio::sync::watch;

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_secs(20);
/// Zones that are looked at in one round; more wait for the next.
const ROUND_MAX: u32 = 200;
/// How long a zone that could not be looked after is left alone, in milliseconds.
const FAILED_WAIT_MS: i64 = 600_000;
/// How often the DKIM keys of domains whose zone is elsewhere are looked at.
const ELSEWHERE_EVERY: Duration = Duration::from_secs(900);

/// How long DKIM keys take.
fn dkim_policy(negative_ttl_seconds: u32) -> DkimPolicy {
    DkimPolicy { negative_ttl_seconds, ..DkimPolicy::default() }
}

impl Zones {
    /// Signs anew what would be served expired, asking nobody. Blocks. Gives the zones whose signatures ended and
    /// could not be made anew: they are for [`Zones::withhold`].
    ///
    /// # Errors
    /// The store's; a zone that cannot be signed is said so in the log.
    pub fn freshen(&self) -> Result<Vec<Name>, ZoneError> {
        let (now_ms, mut failed, mut ended) = (self.now_ms(), 0, Vec::new());
        loop {
            let due = self.store().read_blocking(move |view| view.zones_due(now_ms, ROUND_MAX + failed))?;
            let todo: Vec<_> = due.into_iter().skip(failed as usize).collect();
            if todo.is_empty() {
                return Ok(ended);
            }
            for zone in todo {
                let name = zone_name(&zone)?;
                if zone.kind != ZoneKind::Primary {
                    failed += 1;
                    continue;
                }
                if self.is_past_signing(&name) {
                    ended.push(name.clone());
                }
                let still = self.zone(&name)?.due_ms.is_some_and(|due| due <= now_ms);
                failed += u32::from(still);
            }
        }
    }

    /// Signs a zone anew where it is time. True if that could not be done, and its signatures are past their end.
    fn is_past_signing(&self, name: &Name) -> bool {
        let Err(error) = self.change(name, &Why::house("sign anew"), |_| Ok(())) else { return false };
        metrics().dns_signings_failed.inc();
        let now = self.now();
        let book = self.zone(name).and_then(|zone| self.book(&zone)).ok().filter(|book| book.signed);
        match book.and_then(|book| first_expiry(&book.served, now)) {
            Some(ends) if ends <= now => {
                tracing::error!(zone = %name, %error, "the zone could not be signed anew and its signatures ended: it is not answered from");
                true
            }
            ends => {
                let left_s = ends.map(|ends| ends.seconds_since(now));
                tracing::error!(zone = %name, %error, left_s, "the zone could not be signed anew");
                false
            }
        }
    }

    /// Looks after one zone: asks its servers and the parent's, moves all its keys on, signs. Blocks, for seconds
    /// where servers are silent.
    ///
    /// # Errors
    /// As [`Zones::change`].
    pub fn look_after(&self, name: &Name) -> Result<(), ZoneError> {
        let (draft, _) = self.placements(name)?;
        if draft.zone.kind != ZoneKind::Primary {
            return Ok(());
        }
        let at = self.now();
        let seen = look::serials(&look::servers(self, &draft.book.served), name);
        let observed = match draft.keys.keys.is_signed() || draft.keys.keys.is_secure() {
            true => Observed {
                at,
                ..look::observed(self, &draft, &seen, &look::parent(self, name, &draft.keys.keys))
            },
            false => Observed { at, ..look::observed(self, &draft, &seen, &look::Parent::default()) },
        };
        let dkim: Vec<(String, [DkimSeen; 2])> = draft
            .dkim
            .iter()
            .map(|(domain, book)| (domain.clone(), look::dkim_seen(self, domain, book, &seen)))
            .collect();
        let tlsa = look::tlsa_seen(self, &draft, &seen);
        self.apply_seen(name, &observed, &dkim, tlsa.as_ref())
    }

    /// Moves the keys of a zone on by what was seen, as [`Zones::look_after`] saw it or a test says.
    ///
    /// # Errors
    /// As [`Zones::change`].
    pub fn apply_seen(
        &self,
        name: &Name,
        observed: &Observed,
        dkim: &[(String, [DkimSeen; 2])],
        tlsa: Option<&TlsaSeen>,
    ) -> Result<(), ZoneError> {
        let now = self.now();
        self.change(name, &Why::house("look after keys and signatures"), |draft| {
            draft.observed = observed.clone();
            let policy = dkim_policy(observed.negative_ttl_seconds);
            for (domain, seen) in dkim {
                if let Some(book) = draft.dkim.get_mut(domain) {
                    book.step(now, seen, &policy).map_err(|error| ZoneError::Refused(error.to_string()))?;
                }
            }
            if let Some(seen) = tlsa {
                let step = draft.certificate.step(now, seen);
                step.map_err(|error| ZoneError::Refused(error.to_string()))?;
            }
            // The next look is counted from this one.
            draft.zone.due_ms = draft.zone.due_ms.filter(|due| *due > to_ms(now));
            Ok(())
        })?;
        Ok(())
    }

    /// Looks after everything that is due. Blocks.
    pub fn round(&self) {
        let now_ms = self.now_ms();
        let due = match self.store().read_blocking(move |view| view.zones_due(now_ms, ROUND_MAX)) {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "what is due could not be read");
                return;
            }
        };
        // First what needs nobody's answer: signatures do not wait for servers that are silent.
        for zone in due.iter().filter(|zone| zone.kind == ZoneKind::Primary) {
            if let Ok(name) = zone_name(zone)
                && self.is_past_signing(&name)
            {
                // Who validates could not use the answers, and SERVFAIL says so at once to everybody.
                self.withhold(&name);
            }
        }
        for zone in due {
            let done = zone_name(&zone).and_then(|name| self.look_after(&name));
            if let Err(error) = done {
                tracing::error!(zone = zone.name, %error, "the zone could not be looked after");
                let later = self.now_ms() + FAILED_WAIT_MS;
                let put_off = self.store().write_blocking(move |tx| {
                    let now = tx.zone(zone.id)?.ok_or(StoreError::Closed)?;
                    tx.set_zone(zone.id, now.change, &now.settings, &now.state, Some(later))
                });
                if let Err(error) = put_off {
                    tracing::warn!(%error, "the zone could not be put off");
                }
            }
        }
    }

    /// Makes the first keys of a mail domain, or moves those of one whose zone is elsewhere on by what is seen
    /// there. Blocks.
    ///
    /// # Errors
    /// The store's.
    pub fn look_after_elsewhere(&self, domain: &str) -> Result<(), ZoneError> {
        let name: Name = domain.parse().map_err(|_| ZoneError::Refused(format!("{domain} is no name")))?;
        if self.zone_of(&name).is_ok() {
            return Ok(());
        }
        let text = domain.to_owned();
        let before = self.store().read_blocking(move |view| DkimBook::read(view, &text))?;
        let seen = match look::servers_elsewhere(self, &name) {
            Ok((apex, servers)) => look::dkim_seen(self, domain, &before, &look::serials(&servers, &apex)),
            Err(_) => [
                DkimSeen { at: self.now(), ..DkimSeen::default() },
                DkimSeen { at: self.now(), ..DkimSeen::default() },
            ],
        };
        let mut after = before.clone();
        let step = after.step(self.now(), &seen, &DkimPolicy::default());
        step.map_err(|error| ZoneError::Refused(error.to_string()))?;
        if after != before {
            self.store().write_blocking(move |tx| after.write(tx, &before))?;
        }
        Ok(())
    }

    /// Whether senders learn of this host's certificate keys from a zone that is served here and signed.
    pub fn announces_certificate(&self) -> bool {
        let host: Result<Name, _> = self.host().host.parse();
        let zone = host.ok().and_then(|host| self.zone_of(&host).ok());
        zone.is_some_and(|zone| self.book(&zone).is_ok_and(|book| book.signed))
    }

    /// Asks whether a certificate may be served from now on. If so, it counts as the one in use.
    ///
    /// - `spki`: its SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// Why the one before must stay; `kept` of the answer is that one, if it is known.
    pub fn take_certificate(&self, spki: &[u8], kept: &Kept) -> Result<(), (TlsaRefusal, Option<Kept>)> {
        let (announced, now, host) = (self.announces_certificate(), self.now(), self.host().host.clone());
        let (spki, kept, name) = (spki.to_vec(), kept.clone(), host.clone());
        let taken = self.store().write_blocking(move |tx| {
            let before = CertificateBook::read(tx, &name)?;
            let mut after = before.clone();
            let verdict = after.take(&spki, &kept, announced, now);
            // The digest of the next key is out from the first moment on, so that it is in the oldest caches, too.
            let made = after.step(now, &TlsaSeen { at: now, ..TlsaSeen::default() });
            if let Err(error) = made {
                tracing::error!(%error, "no key could be made for the next certificate");
            }
            after.write(tx, &before)?;
            Ok(verdict.map_err(|refusal| (refusal, before.kept())))
        });
        let verdict = match taken {
            Ok(verdict) => verdict,
            Err(error) => {
                // Without the store nothing is known against it.
                tracing::error!(%error, "the keys of the certificate could not be read");
                Ok(())
            }
        };
        if let Ok(name) = host.parse::<Name>()
            && let Ok(zone) = self.zone_of(&name).and_then(|zone| zone_name(&zone))
            && let Err(error) = self.change(&zone, &Why::house("follow the certificate"), |_| Ok(()))
        {
            tracing::error!(%error, "the record of the certificate's key could not be published");
        }
        verdict
    }
}

fn to_ms(at: Timestamp) -> i64 {
    i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

/// Serves the certificate in the files, unless senders that use DANE would refuse its key: then the one before
/// stays, and this is tried again. Blocks.
pub fn follow_certificate(zones: &Zones, acceptor: &Acceptor) {
    let offered = match acceptor.offered() {
        Ok(offered) => offered,
        Err(error) => {
            tracing::error!(%error, "the certificate in use stays");
            return;
        }
    };
    let kept = Kept { chain_pem: offered.chain_pem, key_pem: offered.key_pem };
    match zones.take_certificate(&offered.public_key, &kept) {
        Ok(()) => match acceptor.install(&kept.chain_pem, &kept.key_pem) {
            Ok(()) => tracing::debug!("the certificate was read"),
            Err(error) => tracing::error!(%error, "the certificate in use stays"),
        },
        Err((refusal, Some(before))) => {
            tracing::warn!(
                "the certificate in the files has a new key, and the one before stays in use for now: {refusal}"
            );
            if let Err(error) = acceptor.install(&before.chain_pem, &before.key_pem) {
                tracing::error!(%error, "the certificate in use stays");
            }
        }
        Err((refusal, None)) => tracing::error!("senders that use DANE may not deliver: {refusal}"),
    }
}

/// Looks after everything until the server stops; follows what other nodes change.
pub async fn run(zones: Zones, acceptor: Acceptor, mut stop: watch::Receiver<bool>) {
    let mut changes = zones.store().watch_zones();
    let mut tick = tokio::time::interval(TICK);
    let first = tokio::time::Instant::now() + ELSEWHERE_EVERY;
    let mut elsewhere = tokio::time::interval_at(first, ELSEWHERE_EVERY);
    loop {
        let work: Work = tokio::select! {
            _ = tick.tick() => Box::new(Zones::round),
            _ = changes.changed() => Box::new(|zones| {
                if let Err(error) = zones.refresh() {
                    tracing::warn!(%error, "zones could not be read again");
                }
            }),
            _ = elsewhere.tick() => {
                let acceptor = acceptor.clone();
                Box::new(move |zones| look_elsewhere(zones, &acceptor))
            }
            () = crate::driver::stopped(&mut stop) => return,
        };
        // A thread of its own, for which nobody waits at the end: servers that are silent would hold up the stop.
        let (zones, (done, finished)) = (zones.clone(), tokio::sync::oneshot::channel::<()>());
        let started = std::thread::Builder::new().name("names-upkeep".to_owned()).spawn(move || {
            work(&zones);
            drop(done);
        });
        if let Err(error) = started {
            tracing::error!(%error, "zones cannot be looked after");
        }
        tokio::select! {
            _ = finished => {}
            () = crate::driver::stopped(&mut stop) => return,
        }
    }
}

type Work = Box<dyn FnOnce(&Zones) + Send>;

fn look_elsewhere(zones: &Zones, acceptor: &Acceptor) {
    for domain in zones.store().read_blocking(|view| view.domains()).unwrap_or_default() {
        if let Err(error) = zones.look_after_elsewhere(&domain.name) {
            tracing::warn!(domain = domain.name, %error, "the domain's keys could not be looked after");
        }
    }
    follow_certificate(zones, acceptor);
}
