//! TLS to PostgreSQL: which server is spoken to, and which is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use store::{Flags, OpenError, Settings, Store};

use crate::engines::{Server, as_postgres, server, sqlite_settings};
use crate::{account, assert_clean, changes, files, fill, inbox, live, messages};

/// The password of `scram`. No refusal may show it.
const PASSWORD: &str = "ap%25ple-pie-4711";
/// As the server knows it.
const PASSWORD_DECODED: &str = "ap%ple-pie-4711";
/// The name that the server's certificate is for.
const HOST: &str = "db.example.org";

/// Who may come in how, first match first.
const ACCESS: &str = "local all all trust
hostssl all scram,renewed 127.0.0.1/32 scram-sha-256
hostssl all certified 127.0.0.1/32 cert
host all postgres 127.0.0.1/32 trust
";

/// An authority that the tests made.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        Authority::with_key(name, KeyPair::generate().unwrap())
    }

    fn with_key(name: &str, key: KeyPair) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these hosts, or for a person, and its key.
    fn sign(&self, common_name: &str, hosts: &[&str]) -> (String, String) {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

static SECURE: OnceLock<Option<Server>> = OnceLock::new();

/// A server with TLS, whose folder holds what its clients need.
fn secure() -> Option<&'static Server> {
    let started = SECURE.get_or_init(|| {
        let server = Server::start(|folder| {
            lay_out(folder);
            "-c ssl=on -c ssl_ca_file=root.crt".to_owned()
        })?;
        server.psql(
            "postgres",
            &format!(
                "CREATE ROLE scram LOGIN SUPERUSER PASSWORD '{PASSWORD_DECODED}';
                 CREATE ROLE certified LOGIN SUPERUSER"
            ),
        );
        Some(server)
    });
    if started.is_none() {
        eprintln!("skipped: no PostgreSQL programs found");
    }
    started.as_ref()
}

/// Makes the certificates and says who may come in.
fn lay_out(folder: &Path) {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (certificate, key) = ours.sign(HOST, &[HOST]);
    put_for_server(folder, "server.crt", &certificate);
    put_for_server(folder, "server.key", &key);
    put_for_server(folder, "root.crt", &ours.pem);
    put_for_server(folder, "pg_hba.conf", ACCESS);
    fs::write(folder.join("ca.pem"), &ours.pem).unwrap();
    fs::write(folder.join("other.pem"), &other.pem).unwrap();
    for (name, authority) in [("certified", &ours), ("stranger", &other)] {
        let (certificate, key) = authority.sign("certified", &[]);
        fs::write(folder.join(format!("{name}.crt")), certificate).unwrap();
        put_secret(&folder.join(format!("{name}.key")), &key);
    }
}

/// The server takes its key only from a file of its own.
fn put_for_server(folder: &Path, name: &str, text: &str) {
    let draft = folder.join(name);
    fs::write(&draft, text).unwrap();
    fs::set_permissions(&draft, PermissionsExt::from_mode(0o644)).unwrap();
    let mut install = as_postgres(Path::new("/usr/bin/install"));
    install.args(["-m", "600"]).arg(&draft).arg(folder.join("data").join(name));
    assert!(install.status().unwrap().success());
}

fn put_secret(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

/// Opens a new database of `server` over TCP, with these further parameters; `DIR` is the secure server's folder.
fn open(server: &Server, user: &str, host: &str, parameters: &str) -> Result<Opened, OpenError> {
    let folder = tempfile::tempdir().unwrap();
    let database = server.database();
    let tls = secure().unwrap().folder().display().to_string();
    let parameters = parameters.replace("DIR", &tls);
    let port = server.port();
    let url = format!("postgres://{user}@{host}:{port}/{database}?hostaddr=127.0.0.1&{parameters}");
    let store = Store::open(&Settings { url, ..sqlite_settings(folder.path()) })?;
    Ok(Opened { store, database, _folder: folder })
}

struct Opened {
    store: Store,
    database: String,
    _folder: tempfile::TempDir,
}

impl Opened {
    /// What the server says of all connections to this database.
    fn is_encrypted(&self, server: &Server) -> bool {
        let ann = account(&self.store, "ann");
        self.store.read_blocking(|view| view.account(ann)).unwrap().unwrap();
        let said = server.psql(
            &self.database,
            "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        match said.trim() {
            "t" => true,
            "f" => false,
            other => panic!("some are encrypted and some are not: {other:?}"),
        }
    }
}

/// The sentence with which the store does not open, which must not show the password.
fn refusal(server: &Server, user: &str, host: &str, parameters: &str) -> String {
    let error = open(server, user, host, parameters).map(|_| ()).unwrap_err();
    let text = error.to_string();
    for shown in [&text, &format!("{error:?}")] {
        assert!(!shown.contains(PASSWORD) && !shown.contains(PASSWORD_DECODED), "{parameters}: {shown}");
    }
    assert!(!text.contains('\n') || text.contains("FATAL"), "more than a sentence: {text}");
    text
}

const UNTRUSTED: &str = "no authority in sslrootcert ";
const UNKNOWN: &str = "none of the system's authorities vouches for it";
const WRONG_NAME: &str = " is for db.example.org, not for the name that store.url has";
const NO_TLS: &str = "does not offer TLS";

/// What comes of a connection.
#[derive(Debug)]
enum Outcome {
    Encrypted,
    Plain,
    Refused(&'static str),
}

use Outcome::{Encrypted, Plain, Refused};

fn outcomes(server: &Server, host: &str, table: &[(&str, Outcome)]) {
    for (parameters, expected) in table {
        match expected {
            Refused(why) => {
                let text = refusal(server, "postgres", host, parameters);
                assert!(text.contains(why), "{host} {parameters}: {text}");
            }
            expected => {
                let opened = open(server, "postgres", host, parameters);
                let opened = opened.unwrap_or_else(|error| panic!("{host} {parameters}: {error}"));
                let is_encrypted = opened.is_encrypted(server);
                assert_eq!(is_encrypted, matches!(expected, Encrypted), "{host} {parameters}");
            }
        }
    }
}

#[test]
fn a_server_with_the_right_certificate() {
    let Some(server) = secure() else { return };
    outcomes(
        server,
        HOST,
        &[
            // Only because the address leads nowhere else.
            ("", Encrypted),
            ("sslmode=disable", Plain),
            ("sslmode=prefer", Encrypted),
            ("sslmode=require", Encrypted),
            ("sslmode=require&sslrootcert=DIR/ca.pem", Encrypted),
            ("sslmode=verify-ca&sslrootcert=DIR/ca.pem", Encrypted),
            ("sslmode=verify-full&sslrootcert=DIR/ca.pem", Encrypted),
            ("sslrootcert=DIR/ca.pem", Encrypted),
        ],
    );
}

#[test]
fn a_server_whose_authority_is_another() {
    let Some(server) = secure() else { return };
    outcomes(
        server,
        HOST,
        &[
            ("sslmode=require&sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
            ("sslmode=verify-ca&sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
            ("sslmode=verify-full&sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
            ("sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
            ("sslmode=verify-full", Refused(UNKNOWN)),
            ("sslmode=verify-full&sslrootcert=system", Refused(UNKNOWN)),
            ("sslrootcert=system", Refused(UNKNOWN)),
        ],
    );
}

#[test]
fn a_server_of_another_name() {
    let Some(server) = secure() else { return };
    let table = [
        ("sslmode=disable", Plain),
        ("sslmode=prefer", Encrypted),
        ("sslmode=require", Encrypted),
        ("sslmode=require&sslrootcert=DIR/ca.pem", Encrypted),
        ("sslmode=verify-ca&sslrootcert=DIR/ca.pem", Encrypted),
        ("sslmode=verify-ca&sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
        ("sslmode=verify-full&sslrootcert=DIR/ca.pem", Refused(WRONG_NAME)),
        ("sslrootcert=DIR/ca.pem", Refused(WRONG_NAME)),
        ("sslrootcert=DIR/other.pem", Refused(UNTRUSTED)),
    ];
    outcomes(server, "elsewhere.example.org", &table);
    outcomes(server, "127.0.0.1", &table);
}

#[test]
fn a_server_without_tls() {
    let (Some(server), Some(_)) = (server(), secure()) else { return };
    outcomes(
        server,
        HOST,
        &[
            ("", Plain),
            ("sslmode=disable", Plain),
            ("sslmode=prefer", Plain),
            ("sslmode=require", Refused(NO_TLS)),
            ("sslmode=require&sslrootcert=DIR/ca.pem", Refused(NO_TLS)),
            ("sslmode=verify-ca&sslrootcert=DIR/ca.pem", Refused(NO_TLS)),
            ("sslmode=verify-full&sslrootcert=DIR/ca.pem", Refused(NO_TLS)),
            ("sslmode=verify-full", Refused(NO_TLS)),
            ("sslrootcert=DIR/ca.pem", Refused(NO_TLS)),
            ("sslmode=prefer&channel_binding=require", Refused("did not bind the login")),
        ],
    );
}

#[test]
fn a_server_elsewhere_must_have_tls_unless_told_otherwise() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    // An address of this host in a form that is not known for one.
    let url = format!("postgres://postgres@127.1:{}/{}", server.port(), server.database());
    let opened = |parameters: &str| {
        Store::open(&Settings { url: format!("{url}{parameters}"), ..sqlite_settings(folder.path()) })
    };
    let text = opened("").map(|_| ()).unwrap_err().to_string();
    assert!(text.contains(NO_TLS), "{text}");
    opened("?sslmode=disable").unwrap();
}

#[test]
fn where_nothing_can_be_bound_the_login_goes_without() {
    let started = Server::start(|folder| {
        // The digest for the binding would be that of the signature, and Ed25519 has none to name.
        let authority = Authority::with_key("signs", KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());
        let (certificate, key) = authority.sign(HOST, &[HOST]);
        put_for_server(folder, "server.crt", &certificate);
        put_for_server(folder, "server.key", &key);
        put_for_server(folder, "pg_hba.conf", ACCESS);
        fs::write(folder.join("ca.pem"), &authority.pem).unwrap();
        "-c ssl=on".to_owned()
    });
    let (Some(server), Some(_)) = (started, secure()) else { return };
    server.psql("postgres", &format!("CREATE ROLE scram LOGIN SUPERUSER PASSWORD '{PASSWORD_DECODED}'"));
    let ours = format!("sslrootcert={}/ca.pem", server.folder().display());
    let scram = format!("scram:{PASSWORD}");
    assert!(open(&server, &scram, HOST, &ours).unwrap().is_encrypted(&server));
    let text = refusal(&server, &scram, HOST, &format!("{ours}&channel_binding=require"));
    assert!(text.contains("did not bind the login"), "{text}");
}

#[test]
fn logins_are_bound_to_the_connection() {
    let Some(server) = secure() else { return };
    let scram = format!("scram:{PASSWORD}");
    for parameters in [
        "sslrootcert=DIR/ca.pem&channel_binding=require",
        "sslrootcert=DIR/ca.pem&channel_binding=prefer",
        "sslrootcert=DIR/ca.pem&channel_binding=disable",
        "sslrootcert=DIR/ca.pem",
        "sslmode=require&channel_binding=require",
    ] {
        let opened = open(server, &scram, HOST, parameters);
        let opened = opened.unwrap_or_else(|error| panic!("{parameters}: {error}"));
        assert!(opened.is_encrypted(server), "{parameters}");
    }
    // Who lets everybody in proves nothing.
    let text = refusal(server, "postgres", HOST, "sslrootcert=DIR/ca.pem&channel_binding=require");
    assert!(text.contains("did not bind the login"), "{text}");
}

#[test]
fn refusals_show_no_password() {
    let Some(server) = secure() else { return };
    let scram = format!("scram:{PASSWORD}");
    let wrong = format!("scram:{PASSWORD}x");
    for (user, parameters, why) in [
        (&wrong, "sslrootcert=DIR/ca.pem", "password authentication failed for user \"scram\""),
        (&wrong, "sslrootcert=DIR/ca.pem&channel_binding=require", "password authentication failed"),
        (&scram, "sslrootcert=DIR/other.pem", UNTRUSTED),
        (&scram, "sslmode=disable", "pg_hba.conf"),
        (&scram, "sslrootcert=DIR/none.pem", "sslrootcert /"),
        (&scram, "sslrootcert=DIR/pg_hba.conf", "holds no certificate"),
        (&scram, "sslrootcert=none.pem", "store.url: sslrootcert /"),
        (&scram, "sslmode=none", "sslmode is one of"),
        (&scram, "sslcrl=none", "not offered"),
        (&scram, "port=none", "invalid value for option `port`"),
        (&"scram".to_owned(), "sslrootcert=DIR/ca.pem", "asks for a password"),
    ] {
        let text = refusal(server, user, HOST, parameters);
        assert!(text.contains(why), "{parameters}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { url: format!("postgres://{scram}@localhost/x"), ..sqlite_settings(folder.path()) };
    assert!(!format!("{settings:?}").contains(PASSWORD));
}

#[test]
fn a_certificate_may_stand_for_a_password() {
    let Some(server) = secure() else { return };
    let ours = "sslrootcert=DIR/ca.pem&sslcert=DIR/certified.crt&sslkey=DIR/certified.key";
    assert!(open(server, "certified", HOST, ours).unwrap().is_encrypted(server));
    let everybodys = server.folder().join("everybodys.key");
    fs::copy(server.folder().join("certified.key"), &everybodys).unwrap();
    fs::set_permissions(&everybodys, PermissionsExt::from_mode(0o644)).unwrap();
    for (identity, why) in [
        ("", "valid client certificate"),
        ("&sslcert=DIR/stranger.crt&sslkey=DIR/stranger.key", "does not accept our side of TLS"),
        ("&sslcert=DIR/certified.crt&sslkey=DIR/stranger.key", "do not go together"),
        ("&sslcert=DIR/certified.crt&sslkey=DIR/everybodys.key", "chmod o="),
        ("&sslcert=DIR/certified.crt&sslkey=DIR/none.key", "sslkey /"),
        ("&sslcert=DIR/certified.crt&sslkey=DIR/certified.crt", "chmod o="),
    ] {
        let text = refusal(server, "certified", HOST, &format!("sslrootcert=DIR/ca.pem{identity}"));
        assert!(text.contains(why), "{identity}: {text}");
    }
}

#[test]
fn a_password_may_be_renewed_in_its_file() {
    let Some(server) = secure() else { return };
    server.psql("postgres", "CREATE ROLE renewed LOGIN SUPERUSER PASSWORD 'one'");
    let file: PathBuf = server.folder().join("renewed.pass");
    put_secret(&file, &format!("{HOST}:*:*:renewed:one\n"));
    let parameters = "sslrootcert=DIR/ca.pem&channel_binding=require&passfile=DIR/renewed.pass";
    let opened = open(server, "renewed", HOST, parameters).unwrap();
    let ann = account(&opened.store, "ann");
    let inbox = inbox(&opened.store, ann);
    server.psql("postgres", "ALTER ROLE renewed PASSWORD 'two'");
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    server.psql(&opened.database, kill);
    put_secret(&file, &format!("{HOST}:*:*:renewed:two\n"));
    fill(&opened.store, ann, inbox, 2, Flags::NONE);
    assert_eq!(live(&opened.store, ann, inbox), [1, 2]);
    put_secret(&file, "elsewhere:*:*:renewed:two\n");
    let text = refusal(server, "renewed", HOST, parameters);
    assert!(text.contains("no line for db.example.org"), "{text}");
    let both = refusal(server, &format!("scram:{PASSWORD}"), HOST, parameters);
    assert!(both.contains("only one of the two"), "{both}");
}

/// Runs a test of the suite with a verified server and a bound login.
fn over_tls(test: fn(&Store)) {
    let Some(server) = secure() else { return };
    let parameters = "sslmode=verify-full&sslrootcert=DIR/ca.pem&channel_binding=require";
    let opened = open(server, &format!("scram:{PASSWORD}"), HOST, parameters).unwrap();
    test(&opened.store);
    assert_clean(&opened.store);
}

/// A part of the suite: large content, many at once, notifications, failures in the midst of a transaction.
macro_rules! suite_over_tls {
    ($($module:ident: $($name:ident),+;)+) => {
        mod over_tls {
            $($(
                #[test]
                fn $name() {
                    super::over_tls(super::$module::$name);
                }
            )+)+
        }
    };
}

suite_over_tls! {
    messages: a_message_comes_back_whole, large_content_lies_in_a_file, failed_jobs_leave_nothing, watches_tell,
        a_panic_is_an_error, async_callers_are_served;
    changes: random_walk_matches_model;
    files: files_come_back_whole, ten_at_once;
}
