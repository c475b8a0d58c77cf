//! Packages that are not to be used, directly or through others.

use toml::{Table, Value};

use super::Finding;
use crate::Tree;

pub const WHY: &str = "what deny.toml bans is not in Cargo.lock; the reason for each stands beside it there";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let banned = banned(tree.text("deny.toml"));
    let mut findings = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.rsplit('/').next() == Some("Cargo.lock")) {
        for (index, line) in text.lines().enumerate() {
            let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
            if name.is_some_and(|name| banned.iter().any(|banned| banned == name)) {
                findings.push(Finding::new(path, index + 1, format!("{line} is banned")));
            }
        }
    }
    findings
}

/// The names under `[bans] deny`. Those with `wrappers` may be used by some; cargo-deny checks them.
fn banned(deny: &str) -> Vec<String> {
    let deny: Table = deny.parse().unwrap_or_default();
    let list = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let entries = list.into_iter().flatten().filter(|entry| entry.get("wrappers").is_none());
    let names = entries.filter_map(|entry| entry.get("crate").unwrap_or(entry).as_str());
    names.filter_map(|name| name.split('@').next()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    const DENY: (&str, &str) = (
        "deny.toml",
        "[bans]\ndeny = [{ crate = \"openssl\", reason = \"x\" }, \"viaspf\", { crate = \"tokio\", wrappers = [\"posthouse\"] }]\n",
    );

    #[test]
    fn what_is_not_banned_passes() {
        expect(
            check,
            &[DENY, ("Cargo.lock", "[[package]]\nname = \"tokio\"\n[[package]]\nname = \"openssl-probe\"\n")],
            &[],
        );
    }

    #[test]
    fn what_is_banned_is_found() {
        for name in ["openssl", "viaspf"] {
            let lock = format!("[[package]]\nname = \"{name}\"\n");
            expect(
                check,
                &[DENY, ("Cargo.lock", &lock)],
                &[&format!("Cargo.lock:2: name = \"{name}\" is banned")],
            );
        }
    }
}
