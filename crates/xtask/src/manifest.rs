//! Dependencies as a Cargo.toml states them.

use toml::{Table, Value};

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Built into the crate, or run while it is built.
    Normal,
    /// For tests, examples and benchmarks.
    Dev,
}

/// One dependency of a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package, whatever name the crate gives it.
    pub package: String,
    /// What it is for.
    pub kind: Kind,
    /// The line of the manifest, from 1.
    pub line: usize,
}

/// The name of the package.
pub fn package_name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// The dependencies in a manifest's text, of every platform. `root` is the workspace's manifest,
/// in which inherited dependencies are looked up.
///
/// # Errors
/// The parser's words, when the text is not TOML.
pub fn dependencies(text: &str, root: &str) -> Result<Vec<Dependency>, String> {
    let manifest: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let root: Table = root.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let shared = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let platforms = manifest.get("target").and_then(Value::as_table);
    let mut scopes = vec![&manifest];
    scopes.extend(platforms.iter().flat_map(|table| table.values()).filter_map(Value::as_table));
    let mut found = Vec::new();
    for scope in scopes {
        for (section, kind) in [
            ("dependencies", Kind::Normal),
            ("build-dependencies", Kind::Normal),
            ("dev-dependencies", Kind::Dev),
        ] {
            let entries = scope.get(section).and_then(Value::as_table);
            for (name, value) in entries.into_iter().flatten() {
                let inherited = shared.and_then(|shared| shared.get(name)).filter(|_| inherits(value));
                let package = inherited.unwrap_or(value).get("package").and_then(Value::as_str);
                let package = package.unwrap_or(name).to_string();
                found.push(Dependency { package, kind, line: line_of_entry(text, section, name) });
            }
        }
    }
    Ok(found)
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The line on which a section's entry begins.
fn line_of_entry(text: &str, section: &str, name: &str) -> usize {
    let entry =
        entries(text).into_iter().find(|entry| entry.section.ends_with(section) && entry.name == name);
    entry.map_or(1, |entry| entry.line)
}

/// Where a dependency is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The header it stands under, without brackets and without its own name.
    pub section: &'a str,
    /// The name that the crate gives it.
    pub name: &'a str,
    /// Its line, from 1.
    pub line: usize,
    /// True if the line above is a comment.
    pub has_comment: bool,
}

/// The dependencies as lines of text, for what the parser does not keep: places and comments.
pub fn entries(text: &str) -> Vec<Entry<'_>> {
    let (mut section, mut depth, mut found, mut above) = ("", 0i32, Vec::new(), "");
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let has_comment = above.starts_with('#');
        let inside = depth > 0;
        above = trimmed;
        if trimmed.starts_with('#') {
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[').filter(|_| !inside) {
            section = header.split(']').next().unwrap_or(header);
            let own = section.rsplit_once('.').filter(|(outer, _)| outer.ends_with("dependencies"));
            found.extend(own.map(|(section, name)| Entry { section, name, line: index + 1, has_comment }));
            continue;
        }
        depth += brackets(trimmed);
        let name = trimmed.split(['=', '.', ' ']).next().unwrap_or("").trim_matches('"');
        if !inside && section.ends_with("dependencies") && !name.is_empty() {
            found.push(Entry { section, name, line: index + 1, has_comment });
        }
    }
    found
}

fn brackets(line: &str) -> i32 {
    line.chars().map(|c| i32::from("[{".contains(c)) - i32::from("]}".contains(c))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_of_every_shape_are_found_under_their_real_names() {
        let root = "[workspace.dependencies]\nshared = { package = \"real-shared\", version = \"1\" }\n";
        let text = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb = { version = \"1\", package = \"real-b\" }\nshared.workspace = true\n\
                    [dependencies.c]\nversion = \"1\"\nfeatures = [\n \"y\",\n]\n[target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n[build-dependencies]\ne = \"1\"\n";
        let mut found: Vec<_> = dependencies(text, root)
            .unwrap()
            .into_iter()
            .map(|dependency| (dependency.package, dependency.kind == Kind::Dev, dependency.line))
            .collect();
        found.sort();
        let expected = [
            ("a", false, 4),
            ("c", false, 7),
            ("d", true, 13),
            ("e", false, 15),
            ("real-b", false, 5),
            ("real-shared", false, 6),
        ];
        assert_eq!(found, expected.map(|(name, dev, line)| (name.to_string(), dev, line)));
    }

    #[test]
    fn what_is_not_toml_is_said() {
        assert!(dependencies("[", "").is_err());
    }
}
