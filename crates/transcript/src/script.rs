//! The form of a script.

use std::collections::BTreeMap;
use std::time::Duration;

/// One step of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `C: text`: the client sends the text and CRLF. `C* text`: without CRLF. In the text `\r`,
    /// `\n`, `\0`, `\t`, `\\` and `\x4f` are bytes, and `\{512*x}` is 512 times `x`.
    Send(Vec<u8>),
    /// `S: text`: the server's next line is the text; `…` stands for any run of characters.
    Expect(String),
    /// `S! closed`: the server has said all and closed the connection.
    ExpectClosed,
    /// `T: +300s` or `T: +20ms`: this much time passes.
    Wait(Duration),
    /// `TLS`: client and server shake hands.
    StartTls,
    /// `E: text`: something happens outside, in words that the test's world knows.
    Event(String),
}

/// A dialogue, with the line number of each step.
///
/// Lines that begin with `#` say why the next steps must be so, citing the RFC section. Lines that
/// begin with `@` set the stage: `@ tls on` is a setting that the test reads from `settings`.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Where it stands, for messages.
    pub name: String,
    /// What the `@` lines say.
    pub settings: BTreeMap<String, String>,
    /// The steps in order.
    pub steps: Vec<(usize, Step)>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Panics
    /// Where a line has no known form: a script is part of the test.
    pub fn parse(name: &str, text: &str) -> Script {
        let mut script = Script { name: name.to_string(), ..Script::default() };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(setting) = line.strip_prefix('@') {
                let (key, value) = setting.trim().split_once(' ').unwrap_or((setting.trim(), ""));
                script.settings.insert(key.to_string(), value.trim().to_string());
                continue;
            }
            let step = parse_step(line).unwrap_or_else(|| panic!("{name}:{}: no such step: {line}", at + 1));
            script.steps.push((at + 1, step));
        }
        script
    }

    /// A setting's value, or `default` where the script does not name it.
    pub fn setting<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.settings.get(key).map_or(default, String::as_str)
    }
}

fn parse_step(line: &str) -> Option<Step> {
    if line == "TLS" {
        return Some(Step::StartTls);
    }
    if line == "S! closed" {
        return Some(Step::ExpectClosed);
    }
    let (mark, text) = line.split_at_checked(2)?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    Some(match mark {
        "C:" => Step::Send([unescape(text)?, b"\r\n".to_vec()].concat()),
        "C*" => Step::Send(unescape(text)?),
        "S:" => Step::Expect(text.to_string()),
        "T:" => Step::Wait(parse_time(text)?),
        "E:" => Step::Event(text.to_string()),
        _ => return None,
    })
}

fn parse_time(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+')?;
    match text.strip_suffix("ms") {
        Some(ms) => ms.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + escape.len_utf8()..];
        match escape {
            'r' => bytes.push(b'\r'),
            'n' => bytes.push(b'\n'),
            '0' => bytes.push(0),
            't' => bytes.push(b'\t'),
            '\\' => bytes.push(b'\\'),
            'x' => {
                bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
                rest = &rest[2..];
            }
            '{' => {
                let (times, what) = rest[..rest.find('}')?].split_once('*')?;
                bytes.extend(what.as_bytes().repeat(times.parse().ok()?));
                rest = &rest[rest.find('}')? + 1..];
            }
            _ => return None,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_line_is_read() {
        let text = "# RFC 5321 §4.1.1.1\n@ tls on\n\nC: a\\x00\\r\\{3*xy}\\\\\nC* b\nS: 250 …\nS! closed\nT: +5s\nT: +20ms\nTLS\nE: mail for alice\n";
        let script = Script::parse("test", text);
        let steps: Vec<_> = script.steps.into_iter().map(|(_, step)| step).collect();
        let expected = [
            Step::Send(b"a\0\rxyxyxy\\\r\n".to_vec()),
            Step::Send(b"b".to_vec()),
            Step::Expect("250 …".into()),
            Step::ExpectClosed,
            Step::Wait(Duration::from_secs(5)),
            Step::Wait(Duration::from_millis(20)),
            Step::StartTls,
            Step::Event("mail for alice".into()),
        ];
        assert_eq!(steps, expected);
        assert_eq!(script.settings["tls"], "on");
    }

    #[test]
    #[should_panic(expected = "test:1: no such step")]
    fn an_unknown_line_is_a_fault_of_the_test() {
        Script::parse("test", "X: what");
    }
}
