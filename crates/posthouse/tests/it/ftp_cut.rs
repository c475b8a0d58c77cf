//! FTP uploads that are cut: what becomes of them, and of the files that they were to replace.

use crate::ftp::{content, get, passive, plain, put};
use crate::programs::python;
use crate::server::{PASSWORD, Server, setup};
use crate::wait;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Until the server has made up its mind.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that has sent so much of a file, and waits to be killed.
fn half(server: &Server, path: &str, len_bytes: usize, closes_first: &str) -> Child {
    let mut command = python("ftp_half.py");
    command.args([path, &len_bytes.to_string(), closes_first]);
    command.env("PASSWORD", PASSWORD).env("PORT_FTP", server.port("ftp").to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "sent\n");
    child
}

/// What the log tells of how the transfers of a path ended.
fn ends(server: &Server, path: &str) -> Vec<String> {
    let (log, path) = (server.log(), format!("\"path\":\"/{path}\""));
    log.lines().filter(|line| line.contains(&path)).map(str::to_string).collect()
}

#[test]
fn a_client_that_is_killed_leaves_no_half_file() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    let cases: Vec<(usize, &str, bool)> =
        [(30_000, "control"), (30_000, "data"), (3_000_000, "control"), (3_000_000, "data")]
            .into_iter()
            .flat_map(|(len_bytes, first)| [(len_bytes, first, false), (len_bytes, first, true)])
            .collect();
    for round in 0..4 {
        let clients = cases.iter().enumerate().map(|(number, &(len_bytes, first, is_there))| {
            let path = format!("file{round}.{number}");
            if is_there {
                put(&mut ftp, &path, b"the old content");
            }
            (half(&server, &path, len_bytes, first), path, is_there)
        });
        let clients: Vec<_> = clients.collect();
        // As those are killed most often that take their time.
        wait::load_for(Duration::from_millis(200));
        for (mut client, path, is_there) in clients {
            client.kill().unwrap();
            client.wait().unwrap();
            let ended = wait::until(PATIENCE, || ends(&server, &path).get(usize::from(is_there)).cloned());
            assert!(ended.as_ref().is_some_and(|line| line.contains("\"cut\"")), "{path}: {ended:?}");
            let mut ftp = plain(&server);
            if is_there {
                assert_eq!(get(&mut ftp, &format!("RETR {path}")), b"the old content", "{path}");
            } else {
                let _unused = passive(&mut ftp);
                ftp.command(&format!("RETR {path}"), "550 ");
            }
        }
    }
}

/// A client that has said all that it has to say, QUIT included, and ends its side of both connections.
#[test]
fn who_said_quit_may_go_before_the_reply() {
    let server = setup().plaintext().start();
    for (len_bytes, goes) in [(1000, true), (1000, false), (3_000_000, true), (3_000_000, false)] {
        let bytes = content(len_bytes);
        let name = format!("{len_bytes}-{goes}");
        let mut ftp = plain(&server);
        let mut data = passive(&mut ftp);
        ftp.command(&format!("STOR {name}"), "150 ");
        data.write_all(&bytes).unwrap();
        ftp.say("QUIT");
        if goes {
            drop(ftp);
            drop(data);
        } else {
            ftp.say_no_more();
            drop(data);
            ftp.expect("226 ");
            ftp.expect("221 ");
        }
        let ended = wait::until(PATIENCE, || ends(&server, &name).pop());
        assert!(ended.as_ref().is_some_and(|line| !line.contains("\"cut\"")), "{name}: {ended:?}");
        assert!(get(&mut plain(&server), &format!("RETR {name}")) == bytes);
    }
    // Without QUIT it is an abort, however much has come.
    let mut ftp = plain(&server);
    let mut data = passive(&mut ftp);
    ftp.command("STOR cut", "150 ");
    data.write_all(b"content").unwrap();
    ftp.say_no_more();
    drop(data);
    let ended = wait::until(PATIENCE, || ends(&server, "cut").pop());
    assert!(ended.as_ref().is_some_and(|line| line.contains("\"cut\"")), "{ended:?}");
}
