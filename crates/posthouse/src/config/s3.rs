//! The service that keeps large content as objects, and the keys that it asks for.

use super::{ConfigError, Store};
use ::store::{ObjectSettings, SecretBytes};
use serde::Deserialize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The variables in which programs that use S3 look for keys, where no file is named.
const KEY_VARIABLE: &str = "AWS_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN_VARIABLE: &str = "AWS_SESSION_TOKEN";
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The section of a file of keys that is read.
const SECTION: &str = "[default]";

/// How the service that has the bucket is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    /// `https://HOST`; absent: Amazon's.
    pub endpoint: Option<String>,
    /// The bucket's region; absent: what `AWS_REGION` says, or `us-east-1`.
    pub region: Option<String>,
    /// The bucket is part of the host's name; absent: with Amazon it is, elsewhere it is part of the path.
    pub virtual_hosted: Option<bool>,
    /// A file with the keys, as other programs have it in `~/.aws/credentials`; absent: the environment.
    pub credentials: Option<PathBuf>,
    /// Permits an endpoint without TLS on another host.
    pub allow_http: bool,
    /// How much of the content is kept in the data directory as well.
    pub cache_max_bytes: u64,
}

impl Default for S3 {
    fn default() -> S3 {
        S3 {
            endpoint: None,
            region: None,
            virtual_hosted: None,
            credentials: None,
            allow_http: false,
            // Some thousand messages with attachments.
            cache_max_bytes: 4 << 30,
        }
    }
}

/// Keys, as a file or the environment has them.
#[derive(Default)]
struct Keys {
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
}

impl Store {
    /// What stands under `s3` must not be passed over.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.s3.is_some() && !self.blobs.starts_with("s3://") {
            return Err(ConfigError("store: s3 is set, but store.blobs is not s3://BUCKET/PREFIX".into()));
        }
        Ok(())
    }

    /// How the service is reached, if content goes to one. Reads the keys.
    ///
    /// # Errors
    /// A sentence for the operator, without any key.
    pub fn objects(&self) -> Result<Option<ObjectSettings>, ConfigError> {
        if !self.blobs.starts_with("s3://") {
            return Ok(None);
        }
        let s3 = self.s3.clone().unwrap_or_default();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (keys, place) = match &s3.credentials {
            Some(file) => (Keys::load(file)?, file.display().to_string()),
            None => {
                let (id, secret) = (variable(KEY_VARIABLE), variable(SECRET_VARIABLE));
                (Keys { id, secret, token: variable(TOKEN_VARIABLE) }, "the environment".to_owned())
            }
        };
        let (Some(access_key_id), Some(secret)) = (keys.id, keys.secret) else {
            return Err(ConfigError(format!(
                "store.blobs: {place} has no access key; name a file with aws_access_key_id and aws_secret_access_key as \
                 store.s3.credentials, or set {KEY_VARIABLE} and {SECRET_VARIABLE}"
            )));
        };
        let region = s3.region.or_else(|| REGION_VARIABLES.iter().find_map(|name| variable(name)));
        Ok(Some(ObjectSettings {
            endpoint: s3.endpoint,
            region,
            virtual_hosted: s3.virtual_hosted,
            allow_http: s3.allow_http,
            access_key_id,
            secret_access_key: SecretBytes(secret.into_bytes()),
            session_token: keys.token.map(|token| SecretBytes(token.into_bytes())),
            cache_max_bytes: s3.cache_max_bytes,
        }))
    }
}

impl Keys {
    fn load(file: &Path) -> Result<Keys, ConfigError> {
        let failed =
            |error: std::io::Error| ConfigError(format!("store.s3.credentials: {}: {error}", file.display()));
        let mode = std::fs::metadata(file).map_err(failed)?.permissions().mode();
        if mode & 0o004 != 0 {
            return Err(ConfigError(format!(
                "store.s3.credentials: everybody on this host can read {}; chmod o-r it, and better make new keys",
                file.display()
            )));
        }
        let text = std::fs::read_to_string(file).map_err(failed)?;
        Keys::parse(&text).map_err(|line| {
            ConfigError(format!("store.s3.credentials: {}: line {line} is not understood", file.display()))
        })
    }

    /// Reads a file's default section; what it says beside keys is for other programs. Gives the number of a line that
    /// cannot be.
    fn parse(text: &str) -> Result<Keys, usize> {
        let (mut keys, mut is_ours) = (Keys::default(), true);
        for (number, line) in (1_usize..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with('[') {
                is_ours = line == SECTION;
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(number)?;
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name.trim().to_ascii_lowercase().as_str() {
                "aws_access_key_id" if is_ours => keys.id = value,
                "aws_secret_access_key" if is_ours => keys.secret = value,
                "aws_session_token" if is_ours => keys.token = value,
                _ => {}
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    #[test]
    fn the_default_section_counts() {
        let text = "# keys\n[other]\naws_access_key_id = no\n[default]\naws_access_key_id = id\n\
                    AWS_SECRET_ACCESS_KEY=a=b\nregion = x\n[third]\naws_session_token = no\n";
        let keys = Keys::parse(text).ok().unwrap();
        assert_eq!((keys.id.as_deref(), keys.secret.as_deref(), keys.token), (Some("id"), Some("a=b"), None));
        let keys = Keys::parse("aws_access_key_id = id\naws_secret_access_key = s\naws_session_token = t");
        assert_eq!(keys.ok().unwrap().token.as_deref(), Some("t"));
        assert_eq!(Keys::parse("\nnonsense").err(), Some(2));
    }

    #[test]
    fn keys_come_from_a_file_that_others_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let store = Store {
            blobs: "s3://mail".into(),
            s3: Some(S3 { credentials: Some(file.clone()), ..S3::default() }),
            ..Store::default()
        };
        let why = || store.objects().map(drop).unwrap_err().to_string();
        assert!(why().contains("keys"), "{}", why());
        std::fs::write(&file, "aws_access_key_id = id\naws_secret_access_key = hush\n").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(why().contains("chmod o-r"), "{}", why());
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let settings = store.objects().unwrap().unwrap();
        assert_eq!(settings.access_key_id, "id");
        assert!(!format!("{settings:?} {store:?}").contains("hush"));
        std::fs::write(&file, "aws_access_key_id = id\n").unwrap();
        assert!(why().contains("has no access key"), "{}", why());
        assert!(Store::default().objects().unwrap().is_none());
    }
}
