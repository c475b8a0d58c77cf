//! `posthouse ftp`: fetches, sends, lists and mirrors files over FTP.
//!
//! The conversation is that of [`ftp::client`]; here are its sockets, TLS, threads and files. Each
//! connection has a thread, and bytes go in large blocks, as a handful of connections that move as much as
//! they can is another thing than a server's thousands that wait.

mod arguments;
mod channel;
mod connection;
mod digest;
mod error;
mod get;
mod local;
mod mirror;
mod pace;
mod progress;
mod pump;
mod put;
mod reserved;
mod segments;
mod target;
mod tls;
mod worker;

pub use arguments::FtpCommand;
use arguments::{Access, Moving};
use connection::{Connection, Shared};
use error::Error;
use ftp::client::{Argument, Entry, Facts, Item, Kind, Name};
use get::{Manner, Place, Verify};
use local::Folder;
use pace::Pace;
use progress::Progress;
use put::{Doubt, Upload};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use target::Target;
use worker::Worker;

/// Does what was asked, and says what came of it.
///
/// # Errors
/// If standard output is gone.
pub fn run(command: &FtpCommand, json: bool) -> io::Result<ExitCode> {
    let done = match command {
        FtpCommand::Get { from, to, moving, access } => get(from, to.as_deref(), moving, access, json),
        FtpCommand::Put { from, to, moving, access } => put(from, to, moving, access, json),
        FtpCommand::Ls { place, access } => ls(place, access, json),
        FtpCommand::Mirror { reverse, parallel, from, to, moving, access } => {
            let route =
                if *reverse { Route::Up(Path::new(from), to) } else { Route::Down(from, Path::new(to)) };
            mirror(&route, *parallel, moving, access, json)
        }
    };
    let code = match done {
        Ok(()) => return Ok(ExitCode::SUCCESS),
        Err(Trouble::Output(error)) => return Err(error),
        Err(Trouble::Work(error)) => {
            eprintln!("posthouse: {error}");
            if json && !matches!(error, Error::Some { .. }) {
                print(&json!({ "error": error.to_string(), "exit_code": error.exit_code() }))?;
            }
            error.exit_code()
        }
    };
    Ok(ExitCode::from(code))
}

/// What ends a command.
enum Trouble {
    Work(Error),
    Output(io::Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Work(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Output(error)
    }
}

fn print(value: &Value) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{value:#}")
}

/// What the connections of this command share.
fn share(target: &Target, access: &Access, rate: Option<u64>, shown: bool) -> Result<Arc<Shared>, Error> {
    let (user, password) = access.credentials(target)?;
    if access.insecure {
        eprintln!(
            "posthouse: WARNING: --insecure: the certificate of {} is not checked; whoever is between here and there \
             can read and change everything, the password too",
            target.host
        );
    }
    Ok(Arc::new(Shared {
        host: target.host.clone(),
        port: target.port,
        user,
        password,
        tls: access.tls(target),
        tls_config: tls::config(&access.trust())?,
        believes_anybody: access.insecure,
        opens: access.opens(),
        timeout: access.timeout(),
        pace: Pace::new(rate),
        progress: Progress::new(shown),
        was_protected: AtomicBool::new(false),
        unbound: AtomicUsize::new(0),
    }))
}

/// Connects, and says what a person should know of the connection.
fn open(shared: &Arc<Shared>) -> Result<Connection, Error> {
    let connection = Connection::open(shared)?;
    if !connection.is_protected() && shared.tls == ftp::client::Tls::Try {
        let what = match connection.tls_description() {
            None => "has no TLS: the password and the files go in clear",
            Some(_) => "encrypts no data connections: the files go in clear",
        };
        shared.progress.say(&format!("WARNING: {} {what} (--tls require refuses that)", shared.host));
    }
    Ok(connection)
}

fn manner(moving: &Moving) -> Manner {
    Manner { resume: moving.resume, segments: moving.segments.into(), verify: moving.verify }
}

/// What a moved file leaves to say.
struct Report<'a> {
    from: String,
    to: String,
    moved: &'a get::Moved,
    begin: Instant,
    tls: Option<String>,
    shared: &'a Shared,
}

impl Report<'_> {
    fn print(&self, json: bool) -> io::Result<()> {
        self.shared.progress.finish();
        let seconds = self.begin.elapsed().as_secs_f64();
        if json {
            return print(&json!({
                "from": self.from,
                "to": self.to,
                "bytes": self.moved.bytes,
                "resumed_bytes": self.moved.resumed_bytes,
                "size_bytes": self.moved.size_bytes,
                "seconds": seconds,
                "verified": self.moved.verified,
                "tls": self.tls,
                "data_connections_not_resumed": self.shared.unbound.load(Ordering::Relaxed),
            }));
        }
        let verified = self.moved.verified.map_or(String::new(), |name| format!(", {name} agrees"));
        let rate = self.moved.bytes as f64 / seconds.max(0.001) / 1e6;
        let resumed = match self.moved.resumed_bytes {
            0 => String::new(),
            bytes => format!(" ({bytes} were there)"),
        };
        let Report { to, moved: get::Moved { bytes, .. }, .. } = self;
        writeln!(
            io::stdout().lock(),
            "{to}: {bytes} bytes{resumed} in {seconds:.1} s, {rate:.1} MB/s{verified}"
        )
    }
}

fn get(from: &str, to: Option<&Path>, moving: &Moving, access: &Access, json: bool) -> Result<(), Trouble> {
    let target = Target::parse(from)?;
    if to == Some(Path::new("-")) && (json || moving.resume) {
        let text = "what goes to standard output is the file alone: neither --json nor --continue go with it";
        return Err(Error::Usage(text.to_string()).into());
    }
    let shared = share(&target, access, moving.rate, !json)?;
    let begin = Instant::now();
    let mut connection = open(&shared)?;
    let path = target.remote_path(connection.home())?;
    let tls = connection.tls_description();
    if to == Some(Path::new("-")) {
        return print_file(connection, &shared, &path, moving.verify);
    }
    let facts = connection.look(&path)?;
    let (folder, name) = place(to, &target)?;
    if reserved::is_reserved(&name) {
        return Err(Error::Usage(reserved::refusal()).into());
    }
    let folder = Folder::open(&folder)?;
    let mut worker = Worker::with(&shared, connection);
    let (manner, mut begun) = (manner(moving), None);
    let moved = worker.run(|connection, attempt| {
        // What broke may have been changed meanwhile.
        let facts = if attempt == 0 { facts } else { connection.look(&path)? };
        let place = Place { folder: &folder, name: &name };
        get::fetch(connection, &shared, (&path, &facts), &place, &manner, &mut begun)
    });
    let moved = moved.inspect_err(|error| {
        if error.may_pass() {
            shared.progress.say("what has come is kept; the same with --continue goes on there");
        }
    })?;
    worker.quit();
    let to = folder.shown(&name).display().to_string();
    Report { from: from.to_string(), to, moved: &moved, begin, tls, shared: &shared }.print(json)?;
    Ok(())
}

/// Fetches a file to standard output, and compares what went by.
fn print_file(
    mut connection: Connection,
    shared: &Shared,
    path: &Argument,
    verify: Verify,
) -> Result<(), Trouble> {
    get::can_verify(&connection, path, verify)?;
    let facts = connection.look(path)?;
    if facts.kind == Kind::Folder {
        return Err(Error::Usage(format!("{path} is a folder; `posthouse ftp ls` lists folders")).into());
    }
    let theirs = get::their_digest(&mut connection, path, verify)?;
    let mut ours = theirs.as_ref().map(|theirs| digest::Running::new(theirs.algorithm));
    let mut out = io::stdout().lock();
    let mut take = |bytes: &[u8]| {
        ours.iter_mut().for_each(|ours| ours.add(bytes));
        out.write_all(bytes).map_err(|error| Error::Local(format!("standard output: {error}")))
    };
    let limit = facts.size_bytes.map(|size| size.saturating_add(1));
    let bytes = connection.retrieve(path, (0, limit), facts.size_bytes, &mut take)?;
    out.flush()?;
    connection.quit();
    shared.progress.finish();
    get::check_size(path, bytes, facts.size_bytes)?;
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => Ok(get::check_digest(path, &theirs, &ours.finish_hex())?),
        _ => Ok(()),
    }
}

/// The folder and the name that a fetched file gets here. Without a name given it is the last part of the
/// address, which the person typed and the server did not.
fn place(to: Option<&Path>, target: &Target) -> Result<(PathBuf, Vec<u8>), Error> {
    let own_name = || {
        let name = target.file_name().and_then(|name| Name::new(name).ok());
        name.map(|name| name.as_bytes().to_vec())
            .ok_or_else(|| Error::Usage("the address names no file; name the file to write".to_string()))
    };
    match to {
        None => Ok((PathBuf::from("."), own_name()?)),
        Some(to) if to.is_dir() => Ok((to.to_path_buf(), own_name()?)),
        Some(to) => {
            let name =
                to.file_name().ok_or_else(|| Error::Usage(format!("{}: no name of a file", to.display())))?;
            let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
            Ok((folder.unwrap_or(Path::new(".")).to_path_buf(), name.as_bytes().to_vec()))
        }
    }
}

fn put(from: &Path, to: &str, moving: &Moving, access: &Access, json: bool) -> Result<(), Trouble> {
    let target = Target::parse(to)?;
    let local = if from == Path::new("-") { Path::new("/dev/stdin") } else { from };
    if let Err(error) = std::fs::metadata(local) {
        return Err(Error::local(local, &error).into());
    }
    let shared = share(&target, access, moving.rate, !json)?;
    let begin = Instant::now();
    let connection = open(&shared)?;
    let mut path = target.remote_path(connection.home())?;
    if target.path.is_empty() || target.path.ends_with(b"/") {
        let name = from.file_name().and_then(|name| Name::new(name.as_bytes()).ok());
        let name = name.ok_or_else(|| Error::Usage("name the file on the server".to_string()))?;
        path = path.join(&name).map_err(|error| Error::Usage(error.to_string()))?;
    }
    let tls = connection.tls_description();
    let mut upload = Upload::open(local, &path, manner(moving), Doubt::Refuse)?;
    let mut worker = Worker::with(&shared, connection);
    let moved = worker
        .run_if(upload.is_repeatable(), |connection, attempt| upload.attempt(connection, &shared, attempt));
    let moved = moved.inspect_err(|error| {
        if error.may_pass() && upload.is_repeatable() {
            shared.progress.say("the same with --continue goes on where the server has it");
        }
    })?;
    worker.quit();
    let from = from.display().to_string();
    Report { from, to: path.to_string(), moved: &moved, begin, tls, shared: &shared }.print(json)?;
    Ok(())
}

fn ls(place: &str, access: &Access, json: bool) -> Result<(), Trouble> {
    let target = Target::parse(place)?;
    let shared = share(&target, access, None, false)?;
    let mut connection = open(&shared)?;
    let path = target.remote_path(connection.home())?;
    let mut items = connection.list(&path)?;
    // A server without MLSD lists nothing, and says that all is well, where nothing is.
    if items.is_empty() {
        let facts = connection.look(&path)?;
        if facts.kind != Kind::Folder
            && let Some(Ok(name)) = target.file_name().map(Name::new)
        {
            items.push(Item::Entry(Entry { name, facts }));
        }
    }
    connection.quit();
    let mut entries = Vec::new();
    for item in items {
        match item {
            Item::Entry(entry) => entries.push(entry),
            Item::BadName(name, why) => shared.progress.say(&format!("left out: {name}: {why}")),
            Item::Unknown(line) => shared.progress.say(&format!("a line that cannot be read: {line}")),
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if json {
        print(&Value::Array(entries.iter().map(entry_json).collect()))?;
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for Entry { name, facts } in &entries {
        let size = facts.size_bytes.filter(|_| facts.kind == Kind::File);
        let size = size.map_or("-".to_string(), |size| size.to_string());
        let time = facts.modified.map_or(String::new(), |modified| time(&modified.at.to_string()));
        let mark = if facts.kind == Kind::Folder { "/" } else { "" };
        writeln!(out, "{size:>14}  {time:16}  {name}{mark}")?;
    }
    Ok(())
}

/// `20261123084500` as people read it.
fn time(stamp: &str) -> String {
    let part = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
    format!("{}-{}-{} {}:{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 12))
}

fn entry_json(Entry { name, facts }: &Entry) -> Value {
    let Facts { kind, size_bytes, modified, mode } = facts;
    let kind = match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Link => "link",
        Kind::Other => "other",
    };
    json!({
        "name": OsString::from_vec(name.as_bytes().to_vec()).to_string_lossy(),
        "kind": kind,
        "size_bytes": size_bytes,
        "modified_unix_seconds": modified.map(|modified| modified.at.unix_seconds()),
        "modified_exact": modified.map(|modified| modified.exact),
        "mode": mode.map(|mode| format!("{mode:o}")),
    })
}

/// Which way a folder goes.
enum Route<'a> {
    Down(&'a str, &'a Path),
    Up(&'a Path, &'a str),
}

fn mirror(
    route: &Route<'_>,
    parallel: u8,
    moving: &Moving,
    access: &Access,
    json: bool,
) -> Result<(), Trouble> {
    let address = match route {
        Route::Down(from, _) => from,
        Route::Up(_, to) => to,
    };
    let target = Target::parse(address)?;
    let shared = share(&target, access, moving.rate, !json)?;
    let begin = Instant::now();
    let mut first = open(&shared)?;
    let path = target.remote_path(first.home())?;
    if matches!(route, Route::Down(..)) {
        must_be_folder(&mut first, &path)?;
    }
    shared.progress.count_many();
    let mut workers = vec![Worker::with(&shared, first)];
    workers.extend((1..parallel).map(|_| Worker::new(&shared)));
    let result = match route {
        Route::Down(_, to) => mirror::down(&shared, workers, path, to, manner(moving)),
        Route::Up(from, _) => mirror::up(&shared, workers, from, path, manner(moving)),
    }?;
    shared.progress.finish();
    if json {
        print(&json!({ "seconds": begin.elapsed().as_secs_f64(), "result": result }))?;
    } else {
        let mirror::Mirrored { files, bytes, unchanged, .. } = &result;
        let (skipped, failed) = (result.skipped_count(), result.failed_count());
        let text = format!(
            "{files} files moved ({bytes} bytes), {unchanged} unchanged, {skipped} left out, {failed} failed"
        );
        writeln!(io::stdout().lock(), "{text}")?;
    }
    match result.failed_count() {
        0 => Ok(()),
        failed => Err(Error::Some { failed }.into()),
    }
}

fn must_be_folder(connection: &mut Connection, path: &Argument) -> Result<(), Error> {
    match connection.look(path)?.kind {
        Kind::Folder => Ok(()),
        _ => Err(Error::Usage(format!("{path} is no folder; `posthouse ftp get` fetches files"))),
    }
}
