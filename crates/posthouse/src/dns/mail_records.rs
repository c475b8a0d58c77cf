//! The records that a mail domain needs, made from what the server really is.
//!
//! [`wanted`] is a pure function of [`Facts`]: the same facts give the same records. Nothing that is not served
//! is advertised: a policy of MTA-STS, autoconfiguration and the like appear only where [`Web`] says that the web
//! side answers for them.
//!
//! # Standards
//! MX: RFC 5321 §5.1, RFC 7505. SPF: RFC 7208. DKIM: RFC 6376 §3.6.1, RFC 8463. DMARC: RFC 7489. MTA-STS: RFC 8461
//! §3.1. TLSRPT: RFC 8460 §3. TLSA: RFC 6698, RFC 7672 §3. SRV: RFC 2782, RFC 6186, RFC 8314 §5.1. CAA: RFC 8659,
//! RFC 8657.

use std::fmt::Write as _;
use std::net::IpAddr;

/// The TTL of what is managed, in seconds: an hour. Changes wait for it, so that it need not be short.
pub const MANAGED_TTL_S: u32 = 3600;
/// Bytes of one character-string (RFC 1035 §3.3).
const STRING_LEN_MAX_BYTES: usize = 255;

/// A name server of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// Its name without final dot.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A service for mail programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailService {
    /// Submission inside TLS (RFC 8314 §3.3).
    Submissions,
    /// Submission with STARTTLS (RFC 6409).
    Submission,
    /// IMAP inside TLS.
    Imaps,
    /// IMAP with STARTTLS.
    Imap,
    /// POP3 inside TLS.
    Pop3s,
    /// POP3 with STLS.
    Pop3,
    /// JMAP (RFC 8620 §2.2).
    Jmap,
    /// ManageSieve (RFC 5804 §1.8).
    Sieve,
    /// Calendars (RFC 6764).
    Caldavs,
    /// Contacts (RFC 6764).
    Carddavs,
}

impl MailService {
    /// All of them, in the order in which they are published.
    pub const ALL: [MailService; 10] = [
        MailService::Submissions,
        MailService::Submission,
        MailService::Imaps,
        MailService::Imap,
        MailService::Pop3s,
        MailService::Pop3,
        MailService::Jmap,
        MailService::Sieve,
        MailService::Caldavs,
        MailService::Carddavs,
    ];

    /// Its label in the name of an SRV record.
    pub const fn label(self) -> &'static str {
        match self {
            MailService::Submissions => "_submissions",
            MailService::Submission => "_submission",
            MailService::Imaps => "_imaps",
            MailService::Imap => "_imap",
            MailService::Pop3s => "_pop3s",
            MailService::Pop3 => "_pop3",
            MailService::Jmap => "_jmap",
            MailService::Sieve => "_sieve",
            MailService::Caldavs => "_caldavs",
            MailService::Carddavs => "_carddavs",
        }
    }

    /// How much a client should prefer it: TLS from the first byte before STARTTLS (RFC 8314 §5.1).
    const fn priority(self) -> u16 {
        match self {
            MailService::Submission | MailService::Imap | MailService::Pop3s => 10,
            MailService::Pop3 => 20,
            _ => 0,
        }
    }
}

/// How strangers' mail enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailIn {
    /// By SMTP to this host.
    Here,
    /// Another server takes it in and hands it over; its MX is not ours to know.
    Elsewhere,
    /// Not at all (RFC 7505).
    Nowhere,
    /// The name is no mail domain of this server: nothing is said of its mail.
    NotOurs,
}

/// The public half of a DKIM key as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DkimPublic {
    /// DER of a SubjectPublicKeyInfo (RFC 6376 §3.6.1).
    Rsa(Vec<u8>),
    /// The 32 bytes themselves, no DER (RFC 8463 §3).
    Ed25519([u8; 32]),
    /// Withdrawn: `p=` empty (RFC 6376 §3.6.1).
    Revoked,
}

/// A selector and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimRecord {
    /// The label before `_domainkey`.
    pub selector: String,
    /// The key.
    pub public: DkimPublic,
}

/// What DMARC asks receivers to do (RFC 7489 §6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DmarcPolicy {
    /// Only report.
    #[default]
    None,
    /// Treat as suspicious.
    Quarantine,
    /// Refuse.
    Reject,
}

impl DmarcPolicy {
    /// The word for it in a record.
    pub const fn word(self) -> &'static str {
        match self {
            DmarcPolicy::None => "none",
            DmarcPolicy::Quarantine => "quarantine",
            DmarcPolicy::Reject => "reject",
        }
    }
}

/// What the web side answers for, which decides whether it is advertised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Web {
    /// The id of the MTA-STS policy that `https://mta-sts.d/` serves; nothing: none is served.
    pub mta_sts_id: Option<String>,
    /// Whether `autoconfig.d` and `autodiscover.d` are answered.
    pub autoconfig: bool,
    /// The digest of the PACC document that `https://ua-auto-config.d/` serves; nothing: none is served.
    pub pacc_digest: Option<String>,
    /// Whether webmail is served at the host.
    pub webmail: bool,
}

/// Who may issue certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaaFacts {
    /// The authority's domain.
    pub authority: String,
    /// Our account there (RFC 8657 §3), if known.
    pub account_uri: Option<String>,
}

/// Everything that decides a domain's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The domain, lower case, without final dot.
    pub domain: String,
    /// Whether this server has accounts there, and how mail for them comes in.
    pub mail: MailIn,
    /// The host that serves mail, without final dot.
    pub host: String,
    /// The host's public addresses.
    pub addresses: Vec<IpAddr>,
    /// The domain's name servers.
    pub name_servers: Vec<NameServer>,
    /// True if the zone is served here.
    pub zone_here: bool,
    /// True if the zone of the domain is signed and its parent knows, or will know: TLSA would be worthless without.
    pub signed: bool,
    /// The enabled services with their ports.
    pub services: Vec<(MailService, u16)>,
    /// The DKIM keys to be shown now.
    pub dkim: Vec<DkimRecord>,
    /// SHA-256 digests of the public keys (SubjectPublicKeyInfo) of the certificate in use and the next one.
    pub tlsa: Vec<[u8; 32]>,
    /// Ports whose TLSA records are wanted.
    pub tlsa_ports: Vec<u16>,
    /// What DMARC asks for.
    pub dmarc: DmarcPolicy,
    /// Where reports go; nothing: `postmaster@domain`.
    pub reports_to: Option<String>,
    /// Who may issue certificates; nothing: not known, nothing is published.
    pub caa: Option<CaaFacts>,
    /// What the web side answers for.
    pub web: Web,
}

/// A record that the domain needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The owner, absolute, with final dot.
    pub name: String,
    /// The type's mnemonic.
    pub rtype: &'static str,
    /// The data in master-file form (RFC 1035 §5.1), names absolute.
    pub data: String,
    /// What it is for, for people.
    pub purpose: &'static str,
    /// False for what belongs into somebody else's zone.
    pub in_zone: bool,
}

impl Wanted {
    /// The record as a line of a master file.
    pub fn line(&self) -> String {
        format!("{} {MANAGED_TTL_S} IN {} {}", self.name, self.rtype, self.data)
    }

    /// What must be equal for two TXT records to say the same kind of thing; nothing for other types, whose whole
    /// set says one thing.
    pub fn marker(&self) -> Option<&str> {
        (self.rtype == "TXT").then(|| text_marker(self.data.trim_start_matches('"')))
    }
}

/// The first word of a TXT record, by which its kind is known (`v=spf1`, `v=DMARC1` …).
pub fn text_marker(text: &str) -> &str {
    text.split([';', ' ', '"']).next().unwrap_or("")
}

/// The list under construction.
struct List<'a> {
    facts: &'a Facts,
    list: Vec<Wanted>,
}

/// The records that `facts` ask for, in the order in which people read them; each once.
pub fn wanted(facts: &Facts) -> Vec<Wanted> {
    let mut list = List { facts, list: Vec::new() };
    list.name_servers();
    list.hosts();
    list.mail();
    list.dkim();
    list.policies();
    list.tlsa();
    list.services();
    list.web();
    list.caa();
    list.reverse();
    list.list
}

/// Whether `name` is `zone` or below it; both without final dot, in lower case.
pub fn is_within(name: &str, zone: &str) -> bool {
    zone == "." || name.strip_suffix(zone).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Text as character-strings (RFC 1035 §5.1), cut where a string is full.
fn text(value: &str) -> String {
    let escaped = |chunk: &[u8]| -> String {
        chunk.iter().fold(String::new(), |mut out, byte| {
            match byte {
                b'"' | b'\\' => {
                    out.push('\\');
                    out.push(char::from(*byte));
                }
                0x20..=0x7e => out.push(char::from(*byte)),
                _ => drop(write!(out, "\\{byte:03}")),
            }
            out
        })
    };
    let strings: Vec<String> = value
        .as_bytes()
        .chunks(STRING_LEN_MAX_BYTES)
        .map(|chunk| format!("\"{}\"", escaped(chunk)))
        .collect();
    strings.join(" ")
}

/// Base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |group: u32, at: u32| char::from(LETTERS[(group >> (18 - 6 * at) & 63) as usize]);
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        let used = chunk.len() as u32 + 1;
        (0..4).for_each(|at| out.push(if at < used { letter(group, at) } else { '=' }));
    }
    out
}

/// The name with its final dot, which is all of the root's.
fn absolute(name: &str) -> String {
    if name == "." { name.to_owned() } else { format!("{name}.") }
}

impl List<'_> {
    fn add(&mut self, name: &str, rtype: &'static str, data: String, purpose: &'static str) {
        let new = Wanted { name: absolute(name), rtype, data, purpose, in_zone: true };
        if !self.list.iter().any(|old| old.name == new.name && old.rtype == rtype && old.data == new.data) {
            self.list.push(new);
        }
    }

    fn below(&mut self, label: &str, rtype: &'static str, data: String, purpose: &'static str) {
        let name = format!("{label}.{}", self.facts.domain);
        self.add(&name, rtype, data, purpose);
    }

    fn apex(&mut self, rtype: &'static str, data: String, purpose: &'static str) {
        self.add(&self.facts.domain, rtype, data, purpose);
    }

    fn addresses(&mut self, name: &str, addresses: &[IpAddr], purpose: &'static str) {
        for address in addresses {
            let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
            self.add(name, rtype, address.to_string(), purpose);
        }
    }

    fn host_is_here(&self) -> bool {
        is_within(&self.facts.host, &self.facts.domain)
    }

    /// NS, and the addresses of those inside the zone (RFC 1034 §4.2.1), which are also the registrar's glue.
    fn name_servers(&mut self) {
        if !self.facts.zone_here {
            return;
        }
        for server in &self.facts.name_servers {
            self.apex("NS", format!("{}.", server.name), "name server");
            if is_within(&server.name, &self.facts.domain) {
                self.addresses(&server.name, &server.addresses, "name server's address");
            }
        }
    }

    fn hosts(&mut self) {
        if self.host_is_here() {
            self.addresses(&self.facts.host, &self.facts.addresses, "mail host's address");
        }
    }

    /// MX and SPF. A name that sends no mail says so, or anybody could send in its name (RFC 7208 §10.1.2).
    fn mail(&mut self) {
        let facts = self.facts;
        match facts.mail {
            MailIn::Here => {
                self.apex("MX", format!("10 {}.", facts.host), "where mail goes");
                self.apex("TXT", text("v=spf1 mx -all"), "who may send: SPF");
            }
            MailIn::Elsewhere | MailIn::NotOurs => {}
            MailIn::Nowhere => {
                self.apex("MX", "0 .".into(), "takes no mail");
                self.apex("TXT", text("v=spf1 -all"), "who may send, nobody: SPF");
            }
        }
        if facts.mail == MailIn::NotOurs {
            return;
        }
        if self.host_is_here() && facts.host != facts.domain {
            let policy = if facts.mail == MailIn::Nowhere { "v=spf1 -all" } else { "v=spf1 a -all" };
            self.add(&facts.host, "TXT", text(policy), "who may send bounces: SPF");
        }
        for server in &facts.name_servers {
            if facts.zone_here
                && is_within(&server.name, &facts.domain)
                && server.name != facts.host
                && server.name != facts.domain
            {
                self.add(&server.name, "TXT", text("v=spf1 -all"), "who may send, nobody: SPF");
            }
        }
    }

    fn dkim(&mut self) {
        if matches!(self.facts.mail, MailIn::Nowhere | MailIn::NotOurs) {
            return;
        }
        for key in &self.facts.dkim {
            self.list.push(dkim_record(&self.facts.domain, key));
        }
    }

    fn policies(&mut self) {
        let facts = self.facts;
        if facts.mail == MailIn::NotOurs {
            return;
        }
        let reports = facts.reports_to.clone().unwrap_or_else(|| format!("postmaster@{}", facts.domain));
        if facts.mail == MailIn::Nowhere {
            self.below("_dmarc", "TXT", text("v=DMARC1; p=reject"), "what to do with forgeries: DMARC");
            return;
        }
        let value = format!("v=DMARC1; p={}; rua=mailto:{reports}", facts.dmarc.word());
        self.below("_dmarc", "TXT", text(&value), "what to do with forgeries: DMARC");
        if let Some((_, other)) = reports.rsplit_once('@')
            && !is_within(other, &facts.domain)
        {
            // RFC 7489 §7.1: the other domain must agree to get them.
            self.list.push(Wanted {
                name: format!("{}._report._dmarc.{other}.", facts.domain),
                rtype: "TXT",
                data: text("v=DMARC1"),
                purpose: "lets the reports go there: DMARC",
                in_zone: false,
            });
        }
        if facts.mail == MailIn::Here {
            let value = text(&format!("v=TLSRPTv1; rua=mailto:{reports}"));
            self.below("_smtp._tls", "TXT", value.clone(), "reports on TLS: TLSRPT");
            if self.host_is_here() && facts.host != facts.domain {
                self.add(&format!("_smtp._tls.{}", facts.host), "TXT", value, "reports on TLS: TLSRPT");
            }
        }
    }

    /// Usage 3, selector 1, matching type 1 (RFC 7672 §3.1.1): the key's digest, whoever issued the certificate.
    fn tlsa(&mut self) {
        let facts = self.facts;
        if !facts.signed || !self.host_is_here() || facts.tlsa_ports.is_empty() {
            return;
        }
        for port in &facts.tlsa_ports {
            for digest in &facts.tlsa {
                self.list.push(tlsa_record(&facts.host, *port, digest));
            }
        }
    }

    /// SRV of each service; what is not served says so with the target `.` (RFC 2782, RFC 6186 §3.4).
    fn services(&mut self) {
        let facts = self.facts;
        if matches!(facts.mail, MailIn::Nowhere | MailIn::NotOurs) {
            return;
        }
        for service in MailService::ALL {
            let port = facts.services.iter().find(|(enabled, _)| *enabled == service).map(|(_, port)| *port);
            let (data, purpose) = match port {
                Some(port) => (format!("{} 1 {port} {}.", service.priority(), facts.host), "service"),
                None => ("0 0 0 .".to_owned(), "service that is not offered"),
            };
            self.below(&format!("{}._tcp", service.label()), "SRV", data, purpose);
        }
    }

    fn web(&mut self) {
        let facts = self.facts;
        if facts.mail == MailIn::NotOurs {
            return;
        }
        let host = format!("{}.", facts.host);
        if let Some(id) = &facts.web.mta_sts_id
            && facts.mail == MailIn::Here
        {
            let value = text(&format!("v=STSv1; id={id};"));
            self.below("_mta-sts", "TXT", value, "that TLS is needed: MTA-STS");
            self.below("mta-sts", "CNAME", host.clone(), "serves the MTA-STS policy");
        }
        if facts.web.autoconfig {
            self.below("autoconfig", "CNAME", host.clone(), "sets mail programs up");
            self.below("autodiscover", "CNAME", host.clone(), "sets mail programs up");
            self.below("_autodiscover._tcp", "SRV", format!("0 1 443 {host}"), "sets mail programs up");
        }
        if let Some(digest) = &facts.web.pacc_digest {
            let value = text(&format!("v=UAAC1; a=sha256; d={digest}"));
            self.below("_ua-auto-config", "TXT", value, "sets mail programs up: PACC");
            self.below("ua-auto-config", "CNAME", host.clone(), "sets mail programs up: PACC");
        }
        if facts.web.webmail && self.host_is_here() {
            self.add(&facts.host, "HTTPS", "1 . alpn=\"h2\"".into(), "webmail");
        }
    }

    fn caa(&mut self) {
        let Some(caa) = &self.facts.caa else { return };
        let mut issue = caa.authority.clone();
        if let Some(uri) = &caa.account_uri {
            let _ = write!(issue, "; accounturi={uri}");
        }
        let reports =
            self.facts.reports_to.clone().unwrap_or_else(|| format!("postmaster@{}", self.facts.domain));
        self.apex("CAA", format!("0 issue {}", text(&issue)), "who may issue certificates");
        self.apex("CAA", "0 issuewild \";\"".into(), "nobody may issue wildcard certificates");
        self.apex(
            "CAA",
            format!("0 iodef {}", text(&format!("mailto:{reports}"))),
            "who is told of attempts",
        );
    }

    /// The reverse zone is the provider's: many servers refuse mail from hosts whose address has another name.
    fn reverse(&mut self) {
        if !self.host_is_here() {
            return;
        }
        for address in &self.facts.addresses {
            self.list.push(Wanted {
                name: reverse_name(*address),
                rtype: "PTR",
                data: format!("{}.", self.facts.host),
                purpose: "address's name: set at the provider of the address",
                in_zone: false,
            });
        }
    }
}

/// The record of a DKIM key.
pub fn dkim_record(domain: &str, key: &DkimRecord) -> Wanted {
    let value = match &key.public {
        DkimPublic::Rsa(der) => format!("v=DKIM1; k=rsa; s=email; p={}", base64(der)),
        DkimPublic::Ed25519(raw) => format!("v=DKIM1; k=ed25519; s=email; p={}", base64(raw)),
        DkimPublic::Revoked => "v=DKIM1; p=".to_owned(),
    };
    Wanted {
        name: format!("{}._domainkey.{domain}.", key.selector),
        rtype: "TXT",
        data: text(&value),
        purpose: "key of signatures: DKIM",
        in_zone: true,
    }
}

/// The record of a certificate's key: usage 3, selector 1, matching type 1.
pub fn tlsa_record(host: &str, port: u16, digest: &[u8; 32]) -> Wanted {
    let hex = digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Wanted {
        name: format!("_{port}._tcp.{host}."),
        rtype: "TLSA",
        data: format!("3 1 1 {hex}"),
        purpose: "key of the certificate: DANE",
        in_zone: true,
    }
}

/// The name under which an address' PTR stands (RFC 1035 §3.5, RFC 3596 §2.5).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().iter().rev().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{:x}.{:x}.", byte & 15, byte >> 4);
                out
            });
            format!("{nibbles}ip6.arpa.")
        }
    }
}

#[cfg(test)]
mod tests;
