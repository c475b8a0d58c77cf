//! Tests do not sleep.

use super::Finding;
use crate::Tree;
use crate::source::{line_of, mask, test_parts, words};
use crate::tree::is_test_file;

pub const WHY: &str = "a test that sleeps is slow on a fast machine and wrong on a slow one: move the clock's \
                       value, or wait for the condition itself in one of the places named in WAITING_PLACES";

/// Where a test may wait, and why it must.
const WAITING_PLACES: &[(&str, &str)] = &[(
    "crates/posthouse/tests/it/wait.rs",
    "real processes have no clock that a test could move: polls a condition up to a deadline",
)];

/// The crate that runs tests is one.
const TEST_CRATE: &str = "crates/transcript/";

/// Ways to let time pass.
const SLEEPS: &[&str] = &["sleep", "sleep_ms", "sleep_until", "park_timeout"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rust = tree.rust("").filter(|(path, _)| WAITING_PLACES.iter().all(|(place, _)| place != path));
    for (path, text) in rust {
        let code = mask(text);
        let parts =
            if is_all_tests(path) { std::iter::once(0..code.len()).collect() } else { test_parts(&code) };
        for part in parts {
            for at in SLEEPS.iter().flat_map(|sleep| words(&code[part.clone()], sleep)) {
                findings.push(Finding::new(path, line_of(&code, part.start + at), "a test sleeps"));
            }
        }
    }
    findings
}

fn is_all_tests(path: &str) -> bool {
    is_test_file(path) || path.starts_with(TEST_CRATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::expect;

    #[test]
    fn the_product_may_sleep_and_so_may_the_named_place() {
        expect(
            check,
            &[
                (
                    "crates/posthouse/src/a.rs",
                    "async fn f() { sleep(x).await }\n#[cfg(test)]\nmod tests { fn asleep() {} }",
                ),
                ("crates/posthouse/tests/it/wait.rs", "fn wait() { thread::sleep(x) }"),
                ("crates/store/tests/a.rs", "// sleep\nfn f() { g(\"sleep\") }"),
            ],
            &[],
        );
    }

    #[test]
    fn tests_may_not() {
        for nap in ["thread::sleep(x)", "tokio::time::sleep(x).await", "sleep_until(x).await"] {
            let inside = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n fn g() {{ {nap} }}\n}}");
            expect(check, &[("crates/store/src/a.rs", &inside)], &["crates/store/src/a.rs:4: a test sleeps"]);
            expect(
                check,
                &[("crates/posthouse/tests/it/a.rs", nap)],
                &["crates/posthouse/tests/it/a.rs:1: "],
            );
            expect(
                check,
                &[("crates/posthouse/src/a/tests.rs", nap)],
                &["crates/posthouse/src/a/tests.rs:1: "],
            );
            expect(check, &[("crates/transcript/src/lib.rs", nap)], &["crates/transcript/src/lib.rs:1: "]);
        }
    }
}
