//! The same house on PostgreSQL, with a cluster of the test's own.

use crate::imap::imap;
use crate::journey::{curl_reads, letter, swaks_sends};
use crate::programs::{program, run};
use crate::server::setup;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running cluster that listens on a socket in its folder only.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
}

impl Cluster {
    /// Nothing where PostgreSQL is not installed: it is the choice of those who need it.
    fn start(name: &str) -> Option<Cluster> {
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
        let options = format!("-c listen_addresses= -c unix_socket_directories={}", cluster.folder.display());
        let mut start = cluster.command("pg_ctl");
        start.args(["-w", "-s", "-o", &options, "-l"]).arg(cluster.folder.join("log")).arg("-D").arg(&data);
        run(start.arg("start")).ok();
        let mut psql = cluster.command("psql");
        psql.args(["-qAt", "-U", "postgres", "-h"]).arg(&cluster.folder);
        run(psql.args(["-c", "CREATE DATABASE house TEMPLATE template0 ENCODING 'UTF8'"])).ok();
        Some(cluster)
    }

    /// PostgreSQL refuses to run as root; then it runs as the user its package made.
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
