//! `posthouse files` and `posthouse account ftp`.

use super::{Printer, confirmed};
use crate::admin::{Exchange, FilesRequest, LIST_PAGE, NoBytes, ProfileChange, Reply, Request};
use crate::config::Config;
use crate::dns::zones::Zones;
use crate::{admin, control, server};
use clap::{Args, Subcommand, ValueEnum};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "A PLACE is ADDRESS:/PATH, or, in a shared folder, NAME:/PATH.

Examples:
  posthouse files ls alice@example.org:/
  posthouse files put report.pdf alice@example.org:/docs/
  tar c /etc | posthouse files put - alice@example.org:/etc.tar
  posthouse files get alice@example.org:/etc.tar - | tar t
  posthouse files share add team --member alice@example.org:rw --member bob@example.org:ro
  posthouse files usage";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Subcommand)]
pub(super) enum FilesCommand {
    /// List a folder
    Ls { place: String },
    /// Store a file, or, with `-`, what comes from standard input
    Put {
        file: PathBuf,
        /// With a slash at the end: into that folder, under the file's own name
        place: String,
        /// Leave a file that is there already as it is, and fail
        #[arg(long)]
        keep: bool,
    },
    /// Fetch a file
    Get {
        place: String,
        /// A file, a folder, or `-` for standard output; by default the file's own name
        file: Option<PathBuf>,
    },
    /// Remove a file or an empty folder
    Rm {
        place: String,
        /// A folder with all that is in it
        #[arg(long, short)]
        recursive: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a folder
    Mkdir {
        place: String,
        /// And those on the way; no error if it is there
        #[arg(long, short)]
        parents: bool,
    },
    /// Move or rename a file or folder
    Mv { from: String, to: String },
    /// Count what lies with an account, in a shared folder, or everywhere
    Usage { place: Option<String> },
    /// The folders that several accounts share
    #[command(subcommand)]
    Share(ShareCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum ShareCommand {
    /// Make a shared folder; its members find it as /shared/NAME
    Add {
        name: String,
        /// A member: ADDRESS, ADDRESS:rw or ADDRESS:ro (repeat for each)
        #[arg(long, value_name = "ADDRESS[:ro|:rw]")]
        member: Vec<String>,
        /// What it may hold, in bytes
        #[arg(long, value_name = "BYTES")]
        quota: Option<u64>,
    },
    /// List the shared folders with their members
    List,
    /// Remove a shared folder
    Remove {
        name: String,
        /// With all that is in it
        #[arg(long)]
        force: bool,
    },
    /// Make an account a member, or change what it may do: ADDRESS, ADDRESS:rw or ADDRESS:ro
    Member { name: String, member: String },
    /// End a membership
    Expel { name: String, address: String },
    /// Set what a shared folder may hold, in bytes, or `none`
    Quota { name: String, bytes: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// The arguments of `posthouse account ftp`.
#[derive(Debug, Args)]
pub(super) struct ProfileArguments {
    address: String,
    /// For cameras, scanners and the like: no TLS needed, no EPSV, folders made by themselves
    #[arg(long)]
    device: bool,
    /// Log in without TLS
    #[arg(long, value_name = "yes|no", hide_possible_values = true)]
    plain: Option<YesNo>,
    /// Whether a data connection must resume the TLS session of its control connection
    #[arg(long, value_parser = ["require", "prefer", "off"])]
    binding: Option<String>,
    /// Offer EPSV
    #[arg(long, value_name = "yes|no", hide_possible_values = true)]
    epsv: Option<YesNo>,
    /// Make the folders on the way to an upload
    #[arg(long, value_name = "yes|no", hide_possible_values = true)]
    parents: Option<YesNo>,
    /// Open active data connections to the caller's address, whatever address it names
    #[arg(long, value_name = "yes|no", hide_possible_values = true)]
    active_to_control: Option<YesNo>,
    /// Most bytes a second of all downloads together; 0: no limit
    #[arg(long, value_name = "BYTES")]
    rate_down: Option<u64>,
    /// Most bytes a second of all uploads together; 0: no limit
    #[arg(long, value_name = "BYTES")]
    rate_up: Option<u64>,
}

impl ProfileArguments {
    pub(super) fn into_request(self) -> Request {
        let flag = |value: Option<YesNo>| value.map(|value| matches!(value, YesNo::Yes));
        let change = ProfileChange {
            device: self.device,
            plain: flag(self.plain),
            binding: self.binding,
            epsv: flag(self.epsv),
            parents: flag(self.parents),
            active_to_control: flag(self.active_to_control),
            rate_down: self.rate_down,
            rate_up: self.rate_up,
        };
        Request::AccountFtp { address: self.address, change }
    }
}

/// Where wishes are carried out: by the running server, or, where none runs, right here.
struct Asker<'a> {
    config: &'a Config,
    printer: &'a mut Printer,
    zones: Option<Zones>,
}

impl Asker<'_> {
    fn ask(&mut self, request: FilesRequest, bytes: &mut dyn Exchange) -> Result<Reply, Failure> {
        let request = Request::Files(request);
        let printer = &mut *self.printer;
        let mut reply = None;
        if self.zones.is_none() {
            let told = &mut |progress| printer.progress(&progress);
            reply = control::ask_with(&self.config.data_dir, &request, bytes, told)?;
        }
        let reply = match reply {
            Some(reply) => reply,
            None => {
                let zones = match self.zones.take() {
                    Some(zones) => zones,
                    None => server::zones_of(self.config, server::open_store(self.config)?)?,
                };
                let zones = self.zones.insert(zones);
                admin::carry_out(zones, request, bytes, &mut |progress| printer.progress(&progress))
            }
        };
        match reply {
            Reply::Failed { message } => Err(message.into()),
            reply => Ok(reply),
        }
    }

    /// All entries of a folder, page by page.
    fn list(&mut self, place: &str) -> Result<Reply, Failure> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let request = FilesRequest::List { at: place.to_string(), after: after.take() };
            let Reply::Files(page) = self.ask(request, &mut NoBytes)? else { break };
            let is_last = page.len() < LIST_PAGE as usize;
            rows.extend(page);
            if is_last {
                break;
            }
            after = rows.last().map(|row| row.name.clone());
        }
        Ok(Reply::Files(rows))
    }
}

/// Does what was asked.
pub(super) fn run(
    command: FilesCommand,
    config: &Config,
    printer: &mut Printer,
) -> Result<ExitCode, Failure> {
    let mut asker = Asker { config, printer, zones: None };
    let reply = match command {
        FilesCommand::Ls { place } => asker.list(&place)?,
        FilesCommand::Put { file, place, keep } => put(&mut asker, &file, place, keep)?,
        FilesCommand::Get { place, file } => match get(&mut asker, place, file)? {
            Some(reply) => reply,
            None => return Ok(ExitCode::SUCCESS),
        },
        FilesCommand::Rm { place, recursive, yes } => {
            if recursive && !yes && !confirmed(&format!("Remove {place} and all that is in it?"))? {
                eprintln!("nothing was removed");
                return Ok(ExitCode::FAILURE);
            }
            asker.ask(FilesRequest::Remove { at: place, recursive }, &mut NoBytes)?
        }
        FilesCommand::Mkdir { place, parents } => {
            asker.ask(FilesRequest::MakeFolder { at: place, parents }, &mut NoBytes)?
        }
        FilesCommand::Mv { from, to } => asker.ask(FilesRequest::Move { from, to }, &mut NoBytes)?,
        FilesCommand::Usage { place } => asker.ask(FilesRequest::Usage { of: place }, &mut NoBytes)?,
        FilesCommand::Share(command) => asker.ask(share_request(command)?, &mut NoBytes)?,
    };
    asker.printer.print(&reply)?;
    Ok(ExitCode::SUCCESS)
}

fn share_request(command: ShareCommand) -> Result<FilesRequest, Failure> {
    Ok(match command {
        ShareCommand::Add { name, member, quota } => {
            let members = member.iter().map(|text| member_of(text)).collect::<Result<_, _>>()?;
            FilesRequest::ShareAdd { name, members, quota_bytes: quota }
        }
        ShareCommand::List => FilesRequest::ShareList,
        ShareCommand::Remove { name, force } => FilesRequest::ShareRemove { name, force },
        ShareCommand::Member { name, member } => {
            let (address, may_write) = member_of(&member)?;
            FilesRequest::ShareMember { name, address, may_write: Some(may_write) }
        }
        ShareCommand::Expel { name, address } => FilesRequest::ShareMember { name, address, may_write: None },
        ShareCommand::Quota { name, bytes } => {
            let quota_bytes = match bytes.as_str() {
                "none" => None,
                bytes => Some(
                    bytes
                        .parse()
                        .map_err(|_| format!("{bytes:?} is neither a number of bytes nor `none`"))?,
                ),
            };
            FilesRequest::ShareQuota { name, quota_bytes }
        }
    })
}

/// `ADDRESS`, `ADDRESS:rw` or `ADDRESS:ro`.
fn member_of(text: &str) -> Result<(String, bool), Failure> {
    match text.rsplit_once(':') {
        None | Some((_, "rw")) => Ok((text.trim_end_matches(":rw").to_string(), true)),
        Some((address, "ro")) => Ok((address.to_string(), false)),
        Some((_, other)) => Err(format!("{other:?} is neither ro nor rw").into()),
    }
}

/// A local file on its way up, told to the printer as it goes.
struct Source<R> {
    from: R,
    done: u64,
    total: Option<u64>,
    printer: Printer,
}

impl<R: Read> Exchange for Source<R> {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Full blocks, also from a pipe that gives little at a time.
        let mut len = 0;
        while len < buffer.len() {
            match self.from.read(&mut buffer[len..]) {
                Ok(0) => break,
                Ok(got) => len += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.done += len as u64;
        if let Some(total) = self.total {
            self.printer.progress(&Reply::Progress { step: "bytes".into(), done: self.done, total });
        }
        Ok(len)
    }

    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("bytes came down where they should go up"))
    }
}

fn put(asker: &mut Asker<'_>, file: &Path, place: String, keep: bool) -> Result<Reply, Failure> {
    let named = |error: io::Error| format!("{}: {error}", file.display());
    let is_pipe = file.as_os_str() == "-";
    let mut at = place;
    if at.ends_with('/') || at.ends_with(':') {
        let name = file.file_name().and_then(|name| name.to_str()).filter(|_| !is_pipe);
        at.push_str(name.ok_or("say the name the file shall have")?);
    }
    let printer = Printer::new(false);
    if is_pipe {
        let request = FilesRequest::Put { at, modified_ms: None, replaces: !keep };
        return asker.ask(request, &mut Source { from: io::stdin().lock(), done: 0, total: None, printer });
    }
    let from = File::open(file).map_err(named)?;
    let meta = from.metadata().map_err(named)?;
    if meta.is_dir() {
        return Err(format!("{} is a folder", file.display()).into());
    }
    let since = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let modified_ms = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    let request = FilesRequest::Put { at, modified_ms, replaces: !keep };
    asker.ask(request, &mut Source { from, done: 0, total: Some(meta.len()), printer })
}

/// Where bytes that come down go.
struct Sink<W> {
    to: W,
}

impl<W: Write> Exchange for Sink<W> {
    fn receive(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }
}

/// Fetches a file; into a file beside first, so that a broken fetch leaves no half one. Nothing is to be
/// printed if standard output took the bytes.
fn get(asker: &mut Asker<'_>, place: String, file: Option<PathBuf>) -> Result<Option<Reply>, Failure> {
    let name = place.rsplit(['/', ':']).next().unwrap_or_default().to_string();
    let file = match file {
        Some(file) if file.is_dir() => file.join(&name),
        Some(file) => file,
        None => PathBuf::from(&name),
    };
    let request = FilesRequest::Get { at: place };
    if file.as_os_str() == "-" {
        let mut out = io::stdout().lock();
        asker.ask(request, &mut Sink { to: &mut out })?;
        out.flush()?;
        return Ok(None);
    }
    let named = |error: io::Error| format!("{}: {error}", file.display());
    if file.file_name().is_none() {
        return Err("say the name of the file to write".into());
    }
    let mut aside = file.clone().into_os_string();
    aside.push(".part");
    let to = File::create(&aside).map_err(named)?;
    let outcome = asker.ask(request, &mut Sink { to }).and_then(|reply| {
        std::fs::rename(&aside, &file).map_err(named)?;
        Ok(reply)
    });
    if outcome.is_err() {
        // What came is of no use.
        let _ = std::fs::remove_file(&aside);
    }
    outcome.map(Some)
}
