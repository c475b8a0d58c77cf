//! What each crate may depend on.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Finding, PROTOCOL_CRATES};
use crate::Tree;
use crate::manifest::{self, Dependency, Kind};

pub const WHY: &str = "a crate is where knowledge stops: what it may depend on is its row in LAYERS \
                       (crates/xtask/src/tidy/layers.rs); to widen a row is a decision for ARCHITECTURE.md";

/// What a crate may use. Rows of crates that are still to come are allowed.
struct Layer {
    name: &'static str,
    /// Our crates.
    ours: &'static [&'static str],
    outside: Outside,
}

enum Outside {
    /// These packages and no others.
    Only(&'static [&'static str]),
    /// Whatever deny.toml allows, except these.
    AllBut(&'static [&'static str]),
}

use Outside::{AllBut, Only};

/// The table. The lower half is pure: bytes and the time go in, outputs come out.
#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    Layer { name: "wire", ours: &[], outside: Only(&["memchr"]) },
    Layer { name: "sasl", ours: &["wire"], outside: Only(&["argon2", "base64", "bcrypt", "hmac", "md-5", "pbkdf2", "sha-crypt", "sha1", "sha2", "stringprep", "subtle", "unicode-normalization", "zeroize"]) },
    Layer { name: "mime", ours: &["wire"], outside: Only(&["base64", "encoding_rs", "memchr"]) },
    Layer { name: "dns", ours: &["wire"], outside: Only(&["base64", "bytes", "domain", "hmac", "memchr", "serde", "sha1", "sha2", "siphasher", "subtle"]) },
    Layer { name: "senderauth", ours: &["wire", "mime", "dns"], outside: Only(&["base64", "ed25519-dalek", "memchr", "rsa", "sha1", "sha2"]) },
    Layer { name: "smtp", ours: &["wire", "sasl", "mime"], outside: Only(&["base64", "memchr"]) },
    Layer { name: "imap", ours: &["wire", "sasl", "mime"], outside: Only(&["base64", "memchr", "unicode-normalization"]) },
    Layer { name: "pop3", ours: &["wire", "sasl"], outside: Only(&["base64", "memchr"]) },
    Layer { name: "ftp", ours: &["wire", "sasl"], outside: Only(&["memchr"]) },
    Layer { name: "store", ours: &["mime", "dns"], outside: Only(&["blake3", "bytes", "crc32fast", "futures", "idna", "md-5", "object_store", "postgres", "rusqlite", "rustix", "rustls-native-certs", "serde", "serde_json", "sha1", "sha2", "tokio", "tokio-postgres", "tokio-rustls", "tracing", "unicode-normalization", "webpki-roots", "zstd"]) },
    Layer { name: "posthouse", ours: &["wire", "sasl", "mime", "dns", "senderauth", "smtp", "imap", "pop3", "ftp", "store"], outside: AllBut(&["object_store", "postgres", "rusqlite", "sqlx", "tokio-postgres"]) },
    Layer { name: "transcript", ours: &["wire"], outside: Only(&[]) },
    Layer { name: "xtask", ours: &[], outside: Only(&["serde_json", "toml"]) },
];

/// Our crates that may stand in dev-dependencies alone.
const DEV_CRATES: &[&str] = &["transcript", "xtask"];

/// Packages that bring a runtime, TLS, a socket, a file or chance; not even the tests of a
/// pure crate may use them directly. What they could do, a value handed in does better.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "postgres",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "chrono",
    "tokio",
    "tokio-rustls",
];

/// Packages that a pure crate may not reach through others either. (Chance is not among them:
/// proptest needs it.)
const RUNTIMES: &[&str] =
    &["async-std", "hyper", "mio", "native-tls", "openssl", "rustls", "smol", "socket2", "tokio"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let root = tree.text("Cargo.toml");
    let mut findings = Vec::new();
    for name in tree.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            findings.push(Finding::new(path, 1, format!("`{name}` has no row in LAYERS")));
            continue;
        };
        match manifest::dependencies(tree.text(&path), root) {
            Ok(dependencies) => findings.extend(dependencies.iter().filter_map(|dependency| {
                judge(layer, dependency).map(|what| Finding::new(&path, dependency.line, what))
            })),
            Err(error) => findings.push(Finding::new(path, 1, error)),
        }
    }
    findings.extend(reached(tree));
    findings
}

/// What is wrong with one dependency.
fn judge(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let (name, package) = (layer.name, dependency.package.as_str());
    let is_dev = dependency.kind == Kind::Dev;
    if LAYERS.iter().any(|other| other.name == package) {
        let is_tool = DEV_CRATES.contains(&package);
        return match (is_tool, is_dev) {
            (true, true) => None,
            (true, false) => Some(format!("`{package}` is a tool for tests: only a dev-dependency")),
            (false, _) if layer.ours.contains(&package) => None,
            (false, _) => Some(format!("`{name}` may not know our crate `{package}`")),
        };
    }
    let allowed = match layer.outside {
        _ if is_dev => !(PROTOCOL_CRATES.contains(&name) && IMPURE.contains(&package)),
        Only(list) => list.contains(&package),
        AllBut(list) => !list.contains(&package),
    };
    (!allowed).then(|| format!("`{name}` may not use the package `{package}`"))
}

/// The pure crates that come to a runtime through their dependencies, as Cargo.lock tells.
fn reached(tree: &Tree) -> Vec<Finding> {
    let graph = lock_graph(tree.text("Cargo.lock"));
    let pure = PROTOCOL_CRATES.iter().filter(|name| tree.has_crate(name));
    pure.filter_map(|name| {
        let chain = chain_to_runtime(&graph, name)?;
        let what = format!("`{name}` reaches a runtime: {}", chain.join(" > "));
        Some(Finding::new(format!("crates/{name}/Cargo.toml"), 1, what))
    })
    .collect()
}

/// Package names with the names of what each depends on; versions of one package are taken together.
fn lock_graph(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let lock: Table = lock.parse().unwrap_or_default();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
        let names = names.filter_map(|dependency| dependency.split(' ').next()).map(str::to_string);
        graph.entry(name.to_string()).or_default().extend(names);
    }
    graph
}

/// The shortest chain of dependencies from `start` to a runtime.
fn chain_to_runtime(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut chains = vec![vec![start.to_string()]];
    let mut seen = BTreeSet::new();
    while !chains.is_empty() {
        let mut longer = Vec::new();
        for chain in chains {
            let Some(next) = chain.last().and_then(|last| graph.get(last)) else { continue };
            for name in next {
                let chain = [chain.as_slice(), std::slice::from_ref(name)].concat();
                if RUNTIMES.contains(&name.as_str()) {
                    return Some(chain);
                }
                if seen.insert(name.clone()) {
                    longer.push(chain);
                }
            }
        }
        chains = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    fn expect_for(name: &str, dependencies: &str, expected: &[&str]) {
        let path = format!("crates/{name}/Cargo.toml");
        let text = format!("[package]\nname = \"{name}\"\n{dependencies}");
        expect(check, &[("Cargo.toml", "[workspace]"), (&path, &text)], expected);
    }

    #[test]
    fn what_a_row_allows_passes() {
        expect_for(
            "smtp",
            "[dependencies]\nwire.workspace = true\nmime.workspace = true\nmemchr = \"2\"\n\
             [dev-dependencies]\ntranscript.workspace = true\nproptest = \"1\"\n",
            &[],
        );
        expect_for("posthouse", "[dependencies]\nstore.workspace = true\ntokio = \"1\"\n", &[]);
    }

    #[test]
    fn protocols_know_neither_each_other_nor_the_store_nor_the_binary() {
        for other in ["imap", "pop3", "store", "posthouse", "senderauth"] {
            let line = format!("[dependencies]\n{other} = {{ path = \"../{other}\" }}\n");
            expect_for(
                "smtp",
                &line,
                &[&format!("crates/smtp/Cargo.toml:4: `smtp` may not know our crate `{other}`")],
            );
        }
        let line = "[dev-dependencies]\nstore.workspace = true\n";
        expect_for("smtp", line, &["crates/smtp/Cargo.toml:4: `smtp` may not know our crate `store`"]);
    }

    #[test]
    fn a_runtime_is_found_in_every_section_and_under_every_name() {
        let what = "`imap` may not use the package `tokio`";
        for (text, line) in [
            ("[dependencies]\ntokio = \"1\"\n", 4),
            ("[build-dependencies]\ntokio = \"1\"\n", 4),
            ("[dev-dependencies]\ntokio = \"1\"\n", 4),
            ("[dependencies]\nrt = { package = \"tokio\", version = \"1\" }\n", 4),
            ("[target.'cfg(unix)'.dependencies]\ntokio = \"1\"\n", 4),
            ("[dependencies.tokio]\nversion = \"1\"\n", 3),
        ] {
            expect_for("imap", text, &[&format!("crates/imap/Cargo.toml:{line}: {what}")]);
        }
    }

    #[test]
    fn each_row_is_kept() {
        let memchr = "[dependencies]\nregex = \"1\"\n";
        expect_for("wire", memchr, &["crates/wire/Cargo.toml:4: `wire` may not use the package `regex`"]);
        let sql = "[dependencies]\nrusqlite = \"1\"\n";
        expect_for(
            "posthouse",
            sql,
            &["crates/posthouse/Cargo.toml:4: `posthouse` may not use the package `rusqlite`"],
        );
        expect_for(
            "store",
            "[dependencies]\nsmtp = \"1\"\n",
            &["crates/store/Cargo.toml:4: `store` may not know"],
        );
        let tool = "[dependencies]\ntranscript = \"1\"\n";
        expect_for("pop3", tool, &["crates/pop3/Cargo.toml:4: `transcript` is a tool for tests"]);
    }

    #[test]
    fn a_crate_without_a_row_fails() {
        expect_for("gopher", "", &["crates/gopher/Cargo.toml:1: `gopher` has no row in LAYERS"]);
    }

    #[test]
    fn a_manifest_that_is_none_fails() {
        expect(check, &[("crates/wire/Cargo.toml", "[")], &["crates/wire/Cargo.toml:1: "]);
    }

    #[test]
    fn a_runtime_behind_another_package_is_found() {
        let lock = "[[package]]\nname = \"dns\"\ndependencies = [\"domain 0.12.0\"]\n\
                    [[package]]\nname = \"domain\"\ndependencies = [\"bytes\", \"tokio\"]\n[[package]]\nname = \"bytes\"\n";
        let files = [("crates/dns/Cargo.toml", "[package]\nname = \"dns\"\n"), ("Cargo.lock", lock)];
        expect(check, &files, &["crates/dns/Cargo.toml:1: `dns` reaches a runtime: dns > domain > tokio"]);
    }
}
