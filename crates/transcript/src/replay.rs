//! Playing a script against a server, whichever way it is reached.

use crate::{Script, Step};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The server's side of a dialogue as the client of a script sees it.
pub trait Peer {
    /// Sends bytes as one piece.
    fn send(&mut self, bytes: &[u8]);
    /// The next line without its CRLF; `None` when none comes (or, over a socket, none in time).
    fn receive_line(&mut self) -> Option<Vec<u8>>;
    /// True once the server has closed and all its lines were received.
    fn is_closed(&mut self) -> bool;
    /// Lets time pass.
    fn advance(&mut self, time: Duration);
    /// Shakes hands.
    fn start_tls(&mut self);
    /// Makes something happen outside.
    fn event(&mut self, event: &str);
}

/// Where the client's lines are cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Each line is one piece.
    Nowhere,
    /// Each line is cut in two after this many bytes, if it is longer.
    After(usize),
    /// Every byte is a piece.
    Everywhere,
}

/// The server did not answer as the script says.
#[derive(Debug)]
pub struct Mismatch {
    /// `file:line` of the step.
    pub at: String,
    /// What the script says.
    pub expected: String,
    /// What came instead.
    pub got: String,
    /// How the client's lines were cut.
    pub cut: Cut,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (cut {:?})\n  expected: {}\n  got:      {}", self.at, self.cut, self.expected, self.got)
    }
}

/// Plays a script.
///
/// # Errors
/// The first step that the server answered otherwise.
pub fn replay(script: &Script, peer: &mut dyn Peer, cut: Cut) -> Result<(), Mismatch> {
    for (line, step) in &script.steps {
        let fail = |expected: &str, got: String| Mismatch {
            at: format!("{}:{line}", script.name),
            expected: expected.to_string(),
            got,
            cut,
        };
        match step {
            Step::Send(bytes) => send_cut(peer, bytes, cut),
            Step::Expect(pattern) => match peer.receive_line() {
                Some(got) if matches(pattern, &String::from_utf8_lossy(&got)) => {}
                Some(got) => {
                    return Err(fail(pattern, String::from_utf8_lossy(&got).escape_debug().to_string()));
                }
                None => return Err(fail(pattern, "nothing".to_string())),
            },
            Step::ExpectClosed => {
                if let Some(got) = peer.receive_line() {
                    return Err(fail("closed", String::from_utf8_lossy(&got).into_owned()));
                }
                if !peer.is_closed() {
                    return Err(fail("closed", "an open connection".to_string()));
                }
            }
            Step::Wait(time) => peer.advance(*time),
            Step::StartTls => peer.start_tls(),
            Step::Event(event) => peer.event(event),
        }
    }
    Ok(())
}

fn send_cut(peer: &mut dyn Peer, bytes: &[u8], cut: Cut) {
    match cut {
        Cut::After(at) if at < bytes.len() => {
            peer.send(&bytes[..at]);
            peer.send(&bytes[at..]);
        }
        Cut::Everywhere => bytes.chunks(1).for_each(|byte| peer.send(byte)),
        _ => peer.send(bytes),
    }
}

/// Whether `text` is `pattern`, in which each `…` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Plays every `.txt` script of a folder with fresh peers: whole, byte by byte, and with every
/// line cut at every place up to its length (for lines over 200 bytes at the first and last 100).
///
/// # Panics
/// With all mismatches, if there are any, or if the folder holds no script.
pub fn check_folder(folder: &Path, mut make: impl FnMut(&Script) -> Box<dyn Peer>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no script", folder.display());
    let mut failures = Vec::new();
    for path in paths {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let script = Script::parse(&path.file_name().unwrap_or_default().to_string_lossy(), &text);
        failures.extend(cuts(&script).into_iter().find_map(|cut| {
            let mut peer = make(&script);
            replay(&script, peer.as_mut(), cut).err().or_else(|| leftover(&script, peer.as_mut(), cut))
        }));
    }
    let report: Vec<String> = failures.iter().map(Mismatch::to_string).collect();
    assert!(report.is_empty(), "{}", report.join("\n"));
}

fn leftover(script: &Script, peer: &mut dyn Peer, cut: Cut) -> Option<Mismatch> {
    let got = String::from_utf8_lossy(&peer.receive_line()?).into_owned();
    Some(Mismatch {
        at: format!("{}: after the end", script.name),
        expected: "nothing more".into(),
        got,
        cut,
    })
}

fn cuts(script: &Script) -> Vec<Cut> {
    let longest =
        script.steps.iter().map(|(_, step)| if let Step::Send(bytes) = step { bytes.len() } else { 0 });
    let longest = longest.max().unwrap_or(0);
    let places = (1..longest).filter(|at| *at < 100 || longest - at < 100);
    [Cut::Nowhere, Cut::Everywhere].into_iter().chain(places.map(Cut::After)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipsis_stands_for_any_run() {
        for (pattern, text, expected) in [
            ("250 ok", "250 ok", true),
            ("250 ok", "250 ok ", false),
            ("250 …", "250 ok", true),
            ("250 …", "251 ok", false),
            ("250 … id …", "250 2.0.0 id 7", true),
            ("250 … id …!", "250 2.0.0 id 7", false),
            ("…", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }
}
