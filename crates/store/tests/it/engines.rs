//! Stores to run the suite on.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{ObjectSettings, SecretBytes, Settings, Store};

use crate::s3::{BUCKET, KEY, Service};

/// Settings for SQLite in `folder`.
pub fn sqlite_settings(folder: &Path) -> Settings {
    Settings {
        url: "sqlite:posthouse.db".to_owned(),
        blobs: "file:blobs".to_owned(),
        data_dir: folder.to_owned(),
        readers: 2,
    }
}

/// Runs `test` on an empty SQLite store, and checks the store afterwards.
pub fn with_sqlite(test: fn(&Store)) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&sqlite_settings(folder.path())).unwrap();
    test(&store);
    crate::assert_clean(&store);
}

/// Settings for objects in `service`; no copies are kept longer than they are read.
pub fn object_settings(service: &Service) -> ObjectSettings {
    ObjectSettings {
        endpoint: Some(service.endpoint()),
        region: None,
        virtual_hosted: None,
        allow_http: false,
        access_key_id: KEY.to_owned(),
        secret_access_key: SecretBytes(b"a secret".to_vec()),
        session_token: None,
        cache_max_bytes: 0,
    }
}

/// Where objects lie.
pub fn bucket() -> String {
    format!("s3://{BUCKET}/here")
}

/// Runs `test` on an empty SQLite store whose large content lies in a service, and checks the store afterwards.
pub fn with_objects(test: fn(&Store)) {
    let (folder, service) = (tempfile::tempdir().unwrap(), Service::start());
    let settings = Settings { blobs: bucket(), ..sqlite_settings(folder.path()) };
    let store = Store::open_with(&settings, Some(&object_settings(&service))).unwrap();
    test(&store);
    crate::assert_clean(&store);
}

/// Runs `test` on an empty PostgreSQL store, and checks the store afterwards. Without PostgreSQL's
/// programs on this machine the test says so and passes.
pub fn with_postgres(test: fn(&Store)) {
    let Some(server) = server() else {
        eprintln!("skipped: no PostgreSQL programs found");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&server.settings(folder.path())).unwrap();
    test(&store);
    crate::assert_clean(&store);
}

/// A PostgreSQL server of our own, for as long as the tests run.
pub struct Server {
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();

/// The server without TLS, started at the first call.
pub fn server() -> Option<&'static Server> {
    SERVER.get_or_init(|| Server::start(|_| String::new())).as_ref()
}

impl Server {
    /// Starts one with a fresh cluster, unless PostgreSQL is not there. `prepare` gets its folder, in which the
    /// cluster is `data`, and gives further options.
    pub fn start(prepare: impl FnOnce(&Path) -> String) -> Option<Server> {
        if !bin("initdb").exists() {
            return None;
        }
        // Kept until the process ends; the watchdog below removes it then.
        let folder = tempfile::tempdir().unwrap().keep();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&folder, everybody).unwrap();
        let data = folder.join("data");
        let made = as_postgres(&bin("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-N", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={} -c max_connections=200 {}",
            folder.display(),
            prepare(&folder)
        );
        let mut start = as_postgres(&bin("pg_ctl"));
        start
            .args(["-w", "-s", "-l"])
            .arg(folder.join("log"))
            .args(["-o", &options, "-D"])
            .arg(&data)
            .arg("start");
        assert!(start.status().unwrap().success(), "see {}", folder.join("log").display());
        stop_when_we_end(&folder);
        Some(Server { folder, port, databases: AtomicU32::new(0) })
    }

    /// Settings for a new database, by way of the socket.
    pub fn settings(&self, data_dir: &Path) -> Settings {
        let url = format!(
            "postgres://postgres@/{}?host={}&port={}",
            self.database(),
            self.folder.display(),
            self.port
        );
        Settings { url, ..sqlite_settings(data_dir) }
    }

    /// A new database.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        name
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder, which everybody may use.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a statement in a database, past the store, and gives what it prints.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new(bin("psql"));
        psql.args(["-qAt", "-U", "postgres", "-p", &self.port.to_string(), "-h"]).arg(&self.folder);
        let output = psql.args(["-d", database, "-c", sql]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn bin(program: &str) -> PathBuf {
    Path::new("/usr/lib/postgresql/15/bin").join(program)
}

/// PostgreSQL refuses to run as root; then it runs as the user its package made.
pub fn as_postgres(program: &Path) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// A shell that waits until this process is gone, then stops the server and removes its folder.
fn stop_when_we_end(folder: &Path) {
    let stop = as_postgres(&bin("pg_ctl"));
    let mut words = vec![stop.get_program().to_owned()];
    words.extend(stop.get_args().map(ToOwned::to_owned));
    let script = "while kill -0 \"$0\" 2>/dev/null; do sleep 0.2; done; folder=$1; shift
                  \"$@\" -s -m immediate -D \"$folder/data\" stop; rm -rf \"$folder\"";
    let mut watchdog = Command::new("sh");
    watchdog.args(["-c", script]).arg(std::process::id().to_string()).arg(folder).args(words);
    watchdog
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    // It outlives this process, so there is nobody to wait for it.
    #[allow(clippy::zombie_processes, reason = "it ends after this process")]
    watchdog.spawn().unwrap();
}
