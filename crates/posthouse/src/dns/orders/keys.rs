//! Orders about keys: of zones, of DKIM, of certificates, and shared ones.

use super::super::certificate::CertificateBook;
use super::super::crypto::PrivateKey;
use super::super::inverse::Inverse;
use super::super::keyring::{algorithm_of, policy};
use super::super::request::{DnsReply, DnsRequest, RollWhat};
use super::super::zones::{Draft, Why, ZoneError, Zones};
use super::edit::{seen_now, sign_again, start_signing, stop_signing, told};
use super::{Done, name, words};
use crate::admin::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::Name;
use dns::dnssec::bind::{PrivateFile, read_public, write_public};
use dns::roll::keyset::Request as KeyRequest;
use dns::roll::{Key, Observed, ZoneKeys};
use store::{KeyPurpose, NameKey, SecretBytes, TsigKey};

/// Bytes of a shared key that is made here: as many as HMAC-SHA256 gives (RFC 2104 §3).
const TSIG_SECRET_LEN_BYTES: usize = 32;
/// Fewer than this are no secret.
const TSIG_SECRET_LEN_MIN_BYTES: usize = 16;

pub(super) fn carry_out(zones: &Zones, request: DnsRequest) -> Done {
    match request {
        DnsRequest::Sign { zone, nsec3, split } => sign(zones, &name(&zone)?, nsec3, split),
        DnsRequest::Unsign { zone, at_once } => {
            let zone = name(&zone)?;
            let observed = if at_once { seen_now(zones, &zone)? } else { Observed::default() };
            let (_, changed) = zones.change(&zone, &Why::edit("stop signing"), |draft| {
                if draft.keys.keys.current().is_some() {
                    draft.inverse = Some(sign_again(draft));
                }
                match at_once {
                    true => stop_signing(draft, &observed),
                    false => ask(draft, KeyRequest::Unsign),
                }
            })?;
            told(&zone, &changed)
        }
        DnsRequest::Rollover { name: zone, what } => rollover(zones, &zone, what),
        DnsRequest::KeyExport { zone } => export(zones, &zone),
        DnsRequest::KeyImport { zone, public, private } => import(zones, &zone, &public, &private),
        DnsRequest::NextCertificateKey => next_certificate_key(zones),
        DnsRequest::TsigAdd { name, algorithm, secret } => tsig_add(zones, &name, &algorithm, secret),
        DnsRequest::TsigRemove { name } => {
            let text = name.trim_end_matches('.').to_ascii_lowercase();
            let done = format!("the key {text} is removed");
            zones.store().write_blocking(move |tx| tx.remove_tsig_key(&text))?;
            zones.refresh()?;
            words(done)
        }
        _ => Err(ZoneError::Refused("this order is not known".into())),
    }
}

fn sign(zones: &Zones, zone: &Name, nsec3: bool, split: bool) -> Done {
    let (_, changed) = zones.change(zone, &Why::edit("sign"), |draft| {
        let (before, was_signed) = (draft.settings.clone(), draft.keys.keys.is_signed());
        let keys_before = draft.keys.keys.clone();
        draft.settings.nsec3 = nsec3;
        if was_signed && before.split != split {
            draft.settings.split = split;
            draft.inverse = Some(never(REPLACED));
            return ask(draft, KeyRequest::Replace);
        }
        draft.settings.split = split;
        start_signing(draft)?;
        draft.inverse = if draft.keys.keys != keys_before {
            Some(Inverse::Unsign { nsec3: before.nsec3, split: before.split, in_order: was_signed })
        } else {
            (before.nsec3 != nsec3).then_some(Inverse::Denial { nsec3: before.nsec3 })
        };
        Ok(())
    })?;
    told(zone, &changed)
}

/// Why nothing takes back that keys are replaced.
const REPLACED: &str = "keys are replaced step by step, and what was published of the new ones stays in caches; \
    `posthouse dns status` says how far it is";
/// The same of a key that was taken from a file.
const TAKEN: &str = "the keys before it were destroyed";

fn never(why: &str) -> Inverse {
    Inverse::Never { why: why.to_owned() }
}

pub(super) fn ask(draft: &mut Draft, request: KeyRequest) -> Result<(), ZoneError> {
    let policy = policy(&draft.settings);
    draft.keys.keys.request(request, &policy).map_err(|error| ZoneError::Refused(error.to_string()))
}

fn rollover(zones: &Zones, zone: &str, what: RollWhat) -> Done {
    let domain = zone.trim_end_matches('.').to_ascii_lowercase();
    let zone = match what {
        // A mail domain may lie in a zone above it.
        RollWhat::Dkim => super::super::zones::zone_name(&zones.zone_of(&name(zone)?)?)?,
        _ => name(zone)?,
    };
    let (_, changed) = zones.change(&zone, &Why::edit("begin to replace a key"), |draft| {
        draft.inverse = Some(never(REPLACED));
        roll(zones, draft, &domain, what)
    })?;
    if !changed.changed {
        let text = zone.to_text_without_dot();
        return words(format!("{text}: it is noted; `posthouse dns status {text}` says what it waits for"));
    }
    told(&zone, &changed)
}

fn roll(zones: &Zones, draft: &mut Draft, domain: &str, what: RollWhat) -> Result<(), ZoneError> {
    match what {
        RollWhat::Dkim => {
            let book = draft.dkim.get_mut(domain);
            let book = book.ok_or_else(|| ZoneError::Refused(format!("{domain} is no mail domain here")))?;
            book.request_roll();
            // The next key is made and shown at once; when it may sign is for the machine to see.
            super::super::domain::first_keys(zones, book)
                .map_err(|error| ZoneError::Refused(error.to_string()))
        }
        RollWhat::Zsk => ask(draft, KeyRequest::RollZone),
        RollWhat::Ksk | RollWhat::Csk => ask(draft, KeyRequest::RollTop),
        RollWhat::Algorithm => other_algorithm(draft),
    }
}

/// Goes over to the algorithm of the house, where the keys came with another (RFC 6781 §4.1.4).
fn other_algorithm(draft: &mut Draft) -> Result<(), ZoneError> {
    let wanted = policy(&draft.settings).algorithm;
    let keys = &draft.keys.keys;
    let top = keys.current().and_then(|pair| keys.key(pair.top));
    match top {
        Some(top) if top.algorithm == wanted => Err(ZoneError::Refused(format!(
            "the keys are of {wanted} already; `posthouse dns rollover {} csk` replaces them by others of it",
            draft.zone.name
        ))),
        _ => ask(draft, KeyRequest::Replace),
    }
}

fn export(zones: &Zones, zone: &str) -> Done {
    let zone = name(zone)?;
    let (draft, _) = zones.placements(&zone)?;
    let mut text = String::new();
    for key in draft.keys.keys.keys() {
        let row = draft.keys.rows.iter().find(|row| row.key_id == key.id.0);
        let (Some(dnskey), Some(row)) = (key.dnskey(), row) else { continue };
        let pair =
            algorithm_of(row).and_then(|algorithm| PrivateKey::from_pkcs8(algorithm, &row.secret.0).ok());
        let Some(Ok(file)) = pair.map(|pair| pair.to_bind()) else { continue };
        text.push_str(&format!("; {}\n", key.title()));
        text.push_str(&write_public(&zone, &dnskey, policy(&draft.settings).dnskey_ttl_seconds));
        text.push_str(&file.write());
    }
    if text.is_empty() {
        return Err(ZoneError::Refused(format!("{} has no keys", zone.to_text_without_dot())));
    }
    Ok(Reply::Dns(DnsReply::Text { text }))
}

/// A key that signed the zone on another server goes on signing it here (RFC 6781 §4.3.5 by its simplest way: the
/// same key).
fn import(zones: &Zones, zone: &str, public: &str, private: &str) -> Done {
    let zone = name(zone)?;
    let refuse = |why: String| ZoneError::Refused(why);
    let (owner, key) = read_public(public).map_err(|error| refuse(error.to_string()))?;
    if owner != zone {
        return Err(refuse(format!("this key is of {owner}")));
    }
    let private = PrivateFile::read(private).map_err(|error| refuse(error.to_string()))?;
    let pair = PrivateKey::from_bind(&private, &key);
    let secret = pair.and_then(|pair| pair.to_pkcs8()).map_err(|error| refuse(error.to_string()))?;
    let observed = seen_now(zones, &zone)?;
    let (_, changed) = zones.change(&zone, &Why::edit(format!("take key {}", key.key_tag())), |draft| {
        draft.inverse = Some(never(TAKEN));
        draft.keys.keys.may_be_replaced(&observed).map_err(refuse)?;
        let now = zones.now();
        let former = draft.keys.keys.current().map(|pair| pair.top);
        let former = former.and_then(|top| draft.keys.keys.key(top)).and_then(|top| top.dnskey());
        let (top, zone_key) = match (key.is_entry_point(), former) {
            (true, _) => (key.clone(), None),
            (false, Some(former)) => (former, Some(key.clone())),
            (false, None) => return Err(refuse("take the key-signing key (flags 257) first".into())),
        };
        draft.keys.keys = ZoneKeys::adopt(top, zone_key, now);
        let mut rows: Vec<NameKey> = Vec::new();
        for known in draft.keys.keys.keys() {
            let public = known.public_key.clone().unwrap_or_default();
            let former = draft.keys.rows.iter().find(|row| row.public == public);
            let secret = match former {
                Some(row) => row.secret.clone(),
                None => SecretBytes(secret.clone()),
            };
            rows.push(row(&draft.keys.zone, known, secret, zones.now_ms()));
        }
        draft.keys.rows = rows;
        Ok(())
    })?;
    told(&zone, &changed)
}

fn row(zone: &str, key: &Key, secret: SecretBytes, created_ms: i64) -> NameKey {
    NameKey {
        name: zone.to_owned(),
        purpose: KeyPurpose::Zone,
        key_id: key.id.0,
        algorithm: u32::from(key.algorithm.0),
        public: key.public_key.clone().unwrap_or_default(),
        secret,
        state: String::new(),
        created_ms,
    }
}

fn next_certificate_key(zones: &Zones) -> Done {
    let host = zones.host().host.clone();
    let book = zones.store().read_blocking(move |view| CertificateBook::read(view, &host))?;
    let secret = book.next_secret().ok_or_else(|| {
        ZoneError::Refused(
            "there is no next key yet: it is made once the server has run with its certificate".into(),
        )
    })?;
    let encoded = STANDARD.encode(secret);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    Ok(Reply::Dns(DnsReply::Text { text }))
}

fn tsig_add(zones: &Zones, text: &str, algorithm: &str, secret: Option<String>) -> Done {
    let refuse = |why: String| ZoneError::Refused(why);
    let algorithm = algorithm.to_ascii_lowercase();
    if !["hmac-sha256", "hmac-sha384", "hmac-sha512"].contains(&algorithm.as_str()) {
        return Err(refuse(format!("{algorithm:?} is none of hmac-sha256, hmac-sha384 and hmac-sha512")));
    }
    let key_name = name(text)?.to_lowercase().to_text_without_dot();
    let (secret, made) = match secret {
        Some(text) => (STANDARD.decode(text).map_err(|error| refuse(error.to_string()))?, false),
        None => {
            let secret = crate::auth::random::<TSIG_SECRET_LEN_BYTES>();
            (secret.map_err(|error| refuse(error.to_string()))?.to_vec(), true)
        }
    };
    if secret.len() < TSIG_SECRET_LEN_MIN_BYTES {
        return Err(refuse(format!("a secret of fewer than {TSIG_SECRET_LEN_MIN_BYTES} bytes is none")));
    }
    let created_ms = zones.now_ms();
    let key = TsigKey { name: key_name.clone(), algorithm, secret: SecretBytes(secret), created_ms };
    zones.store().write_blocking(move |tx| tx.add_tsig_key(&key))?;
    zones.refresh()?;
    words(match made {
        true => format!(
            "the key {key_name} is made; `posthouse dns tsig show {key_name}` prints it for the other side"
        ),
        false => format!("the key {key_name} is there now"),
    })
}
