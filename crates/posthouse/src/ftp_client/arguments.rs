//! What the command line says.

use super::error::Error;
use super::get::Verify;
use super::target::Target;
use super::tls::Trust;
use clap::{Args, Subcommand, ValueEnum};
use ftp::client::{Argument, Opens, Password, Tls};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Where the password may stand in the environment.
const PASSWORD_VARIABLE: &str = "POSTHOUSE_FTP_PASSWORD";

/// Who logs in without a name, and what then goes for a password (RFC 1635).
const ANONYMOUS: &str = "anonymous";
const ANONYMOUS_PASSWORD: &str = "anonymous@";

/// What is done.
#[derive(Debug, Subcommand)]
pub enum FtpCommand {
    /// Fetch a file
    ///
    /// It is written beside its name as .posthouse-part-NAME (with --segments as .posthouse-parts-NAME and
    /// .posthouse-map-NAME), compared, synced and then renamed. What a broken fetch leaves under these names
    /// is what --continue goes on with; to give it up, remove it.
    Get {
        /// ftp://[USER@]HOST/PATH, ftps://… or [USER@]HOST:PATH
        from: String,
        /// The file or folder to write to; `-` is standard output
        to: Option<PathBuf>,
        #[command(flatten)]
        moving: Moving,
        #[command(flatten)]
        access: Access,
    },
    /// Send a file
    ///
    /// With --continue what the server has is gone on with if its digest (HASH) shows that it is the beginning
    /// of this file; if the digest differs all is sent. Where a server makes no digests --continue is refused,
    /// unless --verify off says to go by the size alone: an old head would get a new tail.
    Put {
        /// The file; `-` is standard input
        from: PathBuf,
        /// Where to; a path that ends with a slash is a folder
        to: String,
        #[command(flatten)]
        moving: Moving,
        #[command(flatten)]
        access: Access,
    },
    /// List a folder
    Ls {
        /// The folder
        place: String,
        #[command(flatten)]
        access: Access,
    },
    /// Fetch (or with --reverse send) a folder with all that is new in it; nothing is removed
    ///
    /// Files that are not whole yet have names that begin with .posthouse-; a file that is called so on the
    /// side to mirror is not taken, and counts as failed. With --reverse --continue, what nothing shows to be
    /// the beginning of a file is replaced as a whole.
    Mirror {
        /// Send instead of fetch: FROM is here and TO on the server
        #[arg(long, short = 'R')]
        reverse: bool,
        /// How many files go at once
        #[arg(long, short = 'P', value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
        parallel: u8,
        /// The folder to mirror
        from: String,
        /// Where to
        to: String,
        #[command(flatten)]
        moving: Moving,
        #[command(flatten)]
        access: Access,
    },
}

/// How files are moved.
#[derive(Debug, Args)]
pub struct Moving {
    /// Go on where an earlier attempt ended
    #[arg(long = "continue", short = 'c')]
    pub resume: bool,
    /// Fetch each large file in N parts at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub segments: u8,
    /// No more than so many bytes a second, in all; K, M and G are known
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    pub rate: Option<u64>,
    /// How contents are compared afterwards
    #[arg(long, value_enum, default_value = "auto")]
    pub verify: Verify,
}

/// How TLS is used with ftp:// addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TlsChoice {
    /// TLS or nothing
    Require,
    /// TLS where the server has it, and a warning where not
    Try,
    /// Everything in clear
    Off,
}

/// How a server is reached.
#[derive(Debug, Args)]
pub struct Access {
    /// The user, if the address does not name one; without either it is `anonymous`
    #[arg(long, short = 'u')]
    user: Option<String>,
    /// A file whose first line is the password; otherwise it is $POSTHOUSE_FTP_PASSWORD, or asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Whether TLS is used
    #[arg(long, value_enum, default_value = "try")]
    tls: TlsChoice,
    /// Believe the authorities in this PEM file, or the very certificates in it, and no others
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Believe any certificate: for tests, never for a password that matters
    #[arg(long)]
    pub insecure: bool,
    /// Let the server open data connections (EPRT, PORT)
    #[arg(long)]
    active: bool,
    /// Give up after so many seconds in which nothing happens
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
}

impl Access {
    /// How TLS is used.
    pub fn tls(&self, target: &Target) -> Tls {
        match self.tls {
            _ if target.implicit_tls => Tls::Implicit,
            TlsChoice::Require => Tls::Require,
            TlsChoice::Try => Tls::Try,
            TlsChoice::Off => Tls::Off,
        }
    }

    /// Whose certificates are believed.
    pub fn trust(&self) -> Trust {
        match &self.ca {
            _ if self.insecure => Trust::Anybody,
            Some(path) => Trust::File(path.clone()),
            None => Trust::System,
        }
    }

    /// Who opens data connections.
    pub fn opens(&self) -> Opens {
        if self.active { Opens::Server } else { Opens::Client }
    }

    /// How long nothing may happen.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }

    /// The user and the password.
    ///
    /// # Errors
    /// If there is none, or FTP cannot carry it.
    pub fn credentials(&self, target: &Target) -> Result<(Argument, Password), Error> {
        let named = target.user.as_deref().or(self.user.as_deref());
        let user = Argument::new(named.unwrap_or(ANONYMOUS))
            .map_err(|error| Error::Usage(format!("the user's name cannot be sent: {error}")))?;
        let text = match (&self.password_file, std::env::var(PASSWORD_VARIABLE), named) {
            (Some(path), _, _) => {
                let text = std::fs::read_to_string(path).map_err(|error| Error::local(path, &error))?;
                text.lines().next().unwrap_or_default().to_string()
            }
            (None, Ok(password), Some(_)) => password,
            (None, _, None | Some(ANONYMOUS)) => ANONYMOUS_PASSWORD.to_string(),
            (None, Err(_), Some(user)) if std::io::stdin().is_terminal() => {
                let question = format!("Password of {user} at {}: ", target.host);
                rpassword::prompt_password(question)
                    .map_err(|error| Error::Usage(format!("no password was read: {error}")))?
            }
            (None, Err(_), Some(user)) => {
                return Err(Error::Usage(format!(
                    "no password for {user}: use --password-file, ${PASSWORD_VARIABLE}, or a terminal to ask at"
                )));
            }
        };
        let password = Password::new(text)
            .map_err(|error| Error::Usage(format!("the password cannot be sent: {error}")))?;
        Ok((user, password))
    }
}

/// `500K`, `2M`, or a plain number.
fn rate(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1_000),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1_000_000),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|number| *number > 0).ok_or_else(|| "not a number of bytes a second".to_string())
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates() {
        for (text, expected) in [
            ("1", Some(1)),
            ("500K", Some(500_000)),
            ("2m", Some(2_000_000)),
            ("0", None),
            ("K", None),
            ("", None),
        ] {
            assert_eq!(rate(text).ok(), expected, "{text}");
        }
    }
}
