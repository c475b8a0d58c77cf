//! Nothing of one machine is in the repository.

use super::Finding;
use crate::Tree;

pub const WHY: &str = "a clone builds anywhere: no paths of one machine, no registry but cargo's standard one, \
                       no download addresses in lock files";

/// How cargo names its standard registry in a lock file.
const STANDARD_SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Hosts that packages are downloaded from.
const HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "pypi.org",
    "files.pythonhosted.org",
    "proxy.golang.org",
];

/// Folders that exist on the machines of developers alone.
const FOLDERS: &[&str] = &["/work/", "/var/tmp/t-"];

/// Settings that point cargo elsewhere.
const CARGO_SETTINGS: &[&str] = &["replace-with", "[source", "[registries", "[registry", "registry ="];

/// This file has to name what it forbids.
const OWN: &str = "crates/xtask/src/tidy/machine.rs";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| *path != OWN) {
        for (index, line) in text.lines().enumerate() {
            let what = judge(path, line);
            findings.extend(what.map(|what| Finding::new(path, index + 1, what)));
        }
    }
    findings
}

/// What is wrong with a line.
fn judge(path: &str, line: &str) -> Option<String> {
    if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
        return Some(format!("names the registry host `{host}`"));
    }
    if let Some(folder) = FOLDERS.iter().find(|folder| has_folder(line, folder)) {
        return Some(format!("names `{folder}`, a folder of one machine"));
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let trimmed = line.trim();
    let elsewhere = match file {
        "Cargo.lock" => trimmed.starts_with("source =") && trimmed != STANDARD_SOURCE,
        "package-lock.json" => trimmed.starts_with("\"resolved\": \"http"),
        "Cargo.toml" | "config.toml" => {
            !trimmed.starts_with('#') && CARGO_SETTINGS.iter().any(|setting| trimmed.contains(setting))
        }
        _ => false,
    };
    elsewhere.then(|| format!("packages come from elsewhere: {trimmed}"))
}

/// True if `folder` stands in the line as the beginning of a path, not in the middle of one.
fn has_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "-_.~})".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn what_builds_anywhere_passes() {
        let lock = format!("[[package]]\nname = \"a\"\n{STANDARD_SOURCE}\nchecksum = \"0\"\n");
        let files = [
            ("Cargo.lock", lock.as_str()),
            (".cargo/config.toml", "[alias]\n"),
            ("README.md", "see https://example.org/work/x and /var/lib/posthouse"),
        ];
        expect(check, &files, &[]);
    }

    #[test]
    fn each_trace_of_a_machine_is_found() {
        for (path, line) in [
            ("Cargo.lock", "source = \"registry+https://mirror.example/index\""),
            ("Cargo.lock", "source = \"git+https://example.org/a#1\""),
            ("fuzz/Cargo.lock", "source = \"sparse+https://mirror.example/\""),
            ("web/package-lock.json", "  \"resolved\": \"https://mirror.example/a.tgz\","),
            (".cargo/config.toml", "[source.crates-io]"),
            ("crates/a/Cargo.toml", "a = { version = \"1\", registry = \"mine\" }"),
            ("README.md", "from https://static.crates.io/x"),
            ("scripts/a", "cd /work/x"),
            ("crates/a/src/b.rs", "\"/var/tmp/t-x\""),
        ] {
            expect(check, &[(path, line)], &[&format!("{path}:1: ")]);
        }
    }
}
