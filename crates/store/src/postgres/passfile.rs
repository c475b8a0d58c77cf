//! Password files as libpq has them (`~/.pgpass`): lines of host, port, database, user and password.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use postgres::Config;
use postgres::config::Host;

/// The most that is read of a file which somebody named by mistake.
const FILE_LEN_MAX_BYTES: u64 = 1 << 20;

/// The port of servers that name none.
const PORT: u16 = 5432;

/// The password for the hosts of `config`, all of which must have the same.
///
/// # Errors
/// A sentence, without anything that the file holds.
pub(super) fn password(file: &Path, config: &Config) -> Result<String, String> {
    let text = read_secret(file).map_err(|error| format!("passfile {}: {error}", file.display()))?;
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let ports = config.get_ports();
    let mut found: Option<String> = None;
    for (number, host) in config.get_hosts().iter().enumerate() {
        let name = match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        };
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(PORT).to_string();
        let Some(password) = look_up(&text, &[&name, &port, database, user]) else {
            let what = format!("no line for {name}, port {port}, database {database}, user {user}");
            return Err(format!("passfile {}: {what}", file.display()));
        };
        if found.as_ref().is_some_and(|known| *known != password) {
            return Err(format!("passfile {}: the hosts have different passwords", file.display()));
        }
        found = Some(password);
    }
    Ok(found.unwrap_or_default())
}

/// Reads a file that holds a secret, unless everybody on this host may.
pub(super) fn read_secret(file: &Path) -> io::Result<String> {
    let opened = File::open(file)?;
    let meta = opened.metadata()?;
    if !meta.is_file() || meta.len() > FILE_LEN_MAX_BYTES {
        return Err(io::Error::other("this is not a file of this kind"));
    }
    if meta.permissions().mode() & 0o007 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "everybody on this host may use this file, so it is no secret: chmod o= takes that away",
        ));
    }
    let mut text = String::new();
    opened.take(FILE_LEN_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The password of the first line that fits.
fn look_up(text: &str, wanted: &[&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = fields(line);
        let password = fields.split_off(4.min(fields.len())).into_iter().next()?;
        let fits = |(field, wanted): (&Field, &&str)| field.is_star || field.text == **wanted;
        fields.iter().zip(wanted).all(fits).then_some(password.text)
    })
}

struct Field {
    text: String,
    is_star: bool,
}

/// The fields of a line, of which a backslash keeps colons and backslashes. The star that stands for
/// everything is one that no backslash precedes.
fn fields(line: &str) -> Vec<Field> {
    let mut fields = vec![Field { text: String::new(), is_star: line == "*" || line.starts_with("*:") }];
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        if letter == ':' {
            let next = rest.as_str();
            fields.push(Field { text: String::new(), is_star: next == "*" || next.starts_with("*:") });
            continue;
        }
        let letter = if letter == '\\' { rest.next().unwrap_or(letter) } else { letter };
        if let Some(field) = fields.last_mut() {
            field.text.push(letter);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# db:5432:house:post:comment\nother:5432:house:post:one\ndb:5433:*:post:two\n\
                    \\*:5432:house:post:three\ndb:5432:house:post:fo\\:ur\\\\\n*:*:*:*:five\nshort:line\n";
        for (wanted, password) in [
            (["other", "5432", "house", "post"], "one"),
            (["db", "5433", "anything", "post"], "two"),
            (["*", "5432", "house", "post"], "three"),
            (["db", "5432", "house", "post"], "fo:ur\\"),
            (["db", "5432", "house", "somebody"], "five"),
        ] {
            assert_eq!(look_up(text, &wanted).as_deref(), Some(password), "{wanted:?}");
        }
        assert_eq!(look_up("db:5432:house:post\n", &["db", "5432", "house", "post"]), None);
        assert_eq!(look_up("", &["db", "5432", "house", "post"]), None);
    }

    #[test]
    fn a_file_for_everybody_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        fs::write(&file, "*:*:*:*:hunter2\n").unwrap();
        let config: Config = "postgres://post@one,two:5433/house".parse().unwrap();
        for (mode, fits) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let found = password(&file, &config);
            assert_eq!(found.is_ok(), fits, "{mode:o}");
            assert!(fits || !found.unwrap_err().contains("hunter2"));
        }
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        fs::write(&file, "one:5432:*:*:hunter2\n").unwrap();
        assert!(password(&file, &config).unwrap_err().contains("no line for two, port 5433"));
        fs::write(&file, "one:5432:*:*:hunter2\n*:*:*:*:hunter3").unwrap();
        assert!(password(&file, &config).unwrap_err().contains("different"));
    }
}
