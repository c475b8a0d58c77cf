//! The same house on PostgreSQL, with a cluster of the test's own.

use crate::imap::imap;
use crate::journey::{curl_reads, letter, swaks_sends};
use crate::programs::{program, run};
use crate::server::setup;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the user `house` logs in with over TLS.
const PASSWORD: &str = "grey-heron-2208";

/// A running cluster that listens on a socket in its folder, and, where that was asked for, on a port.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    /// Nothing where PostgreSQL is not installed: it is the choice of those who need it.
    fn start(name: &str) -> Option<Cluster> {
        Cluster::start_with(name, |_| "-c listen_addresses=".to_owned())
    }

    /// One on a port, with TLS and a certificate for `localhost` that it signed itself: the file, and the port.
    fn start_secure(name: &str) -> Option<(Cluster, String, u16)> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let cluster = Cluster::start_with(name, |cluster| {
            cluster.put("server.crt", &own.cert.pem());
            cluster.put("server.key", &own.signing_key.serialize_pem());
            cluster
                .put("pg_hba.conf", "local all all trust\nhostssl house house 127.0.0.1/32 scram-sha-256\n");
            format!("-c ssl=on -c listen_addresses=127.0.0.1 -c port={port}")
        })?;
        cluster.psql(port, &format!("CREATE ROLE house LOGIN PASSWORD '{PASSWORD}'"));
        cluster.psql(port, "ALTER DATABASE house OWNER TO house");
        Some((cluster, own.cert.pem(), port))
    }

    /// A file of the cluster, which must be its own.
    fn put(&self, name: &str, text: &str) {
        let draft = self.folder.join(name);
        fs::write(&draft, text).unwrap();
        let mut install = self.command("/usr/bin/install");
        run(install.args(["-m", "600"]).arg(&draft).arg(self.folder.join("data").join(name))).ok();
    }

    fn psql(&self, port: u16, sql: &str) -> String {
        let mut psql = self.command("psql");
        psql.args(["-qAt", "-U", "postgres", "-p", &port.to_string(), "-h"]).arg(&self.folder);
        run(psql.args(["-c", sql])).ok()
    }

    /// `prepare` gives further options once the cluster is made.
    fn start_with(name: &str, prepare: impl FnOnce(&Cluster) -> String) -> Option<Cluster> {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max()?;
        if !programs.join("initdb").exists() {
            return None;
        }
        // A socket's path must be short.
        let folder = std::env::temp_dir().join(format!("posthouse-it-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
        let cluster = Cluster { folder, programs };
        let data = cluster.folder.join("data");
        run(cluster.command("initdb").args(["-A", "trust", "-U", "postgres", "-N", "-D"]).arg(&data)).ok();
        // The port's number is a part of the socket's name.
        let options = prepare(&cluster);
        let port = options.rsplit_once("port=").map_or(5432, |(_, port)| port.parse().unwrap());
        let options = format!("-c unix_socket_directories={} {options}", cluster.folder.display());
        let mut start = cluster.command("pg_ctl");
        start.args(["-w", "-s", "-o", &options, "-l"]).arg(cluster.folder.join("log")).arg("-D").arg(&data);
        run(start.arg("start")).ok();
        cluster.psql(port, "CREATE DATABASE house TEMPLATE template0 ENCODING 'UTF8'");
        Some(cluster)
    }

    /// A program, of PostgreSQL's if no folder is named. It refuses to run as root; then it runs as the user its
    /// package made.
    fn command(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if run(program("id").arg("-u")).ok() != "0\n" {
            return Command::new(path);
        }
        let mut command = program("runuser");
        command.args(["-u", "postgres", "--"]).arg(path).current_dir(Path::new("/"));
        command
    }

    fn url(&self) -> String {
        format!("postgres://postgres@/house?host={}", self.folder.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        run(stop.args(["-s", "-m", "immediate", "-D"]).arg(self.folder.join("data")).arg("stop")).said();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_letter_goes_the_whole_way_on_postgresql() {
    let Some(cluster) = Cluster::start("journey") else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let mut server = setup().database(&cluster.url()).start();
    let id = swaks_sends(&server);
    let url = format!("imaps://{}/INBOX;MAILINDEX=1", server.named("imaps"));
    assert!(curl_reads(&server, &url, &[]).ends_with(&letter()));
    server.python("idle.py", &[]);
    server.python("imap.py", &["bob@example.org"]);
    assert!(server.cli(&["trace", "journey-1@example.org"]).ok().starts_with(&format!("message {id}\n")));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    server.kill();
    server.launch();
    assert!(curl_reads(&server, &url, &[]).ends_with(&letter()));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn two_servers_on_one_database_tell_each_other() {
    let Some(cluster) = Cluster::start("nodes") else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let here = setup().database(&cluster.url()).start();
    let mut there = setup().database(&cluster.url()).prepare();
    there.launch();
    let mut session = imap(&here, "alice@example.org");
    session.imap("s SELECT INBOX", "OK");
    session.say("i IDLE");
    session.expect("+ ");
    there.deliver("alice@example.org", "Subject: from the other one\r\n\r\n");
    session.expect("* 1 EXISTS");
    session.say("DONE");
    assert_eq!(here.mail_of("alice@example.org").len(), 1);
    assert!(there.cli(&["account", "list"]).ok().contains("alice@example.org"));
}

#[test]
fn a_letter_goes_the_whole_way_over_tls() {
    let Some((cluster, certificate, port)) = Cluster::start_secure("secure") else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let url = format!(
        "postgres://house:{PASSWORD}@localhost:{port}/house?sslrootcert=database.pem&channel_binding=require"
    );
    let mut server = setup().database(&url).prepare();
    let trusted = server.folder.join("data/database.pem");
    fs::create_dir(server.folder.join("data")).unwrap();
    fs::write(&trusted, &certificate).unwrap();
    server.launch();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.add_accounts(&["alice@example.org"]);
    server.deliver("alice@example.org", "Subject: by way of TLS\r\n\r\n");
    assert_eq!(server.mail_of("alice@example.org").len(), 1);
    let connections =
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'house'";
    assert_eq!(cluster.psql(port, connections), "t\n");
    server.stop();

    let another = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&trusted, another.cert.pem()).unwrap();
    let said = server.cli(&["account", "list"]).fails(1);
    assert!(said.contains("the certificate of the PostgreSQL server localhost is not believed"), "{said}");
    assert!(said.contains("sslrootcert=FILE") && said.trim_end().lines().count() == 1, "{said}");
    let mut serve = server.serve_command();
    assert_eq!(serve.status().unwrap().code(), Some(1), "{}", server.log());
    for text in [said, server.log()] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}
