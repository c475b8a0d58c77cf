//! The functional tests of pyftpdlib, against our server.
//!
//! Their source distribution is fetched once, from PyPI, with its digest checked. Where there is no network,
//! `POSTHOUSE_TEST_WITHOUT_PYFTPDLIB=1` leaves them out; without it the test fails, lest nobody notices.

use crate::programs::{program, python, run};
use crate::server::{PASSWORD, Server, free_port, fresh_folder, setup};
use std::fs;
use std::path::PathBuf;

const NAME: &str = "pyftpdlib-2.2.0";
/// Of its source distribution.
const SHA256: &str = "4ba0642078792df63dd3b2e9c8f838f2a3ecf428c7518d5921c0530d53512acf";

/// Set to `1` it leaves these tests out where they cannot be fetched.
const LEAVE_OUT: &str = "POSTHOUSE_TEST_WITHOUT_PYFTPDLIB";

/// The unpacked source distribution, fetched once; nothing if it cannot be and that is allowed.
fn suite() -> Option<PathBuf> {
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("suites");
    let unpacked = kept.join(NAME);
    if unpacked.join("tests").is_dir() {
        return Some(unpacked);
    }
    let folder = fresh_folder();
    let wanted = folder.join("wanted.txt");
    fs::write(&wanted, format!("pyftpdlib==2.2.0 --hash=sha256:{SHA256}\n")).unwrap();
    let mut pip = program("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes"]);
    let fetched = run(pip.arg("-d").arg(&folder).arg("-r").arg(&wanted));
    if fetched.code != Some(0) {
        let said = fetched.said();
        assert!(
            std::env::var(LEAVE_OUT).is_ok_and(|value| value == "1"),
            "{NAME} cannot be fetched; {LEAVE_OUT}=1 leaves its tests out:\n{said}"
        );
        eprintln!("left out: {NAME} cannot be fetched:\n{said}");
        return None;
    }
    run(program("tar").arg("-xzf").arg(folder.join(format!("{NAME}.tar.gz"))).arg("-C").arg(&folder)).ok();
    fs::create_dir_all(&kept).unwrap();
    // Another process may have been faster.
    let _ = fs::rename(folder.join(NAME), &unpacked);
    Some(unpacked)
}

/// A server that listens on IPv4, IPv6 and both; the ports of the latter two.
fn server() -> (Server, u16, u16) {
    let mut server = setup().plaintext().prepare();
    let (six, both) = (free_port(), free_port());
    let config = fs::read_to_string(server.config()).unwrap();
    let own = format!("ftp = [\"{}\"", server.at("ftp"));
    let all = format!("{own}, \"[::1]:{six}\", \"[::]:{both}\"");
    fs::write(server.config(), config.replace(&own, &all)).unwrap();
    server.launch();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.add_accounts(&["user@example.org"]);
    // Python's client cannot resume TLS sessions for data connections.
    server.cli(&["account", "ftp", "user@example.org", "--binding", "prefer"]).ok();
    (server, six, both)
}

#[test]
fn the_functional_tests_of_pyftpdlib_pass() {
    let Some(suite) = suite() else { return };
    let (server, six, both) = server();
    let home = server.folder.join("home");
    fs::create_dir(&home).unwrap();
    let mut tests = python("pyftpdlib_suite.py");
    tests.arg(&suite).env("PASSWORD", PASSWORD).env("CERTIFICATE", server.certificate());
    tests.env("PORT_FTP", server.port("ftp").to_string()).env("SUITE_HOME", &home);
    tests.env("PORT_FTP6", six.to_string()).env("PORT_FTP46", both.to_string());
    let said = run(&mut tests).ok();
    eprintln!("{}", said.lines().last().unwrap_or_default());
}
