//! The secret of cookies: kept, so that a restart does not make every client's cookie worthless, and changed
//! now and then (RFC 9018 §5, RFC 7873 §7.1).

use super::names::Names;
use crate::files::write_private;
use ::dns::cookie::{Cookies, Secret};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const FILE: &str = "dns-cookie.key";
/// Bytes of a secret.
const LEN_BYTES: usize = 16;
/// A secret older than this is replaced, and still taken after it (RFC 7873 §7.1 asks for a change within 36 days).
const AGE_MAX: Duration = Duration::from_hours(26 * 24);
/// How often the age is looked at.
const LOOK_EVERY: Duration = Duration::from_hours(12);

/// Changes the secrets in time until `stop`.
pub async fn run(names: Arc<Names>, data_dir: PathBuf, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = crate::driver::stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let folder = data_dir.clone();
        match tokio::task::spawn_blocking(move || cookies(&folder)).await {
            Ok(Ok(cookies)) => names.set_cookies(cookies),
            Ok(Err(error)) => tracing::warn!(%error, "the secret of DNS cookies stays the same"),
            Err(error) => tracing::warn!(%error, "the secret of DNS cookies stays the same"),
        }
    }
}

/// Reads the secrets, makes them if they are not there, and changes them if they are old.
///
/// # Errors
/// The file system's, with the path.
pub fn cookies(data_dir: &Path) -> io::Result<Cookies> {
    let path = data_dir.join(FILE);
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let known = match fs::read(&path) {
        Ok(bytes) => split(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(explain(error)),
    };
    let age = fs::metadata(&path).and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
    let (current, previous) = match known {
        Some(known) if age.is_none_or(|age| age < AGE_MAX) => known,
        known => {
            let mut fresh = [0; LEN_BYTES];
            getrandom::fill(&mut fresh).map_err(|error| explain(io::Error::other(error)))?;
            let previous = known.map_or(fresh, |(current, _)| current);
            write_private(&path, &[fresh, previous].concat()).map_err(explain)?;
            (fresh, previous)
        }
    };
    Ok(Cookies::new(Secret::new(current), Some(Secret::new(previous))))
}

/// Current and previous; nothing if the file is damaged, which is as good as lost.
fn split(bytes: &[u8]) -> Option<([u8; LEN_BYTES], [u8; LEN_BYTES])> {
    let (current, previous) = bytes.split_at_checked(LEN_BYTES)?;
    Some((current.try_into().ok()?, previous.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::dns::cookie::{Cookie, Standing};

    #[test]
    fn a_cookie_outlives_a_restart_and_one_change_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let address = "192.0.2.1".parse().unwrap();
        let server = cookies(folder.path()).unwrap().make(&[1; 8], address, 1000);
        let check = || {
            let cookie = Cookie { client: [1; 8], server: &server };
            cookies(folder.path()).unwrap().check(cookie, address, 1000)
        };
        assert_eq!(check(), Standing::Right { keep: true });
        let age = || {
            let long_ago = std::time::SystemTime::now() - AGE_MAX;
            fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        };
        age();
        assert_eq!(check(), Standing::Right { keep: false });
        age();
        assert_eq!(check(), Standing::Wrong);
        fs::write(&path, b"short").unwrap();
        assert_eq!(check(), Standing::Wrong);
        assert_eq!(fs::read(&path).unwrap().len(), 2 * LEN_BYTES);
    }
}
