//! File areas from the command line, on a running server and on a stopped one.

use crate::server::{Server, setup};
use serde_json::{Value, json};

fn json_of(server: &Server, arguments: &[&str]) -> Value {
    let text = server.cli(&[&["--json"], arguments].concat()).ok();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn files_come_and_go(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    let local = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (small, large) = (b"small\n".to_vec(), noise(3_000_000));
    std::fs::write(local("small"), &small).unwrap();
    std::fs::write(local("large"), &large).unwrap();

    server.cli(&["files", "mkdir", "alice@example.org:/a/b"]).fails(1);
    server.cli(&["files", "mkdir", "-p", "alice@example.org:/a/b"]).ok();
    server.cli(&["files", "put", &local("small"), "alice@example.org:/a/"]).ok();
    server.cli(&["files", "put", &local("large"), "alice@example.org:/a/b/big"]).ok();
    server.cli_with(&["files", "put", "-", "alice@example.org:/piped"], "through a pipe").ok();
    server.cli_with(&["files", "put", "--keep", "-", "alice@example.org:/piped"], "x").fails(1);
    server.cli(&["files", "put", &local("small"), "alice@example.org:/no/such/folder"]).fails(1);
    server.cli(&["files", "put", &local("small"), "nobody@example.org:/x"]).fails(1);
    server.cli(&["files", "put", &local("small"), "alice@example.org:/a"]).fails(1);

    let list = json_of(server, &["files", "ls", "alice@example.org:/a"]);
    assert_eq!((&list["files"][0]["name"], &list["files"][0]["folder"]), (&json!("b"), &json!(true)));
    assert_eq!((&list["files"][1]["name"], &list["files"][1]["size_bytes"]), (&json!("small"), &json!(6)));
    let digest = "4c47b3e816fbe7d40cef9f665ba8f0be1ae68b5e8e7ed70f5b6bab7f70528e8f";
    assert_eq!(list["files"][1]["sha256"], json!(digest));
    assert!(server.cli(&["files", "ls", "alice@example.org"]).ok().contains("piped"));
    assert_eq!(server.cli(&["files", "get", "alice@example.org:/piped", "-"]).ok(), "through a pipe");
    server.cli(&["files", "get", "alice@example.org:/a/b/big", &local("back")]).ok();
    assert!(std::fs::read(local("back")).unwrap() == large);
    server.cli(&["files", "get", "alice@example.org:/a/b", &local("x")]).fails(1);
    assert!(!folder.path().join("x.part").exists() && !folder.path().join("x").exists());

    server.cli(&["files", "mv", "alice@example.org:/a/b/big", "alice@example.org:/"]).ok();
    server.cli(&["files", "mv", "alice@example.org:/a", "alice@example.org:/a/b"]).fails(1);
    let usage = json_of(server, &["files", "usage", "alice@example.org"]);
    let row = &usage["usage"][0];
    assert_eq!((&row["files"], &row["folders"]), (&json!(3), &json!(2)));
    assert_eq!(row["file_bytes"], json!(3_000_000 + 6 + 14));
    server.cli(&["account", "quota", "alice@example.org", "3100000"]).ok();
    let refused = server.cli(&["files", "put", &local("large"), "alice@example.org:/again"]).fails(1);
    assert!(refused.contains("over quota"), "{refused}");
    server.cli(&["account", "quota", "alice@example.org", "none"]).ok();

    server.cli(&["files", "rm", "alice@example.org:/a"]).fails(1);
    server.cli(&["files", "rm", "-r", "alice@example.org:/a"]).fails(1);
    server.cli(&["files", "rm", "-r", "--yes", "alice@example.org:/a"]).ok();
    server.cli(&["files", "rm", "alice@example.org:/piped"]).ok();
    let names = server.cli(&["files", "ls", "alice@example.org:/"]).ok();
    assert!(names.contains("big") && !names.contains("piped"), "{names}");
}

fn shared_folders_come_and_go(server: &Server) {
    let members = ["--member", "alice@example.org:rw", "--member", "bob@example.org:ro"];
    server.cli(&[&["files", "share", "add", "team"][..], &members].concat()).ok();
    server.cli(&["files", "share", "add", "team"]).fails(1);
    server.cli(&["files", "share", "add", "other", "--member", "nobody@example.org"]).fails(1);
    assert!(server.cli(&["files", "ls", "alice@example.org:/"]).ok().contains("shared/"));
    server.cli_with(&["files", "put", "-", "team:/notes"], "for all").ok();
    assert_eq!(server.cli(&["files", "get", "alice@example.org:/shared/team/notes", "-"]).ok(), "for all");
    server.cli(&["files", "share", "member", "team", "bob@example.org"]).ok();
    server.cli(&["files", "share", "expel", "team", "alice@example.org"]).ok();
    server.cli(&["files", "share", "quota", "team", "5"]).ok();
    let shares = json_of(server, &["files", "share", "list"]);
    assert_eq!(shares["shares"][0]["members"], json!([["bob@example.org", true]]));
    assert_eq!(
        (&shares["shares"][0]["used_bytes"], &shares["shares"][0]["quota_bytes"]),
        (&json!(7), &json!(5))
    );
    assert!(server.cli(&["files", "share", "remove", "team"]).fails(1).contains("--force"));
    server.cli(&["files", "share", "remove", "team", "--force"]).ok();
    assert_eq!(server.cli(&["files", "share", "list"]).ok(), "none\n");
}

fn profiles_are_shown_and_changed(server: &Server) {
    let profile = |arguments: &[&str]| {
        let arguments = [&["account", "ftp", "alice@example.org"], arguments].concat();
        json_of(server, &arguments)["ftp-profile"].take()
    };
    let usual = profile(&[]);
    assert_eq!(
        (&usual["plain"], &usual["binding"], &usual["epsv"]),
        (&json!(false), &json!("require"), &json!(true))
    );
    let device = profile(&["--device", "--rate-up", "1000000"]);
    assert_eq!(
        (&device["plain"], &device["binding"], &device["parents"]),
        (&json!(true), &json!("off"), &json!(true))
    );
    let mixed = profile(&["--plain", "no", "--binding", "prefer", "--rate-up", "0"]);
    assert_eq!(
        (&mixed["plain"], &mixed["binding"], &mixed["rate_up"]),
        (&json!(false), &json!("prefer"), &json!(null))
    );
    server.cli(&["account", "ftp", "alice@example.org", "--binding", "never"]).fails(2);
    server.cli(&["account", "ftp", "nobody@example.org"]).fails(1);
    assert!(server.cli(&["account", "ftp", "alice@example.org"]).ok().contains("login without TLS"));
}

fn add_people(server: &Server) {
    server.cli(&["domain", "add", "example.org"]).ok();
    for address in ["alice@example.org", "bob@example.org"] {
        server.cli_with(&["account", "add", address], "a password\n").ok();
    }
}

fn everything(server: &Server) {
    files_come_and_go(server);
    shared_folders_come_and_go(server);
    profiles_are_shown_and_changed(server);
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    server.cli(&["account", "remove", "alice@example.org", "--yes"]).ok();
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn files_on_a_stopped_server() {
    let server = setup().prepare();
    add_people(&server);
    everything(&server);
}

#[test]
fn files_on_a_running_server() {
    everything(&setup().start());
}
