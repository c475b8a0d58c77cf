//! The scripted dialogues, against a made-up world: `example.org` with alice and bob.

mod world;

use std::path::Path;
use transcript::{Script, check_folder};

#[test]
fn every_dialogue_goes_as_scripted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    check_folder(&folder, |script: &Script| Box::new(world::peer(script)));
}
