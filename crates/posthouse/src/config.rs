//! The configuration file: what must be known before the store opens.

mod s3;

pub use s3::S3;

use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The whole file, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name by which this server greets and signs its trace fields.
    pub hostname: String,
    /// Where everything that lasts is kept.
    pub data_dir: PathBuf,
    /// Which services listen where.
    #[serde(default)]
    pub listen: Listen,
    /// The certificate; absent: a self-signed one is made in `data_dir`.
    pub tls: Option<Tls>,
    /// Where accounts and mail are kept.
    #[serde(default)]
    pub store: Store,
    /// How people log in.
    #[serde(default)]
    pub auth: Auth,
    /// How names of others are looked up.
    #[serde(default)]
    pub resolver: Resolver,
    /// What the world is told of this server's names.
    #[serde(default)]
    pub dns: Dns,
    /// How POP3 clients are treated.
    #[serde(default)]
    pub pop3: Pop3,
    /// How FTP clients are served.
    #[serde(default)]
    pub ftp: Ftp,
    /// What one client may take.
    #[serde(default)]
    pub limits: Limits,
    /// How the log is written.
    #[serde(default)]
    pub log: Log,
}

/// Lists of address:port; an absent list switches the service off.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// SMTP from other servers (port 25).
    pub smtp: Vec<SocketAddr>,
    /// Submission with STARTTLS (587).
    pub submission: Vec<SocketAddr>,
    /// Submission inside TLS (465).
    pub submissions: Vec<SocketAddr>,
    /// LMTP for local programs that deliver (24).
    pub lmtp: Vec<SocketAddr>,
    /// IMAP with STARTTLS (143).
    pub imap: Vec<SocketAddr>,
    /// IMAP inside TLS (993).
    pub imaps: Vec<SocketAddr>,
    /// POP3 with STLS (110).
    pub pop3: Vec<SocketAddr>,
    /// POP3 inside TLS (995).
    pub pop3s: Vec<SocketAddr>,
    /// HTTP: metrics and health.
    pub http: Vec<SocketAddr>,
    /// DNS by UDP and TCP (53).
    pub dns: Vec<SocketAddr>,
    /// DNS inside TLS (853).
    pub dot: Vec<SocketAddr>,
    /// FTP, with TLS when asked for (21).
    pub ftp: Vec<SocketAddr>,
    /// FTP inside TLS (990).
    pub ftps: Vec<SocketAddr>,
    /// See `ftp`.
    pub https: Vec<SocketAddr>,
}

/// Certificate and key, PEM files, relative to the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub private_key: PathBuf,
}

/// Where accounts and mail are kept.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:FILE` relative to `data_dir`, or `postgres://user@host/db?PARAMETER=VALUE&…`.
    ///
    /// TLS to PostgreSQL, as in libpq: `sslmode` (left out: none over a socket, `prefer` to this host, `verify-full` to
    /// others), `sslrootcert` (a file or `system`), `sslcert` and `sslkey`, `channel_binding`, and `passfile` for the
    /// password. Files are relative to `data_dir`. What is not known is refused.
    pub url: String,
    /// `file:FOLDER` relative to `data_dir`, or `s3://BUCKET/PREFIX`.
    pub blobs: String,
    /// The service that has the bucket.
    pub s3: Option<S3>,
}

impl Default for Store {
    fn default() -> Self {
        Store { url: "sqlite:posthouse.db".into(), blobs: "file:blobs".into(), s3: None }
    }
}

impl fmt::Debug for Store {
    /// Shows of a url its scheme alone: there may be a password behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = without_urls(&self.url);
        f.debug_struct("Store").field("url", &url).field("blobs", &self.blobs).finish()
    }
}

/// How people log in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Password logins without TLS, for tests and closed networks.
    pub allow_plaintext: bool,
}

/// What the world is told of this server's names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The addresses by which the world reaches this host; empty: those that services listen on, as far as
    /// they are addresses of the host and not wildcards.
    pub addresses: Vec<IpAddr>,
    /// The name servers of the zones served here, each as its name and, if it is not this host, its
    /// addresses behind it: `ns2.example.net 198.51.100.2`. Empty: this host alone.
    pub name_servers: Vec<String>,
    /// The domain of the authority that may issue certificates (RFC 8659), such as `letsencrypt.org`; empty: nothing
    /// is said.
    pub certificate_authority: String,
    /// The account there that may ask for them (RFC 8657 §3), a URI; empty: any.
    pub certificate_account: String,
    /// The name of a catalogue zone (RFC 9432) of all zones made here, for secondaries that follow it; it is served
    /// to those who may fetch it and needs no delegation. Absent: none.
    pub catalogue: Option<String>,
    /// What is answered to those who ask which of several servers this is (NSID, RFC 5001); empty: nothing.
    pub nsid: String,
    /// Like answers a second to one network by UDP (a /24 or a /56); 0: as many as are asked for.
    pub responses_per_s: u16,
    /// Errors and refusals a second to one network by UDP; 0: as many as there are.
    pub errors_per_s: u16,
    /// Answers of all kinds and about all names together a second to one network by UDP; 0, or without
    /// `responses_per_s`: as many as are asked for.
    pub total_per_s: u16,
    /// Every how many answers over the limit one is sent, cut short, so that a real client comes by TCP.
    pub slip: u8,
    /// Threads for UDP per address; 0: half of the cores, at most 4.
    pub udp_threads: usize,
    /// Open TCP and TLS connections in all; the one idle longest makes room for a new one.
    pub connections_max: usize,
    /// Open TCP and TLS connections from one network.
    pub connections_per_network_max: usize,
}

impl Default for Dns {
    fn default() -> Self {
        Dns {
            addresses: Vec::new(),
            name_servers: Vec::new(),
            certificate_authority: String::new(),
            certificate_account: String::new(),
            catalogue: None,
            nsid: String::new(),
            responses_per_s: 200,
            errors_per_s: 50,
            total_per_s: 1000,
            slip: 2,
            udp_threads: 0,
            connections_max: 2000,
            connections_per_network_max: 100,
        }
    }
}

/// How POP3 clients are treated.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pop3 {
    /// Seconds that must pass between two logins of an account (RFC 2449 §6.5); 0: none.
    pub login_delay_s: u32,
}

/// How FTP clients are served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ftp {
    /// The ports of passive data connections, `"FIRST-LAST"`; a firewall has to let them in.
    pub passive_ports: PortRange,
    /// The address that PASV names, where it is not the server's own: behind address translation.
    pub public_address: Option<Ipv4Addr>,
    /// Other addresses for clients of certain networks; the first that fits counts.
    pub public_address_for: Vec<PublicAddress>,
    /// Active data connections come from port 20 where the system permits it; some firewalls of
    /// clients insist (RFC 959 §5.2).
    pub active_from_20: bool,
    /// Offers compressed transfers (MODE Z).
    pub mode_z: bool,
    /// A data connection on which nothing moves for so many seconds is given up.
    pub data_timeout_s: u32,
    /// So many transfers of one account may be under way at once.
    pub transfers_per_account_max: usize,
}

impl Default for Ftp {
    fn default() -> Self {
        Ftp {
            passive_ports: PortRange { first: 50_000, last: 50_999 },
            public_address: None,
            public_address_for: Vec::new(),
            active_from_20: true,
            mode_z: false,
            // What vsftpd allows.
            data_timeout_s: 300,
            // Twice what a client makes that mirrors eight files at once, each in four segments; and a quarter of
            // the threads that transfers share.
            transfers_per_account_max: 64,
        }
    }
}

/// The address that clients of one network are told to connect to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicAddress {
    /// Whom it is for.
    pub clients: Network,
    /// What they are told.
    pub address: Ipv4Addr,
}

/// Ports from `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl TryFrom<String> for PortRange {
    type Error = String;
    fn try_from(text: String) -> Result<PortRange, String> {
        let ends = text.split_once('-').and_then(|(first, last)| {
            Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
        });
        match ends {
            Some((first, last)) if first >= 1024 && first <= last => Ok(PortRange { first, last }),
            _ => Err(format!("{text:?} is not a range of ports from 1024 on, such as 50000-50999")),
        }
    }
}

impl PortRange {
    /// The port that a random number chooses.
    pub fn pick(self, chance: u32) -> u16 {
        let count = u32::from(self.last - self.first) + 1;
        // Less than the count, which fits.
        self.first + u16::try_from(chance % count).unwrap_or_default()
    }

    /// `FIRST-LAST`.
    pub fn text(self) -> String {
        format!("{}-{}", self.first, self.last)
    }
}

/// How names of others are looked up. Whoever answers, signatures are verified here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resolver {
    /// Address:port of resolvers that search for us; empty: this host searches, from the root.
    pub servers: Vec<SocketAddr>,
    /// A file with other servers of the root than those built in, as master files write them.
    pub root_hints: Option<PathBuf>,
    /// A file with other trust anchors than those built in: DS or DNSKEY records.
    pub trust_anchors: Option<PathBuf>,
    /// Where others may ask this resolver; empty: nowhere.
    pub listen: Vec<SocketAddr>,
    /// Who may: required where `listen` is not empty.
    pub networks: Vec<Network>,
    /// Memory for what was learned.
    pub cache_max_bytes: usize,
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver {
            servers: Vec::new(),
            root_hints: None,
            trust_anchors: None,
            listen: Vec::new(),
            networks: Vec::new(),
            cache_max_bytes: 32 << 20,
        }
    }
}

impl Resolver {
    fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.is_empty() && self.networks.is_empty() {
            return Err(ConfigError(
                "resolver: listen needs networks, the list of those who may ask: a resolver that answers everybody is \
                 used for attacks on others"
                    .into(),
            ));
        }
        if let Some(bad) = self.servers.iter().find(|server| !crate::resolver::is_askable(server)) {
            return Err(ConfigError(format!("resolver: {bad} in servers is no address that can be asked")));
        }
        if self.cache_max_bytes < 64 << 10 {
            return Err(ConfigError("resolver: cache_max_bytes must be at least 65536".into()));
        }
        Ok(())
    }
}

/// What one client may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Networks to which limits per address and delays do not apply.
    pub exempt: Vec<Network>,
    /// Open connections in all. Each idle one costs about 20 KB.
    pub connections_max: usize,
    /// Open connections from one address (IPv4) or /64 network (IPv6).
    pub connections_per_address_max: usize,
    /// The largest message taken, in bytes as sent.
    pub message_size_max_bytes: u64,
    /// Memory that messages on their way in may take together.
    pub messages_in_flight_max_bytes: usize,
    /// Memory in which texts are kept for searching.
    pub search_cache_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            exempt: Vec::new(),
            connections_max: 20_000,
            connections_per_address_max: 100,
            // What the large providers take, and a little more for the encoding.
            message_size_max_bytes: 50 << 20,
            messages_in_flight_max_bytes: 512 << 20,
            search_cache_max_bytes: 256 << 20,
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `text` on a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An address range in prefix notation (RFC 4632 §3.1), or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix_len_bits: u8,
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Network, String> {
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
        let address: IpAddr =
            address.parse().map_err(|_| format!("{text:?} is not a network such as 192.0.2.0/24"))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len_bits = match prefix.map(str::parse) {
            None => longest,
            Some(Ok(bits)) if bits <= longest => bits,
            Some(_) => return Err(format!("{text:?}: the prefix length must be 0 to {longest}")),
        };
        Ok(Network { address, prefix_len_bits })
    }
}

impl Network {
    /// Whether `address` lies in it; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        let bits = |a: IpAddr| match a {
            IpAddr::V4(a) => (u128::from(u32::from(a)) << 96, 32),
            IpAddr::V6(a) => (u128::from(a), 128),
        };
        let ((own, own_kind), (other, other_kind)) = (bits(self.address), bits(address.to_canonical()));
        let shift = 128 - u32::from(self.prefix_len_bits);
        own_kind == other_kind && (shift == 128 || own >> shift == other >> shift)
    }
}

/// Why a configuration cannot be used. Its text says what, where and what to do.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Every key that the file may hold, for "did you mean".
const KEYS: &[&str] = &[
    "hostname",
    "data_dir",
    "listen",
    "tls",
    "store",
    "auth",
    "resolver",
    "limits",
    "log",
    "smtp",
    "submission",
    "submissions",
    "lmtp",
    "imap",
    "imaps",
    "pop3",
    "pop3s",
    "http",
    "https",
    "dns",
    "dot",
    "ftp",
    "ftps",
    "certificate",
    "private_key",
    "url",
    "blobs",
    "s3",
    "endpoint",
    "region",
    "virtual_hosted",
    "credentials",
    "allow_http",
    "allow_plaintext",
    "servers",
    "root_hints",
    "trust_anchors",
    "networks",
    "cache_max_bytes",
    "exempt",
    "connections_max",
    "connections_per_address_max",
    "message_size_max_bytes",
    "messages_in_flight_max_bytes",
    "search_cache_max_bytes",
    "format",
    "login_delay_s",
    "passive_ports",
    "public_address",
    "public_address_for",
    "clients",
    "address",
    "active_from_20",
    "mode_z",
    "data_timeout_s",
    "transfers_per_account_max",
    "addresses",
    "name_servers",
    "certificate_authority",
    "certificate_account",
    "catalogue",
    "nsid",
    "responses_per_s",
    "errors_per_s",
    "total_per_s",
    "slip",
    "udp_threads",
    "connections_per_network_max",
];

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// A sentence for the operator, naming file and place.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!("cannot read the configuration {}: {error}", path.display()))
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Config::parse(&text, folder)
            .map_err(|ConfigError(what)| ConfigError(format!("{}: {what}", path.display())))
    }

    /// Reads and checks a configuration whose relative paths begin at `folder`.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn parse(text: &str, folder: &Path) -> Result<Config, ConfigError> {
        let mut config: Config = toml::from_str(text).map_err(|error| ConfigError(explain(&error)))?;
        config.data_dir = folder.join(&config.data_dir);
        if let Some(tls) = &mut config.tls {
            tls.certificate = folder.join(&tls.certificate);
            tls.private_key = folder.join(&tls.private_key);
        }
        if let Some(s3) = &mut config.store.s3 {
            s3.credentials = s3.credentials.take().map(|file| folder.join(file));
        }
        config.store.check()?;
        for file in
            [&mut config.resolver.root_hints, &mut config.resolver.trust_anchors].into_iter().flatten()
        {
            *file = folder.join(&*file);
        }
        config.resolver.check()?;
        let name_fits = |name: &str| {
            !name.is_empty()
                && name.len() <= 253
                && name.split('.').all(|label| {
                    !label.is_empty()
                        && label.len() <= 63
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        };
        if !name_fits(&config.hostname) {
            return Err(ConfigError(format!(
                "hostname {:?} is not a host name such as mx.example.org",
                config.hostname
            )));
        }
        if config.limits.connections_max == 0 || config.limits.connections_per_address_max == 0 {
            return Err(ConfigError(
                "limits: connections_max and connections_per_address_max must be at least 1".into(),
            ));
        }
        if config.limits.message_size_max_bytes < 64 * 1024 {
            // RFC 5321 §4.5.3.1.7 asks for at least 64 KiB.
            return Err(ConfigError(
                "limits: message_size_max_bytes must be at least 65536 (RFC 5321 §4.5.3.1.7)".into(),
            ));
        }
        Ok(config)
    }

    /// The names of listed services that this version does not serve, to be said at the start.
    pub fn not_served(&self) -> Vec<&'static str> {
        let listed = [("https", &self.listen.https)];
        listed.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, _)| name).collect()
    }
}

/// The parser's message, with the nearest known key where a key was unknown.
fn explain(error: &toml::de::Error) -> String {
    // It shows the line, which may be the one with the password of the database.
    let text = without_urls(&error.to_string());
    let unknown = error.message().strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let near = unknown.and_then(|key| {
        let best = KEYS
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)))?;
        (strsim::jaro_winkler(best, key) > 0.8).then_some(*best)
    });
    match near {
        Some(near) => format!("{}\ndid you mean {near:?}?", text.trim_end()),
        None => text.trim_end().to_string(),
    }
}

/// The text without what stands behind a `://` in its lines.
fn without_urls(text: &str) -> String {
    let kept = |line: &str| match line.split_once("://") {
        Some((before, _)) => format!("{before}://…"),
        None => line.to_owned(),
    };
    text.lines().map(kept).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = r#"
hostname = "mx.example.org"
data_dir = "/var/lib/posthouse"
[listen]
smtp = ["0.0.0.0:25"]
dns  = ["0.0.0.0:53"]
[tls]
certificate = "cert.pem"
private_key = "key.pem"
[store]
url = "sqlite:posthouse.db"
blobs = "file:blobs"
[auth]
allow_plaintext = false
[resolver]
servers = []
[limits]
exempt = ["127.0.0.0/8", "::1"]
"#;

    #[test]
    fn the_contract_is_understood() {
        let config = Config::parse(CONTRACT, Path::new("/etc")).unwrap();
        assert_eq!(config.listen.smtp.len(), 1);
        assert_eq!(config.listen.dns.len(), 1);
        assert!(config.not_served().is_empty());
        assert_eq!(config.tls.unwrap().certificate, Path::new("/etc/cert.pem"));
        assert!(config.limits.exempt[0].contains("127.9.9.9".parse().unwrap()));
        assert!(config.limits.exempt[0].contains("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!config.limits.exempt[0].contains("128.0.0.1".parse().unwrap()));
        assert!(config.limits.exempt[1].contains("::1".parse().unwrap()));
    }

    #[test]
    fn faults_are_named_with_what_to_do() {
        let table = [
            ("hostnam = \"a\"", "did you mean \"hostname\""),
            ("hostname = \"a b\"\ndata_dir = \"x\"", "not a host name"),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[limits]\nexempt = [\"1.2.3.4/33\"]", "0 to 32"),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[listen]\nimpas = []", "did you mean \"imaps\""),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[limits]\nmessage_size_max_bytes = 10", "65536"),
            ("hostname = \"a\"", "missing field `data_dir`"),
            (
                "hostname = \"a\"\ndata_dir = \"x\"\n[store.s3]\nend_point = \"x\"",
                "did you mean \"endpoint\"",
            ),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[store.s3]\nregion = \"x\"", "store.blobs is not"),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[resolver]\nlisten = [\"192.0.2.1:53\"]", "needs networks"),
            (
                "hostname = \"a\"\ndata_dir = \"x\"\n[resolver]\nservers = [\"0.0.0.0:53\"]",
                "no address that can",
            ),
            (
                "hostname = \"a\"\ndata_dir = \"x\"\n[resolver]\ntrust_anchor = \"k\"",
                "did you mean \"trust_anchors\"",
            ),
            ("hostname = \"a\"\ndata_dir = \"x\"\n[ftp]\npassive_ports = \"80-90\"", "from 1024 on"),
            (
                "hostname = \"a\"\ndata_dir = \"x\"\n[ftp]\npassive_port = \"1-2\"",
                "did you mean \"passive_ports\"",
            ),
        ];
        for (text, expected) in table {
            let error = Config::parse(text, Path::new(".")).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?} gave: {error}");
        }
    }

    #[test]
    fn no_fault_shows_the_password_of_the_database() {
        let begin = "hostname = \"a\"\ndata_dir = \"x\"\n";
        let url = "postgres://post:hunter2@db.example.org/house?password=hunter2";
        for line in [
            format!("[store]\nurl = \"{url}"),
            format!("[store]\nurl = [\"{url}\"]"),
            format!("[store]\nurl = {url}"),
            format!("[store]\nurls = \"{url}\""),
            format!("store = \"{url}\""),
            format!("[store]\nurl = \"{url}\"\nurl = \"{url}\""),
        ] {
            let error = Config::parse(&format!("{begin}{line}"), Path::new(".")).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
            assert!(error.to_string().contains("line"), "{error}");
        }
        let config = Config::parse(&format!("{begin}[store]\nurl = \"{url}\""), Path::new(".")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
