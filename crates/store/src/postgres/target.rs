//! What `store.url` says of a PostgreSQL database: libpq's parameters, with defaults that send no password in clear
//! text, nor to a server that anybody may pretend to be.
//!
//! | `sslmode` | the connection |
//! |---|---|
//! | left out | over a socket without TLS; to this host as `prefer`; to others, or with `sslrootcert`, as `verify-full` |
//! | `disable` | without TLS |
//! | `prefer` | TLS if the server offers it; nobody's certificate is looked at |
//! | `require` | TLS; with `sslrootcert=FILE` as `verify-ca`, otherwise nobody's certificate is looked at |
//! | `verify-ca` | TLS, with a certificate from an authority in `sslrootcert=FILE` |
//! | `verify-full` | the same, and it is for the host that the address names; without `sslrootcert`, or with `sslrootcert=system`, the system's authorities are believed |
//!
//! Nothing that is written here is passed over: what could have no effect is refused, and so is what is not known.

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use postgres::config::{ChannelBinding, Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::passfile;
use super::refusal::Refusal;
use super::tls::{Identity, Roots, Tls, Trust};
use crate::error::OpenError;

/// The parameters that the client understands by itself.
const PASSED_ON: &[&str] = &[
    "user",
    "password",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "options",
    "application_name",
    "channel_binding",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "load_balance_hosts",
];

/// Those that are read here.
const OWN: &[&str] = &["sslmode", "sslrootcert", "sslcert", "sslkey", "passfile"];

/// How long a host may take to accept a connection, unless `connect_timeout` says otherwise: by itself the system gives up
/// on one that is silent only after two minutes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// A database and the way to it.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: Option<Tls>,
    passfile: Option<PathBuf>,
}

impl Target {
    /// Reads `store.url`; files are relative to `data_dir`.
    ///
    /// # Errors
    /// [`OpenError::Setting`], whose text shows nothing that could be a password.
    pub fn parse(url: &str, data_dir: &Path) -> Result<Target, OpenError> {
        read(url, data_dir).map_err(|what| OpenError::Setting(format!("store.url: {what}")))
    }

    /// Connects. The files are read anew each time, so that a renewed certificate or password counts from the next
    /// connection on. Must not be called on a thread of an async runtime.
    pub fn connect(&self) -> Result<Client, Refusal> {
        let mut config = self.config.clone();
        if let Some(file) = &self.passfile {
            config.password(passfile::password(file, &config).map_err(Refusal::Setting)?);
        }
        let connected = match &self.tls {
            Some(tls) => config.connect(tls.connector().map_err(Refusal::Setting)?),
            None => config.connect(NoTls),
        };
        connected.map_err(|error| Refusal::explain(error, self))
    }

    /// The hosts, as they are called in sentences.
    pub fn hosts(&self) -> String {
        let name = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        };
        self.config.get_hosts().iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Whose certificates are believed; nothing without TLS.
    pub(super) fn trust(&self) -> Option<&Trust> {
        self.tls.as_ref().map(|tls| &tls.trust)
    }
}

fn read(url: &str, data_dir: &Path) -> Result<Target, String> {
    let (address, query) = split(url)?;
    // With a password in the query even what looks like a key may be a piece of it.
    let may_show = !query.contains("password");
    let mut own = Own::default();
    let mut passed_on = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err("a parameter behind the ? has no value: each is written key=value".to_owned());
        };
        if PASSED_ON.contains(&key) {
            passed_on.push(pair);
        } else if OWN.contains(&key) {
            own.take(key, value, data_dir)?;
        } else {
            let key = if may_show { format!("the parameter {key:?}") } else { "a parameter".to_owned() };
            let known = [PASSED_ON, OWN].concat().join(", ");
            return Err(format!("{key} is not offered; these are: {known}"));
        }
    }
    let mut config = Config::from_str(&format!("{address}?{}", passed_on.join("&"))).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{error}{cause}")
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_PATIENCE);
    }
    let place = place(&mut config)?;
    own.apply(config, place)
}

/// The part before the parameters, and the parameters.
fn split(url: &str) -> Result<(&str, &str), String> {
    let (login, rest) = url.split_once('@').map_or(("", url), |(login, rest)| (login, rest));
    if login.contains('?') || rest.contains('@') {
        // Otherwise a piece of a password could be taken for a host, and be shown.
        return Err("an @ within a name, a password or a path is written %40, and a ? there %3F".to_owned());
    }
    Ok(rest.split_once('?').map_or((url, ""), |(host, query)| (&url[..login_len(login) + host.len()], query)))
}

/// The bytes of the login with its @.
fn login_len(login: &str) -> usize {
    if login.is_empty() { 0 } else { login.len() + 1 }
}

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind a socket of this host.
    Socket,
    /// Behind an address that leads to this host alone.
    Loopback,
    /// Behind some network.
    Network,
}

/// Finds out where the server is. An address without a name is also the name.
fn place(config: &mut Config) -> Result<Place, String> {
    let addresses = config.get_hostaddrs().to_vec();
    if config.get_hosts().is_empty() {
        for address in &addresses {
            config.host(&address.to_string());
        }
    }
    let hosts = config.get_hosts();
    if hosts.is_empty() {
        return Err("names no host; a server's socket is named by ?host=/run/postgresql".to_owned());
    }
    let sockets = hosts.iter().filter(|host| matches!(host, Host::Unix(_))).count();
    if sockets > 0 {
        return match sockets == hosts.len() && addresses.is_empty() {
            true => Ok(Place::Socket),
            false => {
                Err("names a socket beside hosts or addresses: only one of the two is possible".to_owned())
            }
        };
    }
    let mut names = hosts.iter().filter_map(|host| match host {
        Host::Tcp(name) => Some(name.as_str()),
        Host::Unix(_) => None,
    });
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/,".contains(c);
    if names.clone().any(|name| name.is_empty() || name.contains(odd)) {
        return Err("what stands for a host is no name; is a / or @ of the password not written %2F or %40?"
            .to_owned());
    }
    let is_here = match addresses.as_slice() {
        [] => names.all(is_loopback),
        addresses => addresses.iter().all(|address| address.to_canonical().is_loopback()),
    };
    Ok(if is_here { Place::Loopback } else { Place::Network })
}

fn is_loopback(name: &str) -> bool {
    let address = name.parse::<IpAddr>().map(|address| address.to_canonical().is_loopback());
    address.unwrap_or_else(|_| name.eq_ignore_ascii_case("localhost"))
}

/// What `sslmode` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn read(text: &str) -> Result<Mode, String> {
        match text {
            "disable" => Ok(Mode::Disable),
            "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-ca" => Ok(Mode::VerifyCa),
            "verify-full" => Ok(Mode::VerifyFull),
            _ => Err("sslmode is one of disable, prefer, require, verify-ca and verify-full".to_owned()),
        }
    }
}

/// The parameters that are read here.
#[derive(Default)]
struct Own {
    mode: Option<Mode>,
    roots: Option<Roots>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    passfile: Option<PathBuf>,
}

impl Own {
    fn take(&mut self, key: &str, value: &str, data_dir: &Path) -> Result<(), String> {
        let file = || path(key, value, data_dir);
        let was_empty = match key {
            "sslmode" => self.mode.replace(Mode::read(value)?).is_none(),
            "sslrootcert" if value == "system" => self.roots.replace(Roots::System).is_none(),
            "sslrootcert" => self.roots.replace(Roots::File(file()?)).is_none(),
            "sslcert" => self.certificate.replace(file()?).is_none(),
            "sslkey" => self.key.replace(file()?).is_none(),
            _ => self.passfile.replace(file()?).is_none(),
        };
        if was_empty { Ok(()) } else { Err(format!("{key} is there twice")) }
    }

    fn apply(self, mut config: Config, place: Place) -> Result<Target, String> {
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => return Err("sslcert and sslkey, a certificate and its key, go together".to_owned()),
        };
        let (mode, trust) = match place {
            Place::Socket => on_socket(self.mode, self.roots.as_ref())?,
            place => over_network(self.mode, self.roots, place)?,
        };
        config.ssl_mode(mode);
        let tls = match (trust, identity) {
            (Some(trust), identity) => Some(Tls { trust, identity }),
            (None, None) => None,
            (None, Some(_)) => {
                return Err("sslcert is for TLS, which this connection does not use".to_owned());
            }
        };
        if tls.is_none() && config.get_channel_binding() == ChannelBinding::Require {
            return Err("channel_binding=require needs TLS, which this connection does not use".to_owned());
        }
        if self.passfile.is_some() && config.get_password().is_some() {
            return Err(
                "the password is in the url and in a passfile: only one of the two is possible".to_owned()
            );
        }
        if self.passfile.is_some() && config.get_user().is_none() {
            return Err("with a passfile the url must name the user".to_owned());
        }
        Ok(Target { config, tls, passfile: self.passfile })
    }
}

/// What `sslmode` and `sslrootcert` mean for a socket, of which libpq says that they are passed over.
fn on_socket(mode: Option<Mode>, roots: Option<&Roots>) -> Result<(SslMode, Option<Trust>), String> {
    match (mode, roots) {
        (None | Some(Mode::Disable | Mode::Prefer), None) => Ok((SslMode::Disable, None)),
        _ => Err("PostgreSQL has no TLS on sockets, and needs none: leave sslmode and sslrootcert out, or name the \
                  server by its host"
            .to_owned()),
    }
}

/// What they mean for hosts.
fn over_network(
    mode: Option<Mode>,
    roots: Option<Roots>,
    place: Place,
) -> Result<(SslMode, Option<Trust>), String> {
    match (mode, roots) {
        (Some(Mode::Disable), None) => Ok((SslMode::Disable, None)),
        (Some(Mode::Prefer), None) => Ok((SslMode::Prefer, Some(Trust::Anybody))),
        (None, None) if place == Place::Loopback => Ok((SslMode::Prefer, Some(Trust::Anybody))),
        (Some(Mode::Require), None) => Ok((SslMode::Require, Some(Trust::Anybody))),
        (Some(Mode::Require | Mode::VerifyCa), Some(Roots::File(file))) => {
            Ok((SslMode::Require, Some(Trust::Authority(file))))
        }
        (None | Some(Mode::VerifyFull), roots) => {
            Ok((SslMode::Require, Some(Trust::Name(roots.unwrap_or(Roots::System)))))
        }
        (Some(Mode::Disable | Mode::Prefer), Some(_)) => {
            Err("sslrootcert has no effect with this sslmode: leave \
             it out, or write sslmode=verify-full"
                .to_owned())
        }
        // Whoever has any certificate of a public authority would be believed.
        (Some(Mode::Require), Some(Roots::System)) => {
            Err("sslrootcert=system needs sslmode=verify-full".to_owned())
        }
        (Some(Mode::VerifyCa), _) => {
            Err("sslmode=verify-ca needs sslrootcert=FILE; with the system's authorities \
             write sslmode=verify-full"
                .to_owned())
        }
    }
}

/// A file that a parameter names.
fn path(key: &str, value: &str, data_dir: &Path) -> Result<PathBuf, String> {
    let bytes = decoded(value).filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or_else(|| format!("{key} names no file (a % is written %25)"))?;
    Ok(data_dir.join(OsString::from_vec(bytes)))
}

/// The bytes of a percent-encoded text.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Some(bytes)
}
#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Target, String> {
        Target::parse(url, Path::new("/data")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_is_safe() {
        let file = || PathBuf::from("/data/ca.pem");
        let anybody = |mode| (mode, Some(Trust::Anybody));
        let name = |roots| (SslMode::Require, Some(Trust::Name(roots)));
        let table = [
            ("post@/house?host=/run/postgresql", (SslMode::Disable, None)),
            ("post@%2Frun%2Fpostgresql/house", (SslMode::Disable, None)),
            ("post@/house?host=/run/postgresql&sslmode=prefer", (SslMode::Disable, None)),
            ("post@localhost/house", anybody(SslMode::Prefer)),
            ("post@LocalHost:5433", anybody(SslMode::Prefer)),
            ("post@127.0.0.9/house", anybody(SslMode::Prefer)),
            ("post@[::1]/house", anybody(SslMode::Prefer)),
            ("post@[::ffff:127.0.0.1]/house", anybody(SslMode::Prefer)),
            ("post@db.example.org/house?hostaddr=127.0.0.1", anybody(SslMode::Prefer)),
            ("post@/house?hostaddr=127.0.0.1", anybody(SslMode::Prefer)),
            ("post@db.example.org/house", name(Roots::System)),
            ("post@192.0.2.1/house", name(Roots::System)),
            ("post@localhost,db.example.org/house", name(Roots::System)),
            ("post@localhost/house?hostaddr=192.0.2.1", name(Roots::System)),
            ("post@localhost.example.org/house", name(Roots::System)),
            ("post@db.example.org/house?sslrootcert=ca.pem", name(Roots::File(file()))),
            ("post@localhost/house?sslrootcert=%2Fdata%2Fca.pem", name(Roots::File(file()))),
            ("post@localhost/house?sslrootcert=system", name(Roots::System)),
            ("post@db.example.org/house?sslmode=verify-full", name(Roots::System)),
            ("post@db.example.org/house?sslmode=verify-full&sslrootcert=ca.pem", name(Roots::File(file()))),
            (
                "post@db.example.org/house?sslmode=verify-ca&sslrootcert=ca.pem",
                (SslMode::Require, Some(Trust::Authority(file()))),
            ),
            (
                "post@db.example.org/house?sslmode=require&sslrootcert=ca.pem",
                (SslMode::Require, Some(Trust::Authority(file()))),
            ),
            ("post@db.example.org/house?sslmode=require", anybody(SslMode::Require)),
            ("post@db.example.org/house?sslmode=prefer", anybody(SslMode::Prefer)),
            ("post@db.example.org/house?sslmode=disable", (SslMode::Disable, None)),
        ];
        for (url, (mode, trust)) in table {
            let target =
                parsed(&format!("postgres://{url}")).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(target.config.get_ssl_mode(), mode, "{url}");
            assert_eq!(target.trust(), trust.as_ref(), "{url}");
            assert!(!target.config.get_hosts().is_empty(), "{url}");
        }
    }

    #[test]
    fn what_could_have_no_effect_is_refused() {
        let socket = "PostgreSQL has no TLS on sockets";
        let table = [
            ("post@/house?host=/run/postgresql&sslmode=require", socket),
            ("post@/house?host=/run/postgresql&sslmode=verify-full", socket),
            ("post@/house?host=/run/postgresql&sslrootcert=ca.pem", socket),
            ("post@/house?host=/run/postgresql&sslcert=c&sslkey=k", "sslcert is for TLS"),
            ("post@/house?host=/run/postgresql&channel_binding=require", "channel_binding=require needs TLS"),
            ("post@db/house?sslmode=disable&channel_binding=require", "channel_binding=require needs TLS"),
            ("post@db/house?sslmode=disable&sslrootcert=ca.pem", "no effect with this sslmode"),
            ("post@db/house?sslmode=prefer&sslrootcert=ca.pem", "no effect with this sslmode"),
            ("post@db/house?sslmode=disable&sslcert=c&sslkey=k", "sslcert is for TLS"),
            ("post@db/house?sslcert=c", "go together"),
            ("post@db/house?sslkey=k", "go together"),
            ("post@db/house?sslmode=verify-ca", "needs sslrootcert=FILE"),
            ("post@db/house?sslmode=verify-ca&sslrootcert=system", "needs sslrootcert=FILE"),
            ("post@db/house?sslmode=require&sslrootcert=system", "needs sslmode=verify-full"),
            ("post@db/house?sslmode=allow", "sslmode is one of"),
            ("post@db/house?sslmode=", "sslmode is one of"),
            ("post@db/house?sslmode=require&sslmode=require", "sslmode is there twice"),
            ("post@db/house?sslrootcert=", "sslrootcert names no file"),
            ("post@db/house?sslrootcert=%zz", "sslrootcert names no file"),
            ("post@db/house?sslrootcert=%+1", "sslrootcert names no file"),
            ("post@db/house?sslcrl=crl.pem", "the parameter \"sslcrl\" is not offered; these are: user"),
            ("post@db/house?sslnegotiation=direct", "the parameter \"sslnegotiation\" is not offered"),
            ("post@db/house?channel_binding=maybe", "invalid value for option `channel_binding`"),
            ("post@db/house?sslmode", "written key=value"),
            ("post@/house", "names no host"),
            ("post@db/house?host=/run/postgresql", "names a socket beside hosts"),
            ("post@/house?host=/run/postgresql&hostaddr=127.0.0.1", "names a socket beside hosts"),
            ("post:secret@db/house?passfile=pass", "only one of the two"),
            ("db/house?passfile=pass", "must name the user"),
        ];
        for (url, expected) in table {
            let error =
                parsed(&format!("postgres://{url}")).err().unwrap_or_else(|| panic!("{url} was taken"));
            assert!(error.starts_with("store.url: ") && error.contains(expected), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_shown_however_it_is_written() {
        let table = [
            "post:hunter2@db/house?sslmode=x",
            "post:hunt@er2@db/house",
            "post:a@hunter2/er2@db/house",
            "post:hunter2?x=y@db/house",
            "post:a@b?hunter2=c@db/house",
            "post@db/house?password=a&hunter2=b",
            "post@db/house?password=hunter2",
            "post@db/house?password=hunter2&sslmode=x",
            "post:hunter2/house",
            "post:hunter2",
        ];
        for url in table {
            if let Err(error) = parsed(&format!("postgres://{url}")) {
                assert!(!error.contains("hunter2") && !error.contains("er2"), "{url}: {error}");
            }
        }
    }

    #[test]
    fn a_silent_host_is_given_up() {
        let target = parsed("postgres://post@db.example.org/house").unwrap();
        assert_eq!(target.config.get_connect_timeout(), Some(&CONNECT_PATIENCE));
    }

    #[test]
    fn a_login_keeps_its_own_letters() {
        let target = parsed("postgres://po%40st:p%3Fa%2Fs%26s@localhost:1/house?connect_timeout=2").unwrap();
        assert_eq!(target.config.get_user(), Some("po@st"));
        assert_eq!(target.config.get_password(), Some(b"p?a/s&s".as_slice()));
        assert_eq!(target.config.get_dbname(), Some("house"));
        assert_eq!(target.hosts(), "localhost");
        assert_eq!(target.config.get_connect_timeout(), Some(&Duration::from_secs(2)));
    }
}
