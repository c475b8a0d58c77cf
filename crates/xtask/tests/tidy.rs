//! The rules hold for the repository itself.

use std::path::Path;

use xtask::{Tree, tidy};

#[test]
fn the_repository_is_tidy() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let tree = Tree::load(root).expect("the repository can be read");
    let broken = tidy::run(&tree);
    assert!(broken.is_empty(), "\n{}", tidy::report(&broken));
}
