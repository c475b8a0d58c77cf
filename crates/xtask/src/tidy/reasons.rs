//! Every dependency says why it is there.

use super::Finding;
use crate::Tree;
use crate::manifest;

pub const WHY: &str =
    "a dependency is code that we answer for: the comment above it says what it is needed for";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests =
        tree.files.iter().filter(|(path, _)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml"));
    manifests
        .flat_map(|(path, text)| {
            let silent = manifest::entries(text).into_iter().filter(|entry| !entry.has_comment);
            silent.map(move |entry| {
                Finding::new(path, entry.line, format!("`{}` has no comment above it", entry.name))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn reasons_pass() {
        let text = "[package]\nname = \"x\"\n[dependencies]\n# Why.\na = \"1\"\n\n# Why,\n# at length.\nb = { version = \"1\", features = [\n  \"y\",\n] }\n\
                    # Why.\nc.workspace = true\n# Why.\n[dependencies.d]\nversion = \"1\"\n[features]\nz = []\n";
        expect(check, &[("crates/x/Cargo.toml", text)], &[]);
    }

    #[test]
    fn silence_is_found_in_every_section() {
        for section in [
            "dependencies",
            "dev-dependencies",
            "build-dependencies",
            "workspace.dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let text = format!("[{section}]\n# Why.\na = \"1\"\nb = \"1\"\n");
            expect(check, &[("Cargo.toml", &text)], &["Cargo.toml:4: `b` has no comment above it"]);
        }
        expect(
            check,
            &[("fuzz/Cargo.toml", "[dependencies.d]\nversion = \"1\"\n")],
            &["fuzz/Cargo.toml:1: `d` has no"],
        );
    }
}
