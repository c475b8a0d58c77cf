//! Licences of what the workspace is built from.

use toml::{Table, Value};

use super::Finding;
use crate::Tree;
use crate::metadata::Package;

pub const WHY: &str =
    "who runs or ships posthouse owes nobody more than what the licences allowed in deny.toml ask";

const PATH: &str = "deny.toml";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let packages = match &tree.packages {
        Ok(packages) => packages,
        Err(error) => {
            let what = format!(
                "the licences are unknown, cargo metadata failed (after `cargo fetch` it may not): {error}"
            );
            return vec![Finding::new("Cargo.lock", 1, what)];
        }
    };
    let policy = Policy::read(tree.text(PATH));
    let line =
        tree.text(PATH).lines().position(|line| line.starts_with("[licenses]")).map_or(1, |index| index + 1);
    packages.iter().filter_map(|package| Some(Finding::new(PATH, line, policy.judge(package)?))).collect()
}

/// The part of deny.toml that speaks of licences.
#[derive(Default)]
struct Policy {
    allowed: Vec<String>,
    /// Packages whose manifest does not say it as an expression, and the expression.
    clarified: Vec<(String, String)>,
}

impl Policy {
    fn read(deny: &str) -> Policy {
        let deny: Table = deny.parse().unwrap_or_default();
        let Some(licences) = deny.get("licenses") else { return Policy::default() };
        let list = |key: &str| licences.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let allowed = list("allow").iter().filter_map(Value::as_str).map(str::to_string).collect();
        let clarified = list("clarify").iter().filter_map(clarification).collect();
        Policy { allowed, clarified }
    }

    /// What is wrong with the licence of a package.
    fn judge(&self, package: &Package) -> Option<String> {
        let (name, version) = (&package.name, &package.version);
        let clarified = self.clarified.iter().find(|(other, _)| other == name).map(|(_, text)| text);
        let Some(expression) = clarified.or(package.licence.as_ref()) else {
            return Some(format!("`{name}` {version} does not say its licence as an expression"));
        };
        match Expression::satisfied(expression, &self.allowed) {
            Some(true) => None,
            Some(false) => Some(format!("`{name}` {version} is under {expression}, which is not allowed")),
            None => Some(format!("`{name}` {version}: `{expression}` is no licence expression")),
        }
    }
}

fn clarification(entry: &Value) -> Option<(String, String)> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_string);
    Some((text("crate")?, text("expression")?))
}

/// A licence expression (SPDX 2.3, annex D) as it is read: `OR` binds less than `AND`.
struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [String],
}

impl Expression<'_> {
    /// True if the allowed licences suffice; `None` if the text is no expression. The old `A/B`
    /// is read as `A OR B`.
    fn satisfied(text: &str, allowed: &[String]) -> Option<bool> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut expression = Expression { words: spaced.split_whitespace().collect(), at: 0, allowed };
        let result = expression.any()?;
        (expression.at == expression.words.len()).then_some(result)
    }

    fn any(&mut self) -> Option<bool> {
        let mut result = self.all()?;
        while self.takes("OR") {
            result |= self.all()?;
        }
        Some(result)
    }

    fn all(&mut self) -> Option<bool> {
        let mut result = self.one()?;
        while self.takes("AND") {
            result &= self.one()?;
        }
        Some(result)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let result = self.any()?;
            return self.takes(")").then_some(result);
        }
        let mut licence = self.word()?.to_string();
        if self.takes("WITH") {
            licence = format!("{licence} WITH {}", self.word()?);
        }
        Some(self.allowed.contains(&licence))
    }

    fn takes(&mut self, word: &str) -> bool {
        let taken = self.words.get(self.at) == Some(&word);
        self.at += usize::from(taken);
        taken
    }

    /// The name of a licence.
    fn word(&mut self) -> Option<&str> {
        let word = self.words.get(self.at).filter(|word| !["OR", "AND", "WITH", "(", ")"].contains(*word))?;
        self.at += 1;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect_of;

    const DENY: &str = "[licenses]\nallow = [\"MIT\", \"ISC\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\"]\n\
                        [[licenses.clarify]]\ncrate = \"odd\"\nexpression = \"ISC\"\n";

    fn expect_for(name: &str, licence: Option<&str>, expected: &[&str]) {
        let package =
            Package { name: name.into(), version: "1.0.0".into(), licence: licence.map(str::to_string) };
        expect_of(check, &Tree { packages: Ok(vec![package]), ..Tree::of(&[(PATH, DENY)]) }, expected);
    }

    #[test]
    fn allowed_licences_pass() {
        for licence in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/GPL-3.0",
            "(MIT OR GPL-3.0) AND ISC",
            "GPL-3.0 AND ISC OR MIT",
            "GPL-3.0 OR Apache-2.0 WITH LLVM-exception",
        ] {
            expect_for("a", Some(licence), &[]);
        }
        expect_for("odd", None, &[]);
    }

    #[test]
    fn others_are_found() {
        for licence in
            ["AGPL-3.0", "MIT AND GPL-3.0", "MIT WITH Some-exception", "(MIT AND GPL-3.0) OR AGPL-3.0"]
        {
            expect_for(
                "a",
                Some(licence),
                &[&format!("deny.toml:1: `a` 1.0.0 is under {licence}, which is not allowed")],
            );
        }
        for licence in ["", "MIT OR", "(MIT", "MIT ISC", "AND"] {
            expect_for(
                "a",
                Some(licence),
                &[&format!("deny.toml:1: `a` 1.0.0: `{licence}` is no licence expression")],
            );
        }
        expect_for("a", None, &["deny.toml:1: `a` 1.0.0 does not say its licence"]);
    }

    #[test]
    fn silence_of_cargo_is_found() {
        let tree = Tree { packages: Err("no network".into()), ..Tree::of(&[(PATH, DENY)]) };
        expect_of(check, &tree, &["Cargo.lock:1: the licences are unknown"]);
    }
}
