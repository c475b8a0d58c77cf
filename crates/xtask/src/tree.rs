//! The repository in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use crate::metadata::{self, Package};

/// What the rules look at.
#[derive(Debug)]
pub struct Tree {
    /// Text by path from the root, with `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// What cargo knows of the dependencies, or why it could not say.
    pub packages: Result<Vec<Package>, String>,
}

impl Tree {
    /// A tree of the given files, for tests.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
        Tree { files, packages: Ok(Vec::new()) }
    }

    /// The repository at `root`, with what `cargo metadata` says of its dependencies.
    ///
    /// # Errors
    /// When git cannot list the files or one cannot be read. What cargo cannot say is a finding of
    /// the rule that needs it, not an error.
    pub fn load(root: &Path) -> io::Result<Tree> {
        Ok(Tree { packages: metadata::read(root), ..Tree::load_files(root)? })
    }

    /// The same without asking cargo.
    ///
    /// # Errors
    /// As [`Tree::load`].
    pub fn load_files(root: &Path) -> io::Result<Tree> {
        let mut files = BTreeMap::new();
        for path in git_files(root)? {
            match fs::read(root.join(&path)) {
                Ok(bytes) => files.insert(path, String::from_utf8_lossy(&bytes).into_owned()),
                // Deleted here, and not yet in git's list; or a link to a folder.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
        }
        Ok(Tree { files, packages: Ok(Vec::new()) })
    }

    /// The text of a file; empty if there is none.
    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// The folders in `crates/` that hold a manifest.
    pub fn crates(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml"))
    }

    /// True if `crates/<name>` is there.
    pub fn has_crate(&self, name: &str) -> bool {
        self.files.contains_key(&format!("crates/{name}/Cargo.toml"))
    }

    /// The Rust sources below a folder given with its `/`; all of them for `""`.
    pub fn rust(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
    }
}

/// True for files that hold nothing but tests.
pub fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// What is tracked, or would be: an untracked file that is not ignored is checked before it is added.
fn git_files(root: &Path) -> io::Result<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("git could not list the files: {}", reason.trim())));
    }
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(list.split_terminator('\0').map(str::to_string).collect())
}
