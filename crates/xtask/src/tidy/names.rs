//! Names that say nothing, and folders that are called other than their package.

use std::collections::BTreeSet;

use toml::Table;

use super::Finding;
use crate::Tree;
use crate::manifest;
use crate::source::{line_of, mask, words};

pub const WHY: &str = "a name says what lives there, and a package is found in the folder of its name";

/// Names under which anything would fit.
const EMPTY_NAMES: &[&str] = &["common", "core", "util", "utils", "helper", "helpers", "misc"];

/// Folders whose contents are named by us.
const ROOTS: &[&str] = &["crates/", "fuzz/", "scripts/", "web/"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = empty_parts(tree).into_iter().collect();
    for (path, text) in tree.rust("") {
        let code = mask(text);
        findings.extend(words(&code, "mod").filter_map(|at| {
            let name = code[at + 3..].trim_start();
            let name = name.strip_prefix("r#").unwrap_or(name);
            let name = &name[..name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len())];
            EMPTY_NAMES.contains(&name).then(|| Finding::new(path, line_of(&code, at), said(name)))
        }));
    }
    for folder in tree.crates() {
        let path = format!("crates/{folder}/Cargo.toml");
        let text = tree.text(&path);
        let manifest: Table = text.parse().unwrap_or_default();
        let name = manifest::package_name(&manifest).unwrap_or("");
        if name != folder {
            let line =
                text.lines().position(|line| line.trim().starts_with("name")).map_or(1, |index| index + 1);
            findings.push(Finding::new(
                path,
                line,
                format!("package `{name}` stands in the folder `{folder}`"),
            ));
        }
    }
    findings
}

/// Folders and files with such a name, each once, on the first line of the first file in them.
fn empty_parts(tree: &Tree) -> Vec<Finding> {
    let (mut seen, mut findings) = (BTreeSet::new(), Vec::new());
    for path in tree.files.keys().filter(|path| ROOTS.iter().any(|root| path.starts_with(root))) {
        let mut end = 0;
        for part in path.split('/') {
            end += part.len() + 1;
            let name = part.split('.').next().unwrap_or(part);
            let place = &path[..end - 1];
            if EMPTY_NAMES.contains(&name) && seen.insert(place.to_string()) {
                findings.push(Finding::new(path, 1, said(name)));
            }
        }
    }
    findings
}

fn said(name: &str) -> String {
    format!("`{name}` says nothing of what is in it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn names_that_speak_pass() {
        let manifest = ("crates/wire/Cargo.toml", "[package]\nname = \"wire\"\n");
        expect(check, &[manifest, ("crates/wire/src/commons.rs", "mod corelation; // mod core\n")], &[]);
    }

    #[test]
    fn empty_names_are_found_in_folders_files_and_modules() {
        for name in EMPTY_NAMES {
            let what = format!("`{name}` says nothing");
            for path in [
                format!("crates/{name}/src/a.rs"),
                format!("crates/a/src/{name}.rs"),
                format!("web/{name}.js"),
            ] {
                expect(check, &[(&path, "")], &[&format!("{path}:1: {what}")]);
            }
            let text = format!("\npub mod {name} {{}}");
            expect(check, &[("crates/a/src/lib.rs", &text)], &[&format!("crates/a/src/lib.rs:2: {what}")]);
        }
        expect(
            check,
            &[("crates/a/tests/common/mod.rs", ""), ("crates/a/tests/common/b.rs", "")],
            &["crates/a/tests/common/b.rs:1"],
        );
    }

    #[test]
    fn a_package_in_a_folder_of_another_name_is_found() {
        let manifest = ("crates/wire/Cargo.toml", "[package]\nname = \"posthouse-wire\"\n");
        expect(
            check,
            &[manifest],
            &["crates/wire/Cargo.toml:2: package `posthouse-wire` stands in the folder `wire`"],
        );
    }
}
