//! Every script in transcripts/, against a made-up world.

mod post;
mod world;

use std::path::Path;
use transcript::check_folder;

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    check_folder(&folder, post::peer);
}
