//! The command line.

mod dig;
mod dns;
mod dns_output;
mod files;
mod output;

use crate::admin::{NoBytes, Reply, Request};
use crate::config::Config;
use crate::ftp_client::{self, FtpCommand};
use crate::{admin, control, demo, server};
use clap::{Parser, Subcommand};
use dns::DnsCommand;
use output::Printer;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command was not carried out, for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Exit codes: 0 done; 1 not done, the reason is on standard error; 2 the command line is wrong;
/// 3 `check` found damage.
const FOUND_DAMAGE: u8 = 3;

/// A domain's mail in one program.
#[derive(Debug, Parser)]
#[command(name = "posthouse", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/posthouse.toml")]
    config: PathBuf,
    /// Print JSON for programs instead of tables for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  posthouse demo                                   try everything on this machine
  posthouse domain add example.org
  posthouse account add alice@example.org          asks for the password
  posthouse alias add info@example.org alice@example.org
  posthouse files put report.pdf alice@example.org:/docs/
  posthouse serve
  posthouse dns status example.org                 its records, as the world sees them
  posthouse trace alice@example.org                what became of her mail

Exit codes: 0 done, 1 not done, 2 wrong command line, 3 check found damage.";

const FTP_EXAMPLES: &str = "Examples:
  posthouse ftp ls ftp://alice@files.example.org/
  posthouse ftp get alice@files.example.org:photos.tar --segments 4
  posthouse ftp put backup.tar ftp://alice@files.example.org/backups/ --continue
  posthouse ftp mirror ftp://files.example.org/pub ./pub
  posthouse ftp mirror --reverse ./site ftps://alice@files.example.org/site

Exit codes: 0 done, 1 a file here, 2 wrong command line, 4 login refused, 5 TLS or certificate,
6 refused by the server, 7 network or protocol, 8 contents differ, 9 some files of a mirror failed.";

const IMPORT_FORMS: &str = "What stands after the first colon:
  $… or {…}      a hash of another server: argon2, bcrypt, sha512-crypt, sha256-crypt, md5-crypt, SSHA, SCRAM
  !… or *…       the account is locked: it receives mail, and nobody logs in until it has a password
  anything else  the password itself, except what looks like a DES hash (13 letters, digits, `.` and `/`),
                 which is refused

Examples:
  posthouse account import accounts.txt
  echo 'carol@example.org:$2b$12$…' | posthouse account import -";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve,
    /// Run a server with a domain and two accounts to try, on unprivileged loopback ports
    Demo,
    /// The domains whose mail is kept here
    #[command(subcommand)]
    Domain(DomainCommand),
    /// The accounts: one address, one password, one quota
    #[command(subcommand)]
    Account(AccountCommand),
    /// Further addresses of accounts, and catch-alls
    #[command(subcommand)]
    Alias(AliasCommand),
    /// The domains' names: zones, signatures, the records that mail needs
    #[command(subcommand)]
    Dns(DnsCommand),
    /// Look a name up in the world, and show whether the answer can be believed
    #[command(after_help = dig::EXAMPLES)]
    Dig(dig::DigArguments),
    /// The files of accounts and shared folders
    #[command(subcommand, after_help = files::EXAMPLES)]
    Files(files::FilesCommand),
    /// Tell what became of a message
    #[command(
        after_help = "Examples:\n  posthouse trace 06yrk3x9pqv2m\n  posthouse trace bob@example.org --limit 3\n  posthouse trace '<123@example.net>'\n\nExit code 1: nothing is known of that."
    )]
    Trace {
        /// The id from a 250 reply or a Received field, a sender's or recipient's address, or a Message-ID
        query: String,
        /// At most this many messages, the newest first
        #[arg(long, default_value_t = 10)]
        limit: u32,
    },
    /// Verify every record and every message of the store; repairs nothing
    Check,
    /// Fetch, send, list and mirror files on any FTP server
    #[command(subcommand, after_help = FTP_EXAMPLES)]
    Ftp(FtpCommand),
}

#[derive(Debug, Subcommand)]
enum DomainCommand {
    /// Take mail for a domain
    Add { name: String },
    /// List the domains
    List,
    /// Stop taking mail for a domain that has no accounts and aliases any more
    Remove { name: String },
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Add an account; its password is asked for, or read from standard input
    Add {
        address: String,
        /// What its mail and files may take, in bytes
        #[arg(long, value_name = "BYTES")]
        quota: Option<u64>,
    },
    /// List the accounts
    List,
    /// Remove an account with all its mail and files
    Remove {
        address: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Set a password; it is asked for, or read from standard input
    Password { address: String },
    /// Show or change what an account's FTP clients may do
    Ftp(files::ProfileArguments),
    /// Set what an account's mail and files may take, in bytes, or `none`
    Quota { address: String, bytes: String },
    /// Add many accounts: a file (or `-`) with a line `address:password-or-hash` for each
    #[command(after_help = IMPORT_FORMS)]
    Import { file: PathBuf },
}

#[derive(Debug, Subcommand)]
enum AliasCommand {
    /// Make mail for an address (or, with `@domain`, for all that nobody has) go to an account
    Add { address: String, target: String },
    /// List the aliases
    List,
    /// Remove an alias, or one of its targets
    Remove { address: String, target: Option<String> },
}

impl Cli {
    /// Reads the arguments; ends the process with help or an error where they are none.
    pub fn read() -> Cli {
        Cli::parse()
    }

    /// Does what was asked. Programs that asked for JSON get a failure as JSON too, on standard output.
    ///
    /// # Errors
    /// A sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, Failure> {
        let json = self.json;
        let done = self.carry_out();
        if json && let Err(error) = &done {
            let failure = serde_json::json!({ "error": error.to_string(), "exit_code": 1 });
            // Whoever does not read it has the exit code.
            let _ = writeln!(io::stdout().lock(), "{failure:#}");
        }
        done
    }

    fn carry_out(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Demo => {
                demo::run()?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Serve => {
                let config = Config::load(&self.config)?;
                crate::log::start(config.log.format);
                let store = server::open_store_to_serve(&config)?;
                crate::runtime::build()?.block_on(server::serve(&config, store, |_| {}))?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Files(command) => {
                let config = Config::load(&self.config)?;
                files::run(command, &config, &mut Printer::new(self.json))
            }
            Command::Dig(arguments) => dig::run(&arguments, &self.config, self.json),
            Command::Ftp(command) => Ok(ftp_client::run(&command, self.json)?),
            command => {
                let Some(request) = request(command)? else { return Ok(ExitCode::FAILURE) };
                let config = Config::load(&self.config)?;
                ask(&config, request, &mut Printer::new(self.json))
            }
        }
    }
}

/// The request behind a command; nothing if the person changed their mind.
fn request(command: Command) -> Result<Option<Request>, Failure> {
    Ok(Some(match command {
        Command::Domain(DomainCommand::Add { name }) => Request::DomainAdd { name },
        Command::Domain(DomainCommand::List) => Request::DomainList,
        Command::Domain(DomainCommand::Remove { name }) => Request::DomainRemove { name },
        Command::Account(command) => return account_request(command),
        Command::Alias(AliasCommand::Add { address, target }) => Request::AliasAdd { address, target },
        Command::Alias(AliasCommand::List) => Request::AliasList,
        Command::Alias(AliasCommand::Remove { address, target }) => Request::AliasRemove { address, target },
        Command::Dns(command) => dns::request(command)?,
        Command::Trace { query, limit } => Request::Trace { query, limit },
        Command::Check => Request::Check,
        Command::Serve | Command::Demo | Command::Dig(_) | Command::Files(_) | Command::Ftp(_) => {
            return Ok(None);
        }
    }))
}

fn account_request(command: AccountCommand) -> Result<Option<Request>, Failure> {
    Ok(Some(match command {
        AccountCommand::Add { address, quota } => {
            let password = new_password(&address)?;
            Request::AccountAdd { address, password, quota_bytes: quota }
        }
        AccountCommand::List => Request::AccountList,
        AccountCommand::Ftp(arguments) => arguments.into_request(),
        AccountCommand::Remove { address, yes } => {
            if !yes && !confirmed(&format!("Remove {address} and all its mail and files?"))? {
                eprintln!("nothing was removed");
                return Ok(None);
            }
            Request::AccountRemove { address }
        }
        AccountCommand::Password { address } => {
            let password = new_password(&address)?;
            Request::AccountPassword { address, password }
        }
        AccountCommand::Quota { address, bytes } => {
            let quota_bytes = match bytes.as_str() {
                "none" => None,
                bytes => Some(
                    bytes
                        .parse()
                        .map_err(|_| format!("{bytes:?} is neither a number of bytes nor `none`"))?,
                ),
            };
            Request::AccountQuota { address, quota_bytes }
        }
        AccountCommand::Import { file } => Request::AccountImport { accounts: read_accounts(&file)? },
    }))
}

fn new_password(address: &str) -> io::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_string());
    }
    let first = rpassword::prompt_password(format!("Password for {address}: "))?;
    if rpassword::prompt_password("The same again: ")? != first {
        return Err(io::Error::other("the two passwords differ; nothing was changed"));
    }
    Ok(first)
}

fn confirmed(question: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(io::Error::other("this cannot be undone: say --yes to do it without being asked"));
    }
    eprint!("{question} [y/N] ");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

fn read_accounts(file: &std::path::Path) -> io::Result<Vec<(String, String)>> {
    let mut text = String::new();
    match file.to_str() {
        Some("-") => drop(io::stdin().lock().read_to_string(&mut text)?),
        _ => {
            text = std::fs::read_to_string(file)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
        }
    }
    let mut accounts = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (address, secret) = line.split_once(':').ok_or_else(|| {
            io::Error::other(format!(
                "{} line {}: not of the form address:password-or-hash",
                file.display(),
                at + 1
            ))
        })?;
        accounts.push((address.trim().to_string(), secret.to_string()));
    }
    Ok(accounts)
}

/// Asks the running server, or, where none runs, does it right here.
fn ask(config: &Config, request: Request, printer: &mut Printer) -> Result<ExitCode, Failure> {
    let reply = match control::ask(&config.data_dir, &request, &mut |progress| printer.progress(&progress))? {
        Some(reply) => reply,
        None => {
            let zones = server::zones_of(config, server::open_store(config)?)?;
            admin::carry_out(&zones, request, &mut NoBytes, &mut |progress| printer.progress(&progress))
        }
    };
    let damaged = matches!(&reply, Reply::Checked(checked) if !checked.findings.is_empty());
    if let Reply::Failed { message } = reply {
        return Err(message.into());
    }
    let untraced = matches!(&reply, Reply::Traces(stories) if stories.is_empty());
    printer.print(&reply)?;
    Ok(match (damaged, untraced) {
        (true, _) => ExitCode::from(FOUND_DAMAGE),
        (_, true) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}
