//! Other people's programs: how they are run, and what to say when one is missing.

use crate::wait;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// No client needs longer here; one that does hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// The Debian package of each program.
const PACKAGES: [(&str, &str); 30] = [
    ("swaks", "swaks"),
    ("mbsync", "isync"),
    ("neomutt", "neomutt"),
    ("fetchmail", "fetchmail"),
    ("curl", "curl"),
    ("python3", "python3"),
    ("openssl", "openssl"),
    ("sh", "dash"),
    ("lftp", "lftp"),
    ("ncftpput", "ncftp"),
    ("tnftp", "tnftp"),
    ("rclone", "rclone"),
    ("dig", "bind9-dnsutils"),
    ("delv", "bind9-dnsutils"),
    ("nsupdate", "bind9-dnsutils"),
    ("kdig", "knot-dnsutils"),
    ("nsd", "nsd"),
    ("knotd", "knot"),
    ("knotc", "knot"),
    ("named", "bind9"),
    ("unbound", "unbound"),
    ("dnssec-verify", "bind9-utils"),
    ("named-checkzone", "bind9-utils"),
    ("ldns-verify-zone", "ldnsutils"),
    ("kzonecheck", "knot-dnssecutils"),
    ("dnsviz", "dnsviz"),
    ("postfix", "postfix"),
    ("sendmail", "postfix"),
    ("faketime", "faketime"),
    ("unshare", "util-linux"),
];

/// What a program left behind.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; nothing if a signal or the time limit ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    line: String,
}

impl Ran {
    /// It must have ended well; its standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n--- out\n{}\n--- err\n{}", self.line, self.out, self.err);
        self.out
    }

    /// It must have ended with this code; both outputs.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        let Ran { out, err, line, .. } = &self;
        assert_eq!(self.code, Some(code), "{line}\n--- out\n{out}\n--- err\n{err}");
        format!("{out}{err}")
    }

    /// Both outputs, however it ended.
    pub fn said(self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A command of a program that the tests need.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    // Words and order must not depend on who runs the tests.
    command.env("LC_ALL", "C.UTF-8").env("PYTHONUNBUFFERED", "1");
    command
}

/// A script of tests/it/py.
pub fn python(script: &str) -> Command {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "it", "py", script].iter().collect();
    let mut command = program("python3");
    command.arg("-B").arg(path);
    command
}

/// Runs it to its end, or to the time limit.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    run_with(command, b"")
}

/// Runs it with this on its standard input.
#[track_caller]
pub fn run_with(command: &mut Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        let name = command.get_program().to_string_lossy().into_owned();
        let package = PACKAGES.iter().find(|(program, _)| *program == name).map_or(name.as_str(), |p| p.1);
        panic!("{name} cannot be run ({error}): install it (apt-get install {package}, or scripts/test-deps)")
    });
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program may end without reading what it is given.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let (out, err) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
    let line = format!("{command:?}");
    let status = wait::until(LIMIT, || child.try_wait().unwrap());
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    Ran { code: status.and_then(|status| status.code()), out, err, line }
}

fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
