//! What a server says it can do (FEAT, RFC 2389 §3).

use super::digest::{Algorithm, Way};
use super::reply::Reply;

/// The features that change what this client does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// MLST and MLSD (RFC 3659 §7), and whether the facts that are wanted are on.
    pub facts: Option<FactsOffered>,
    /// SIZE (RFC 3659 §4).
    pub size: bool,
    /// MDTM (RFC 3659 §3).
    pub mdtm: bool,
    /// REST STREAM (RFC 3659 §5).
    pub rest: bool,
    /// UTF8 (RFC 2640 §3).
    pub utf8: bool,
    /// MFMT, which sets the time of last change (draft-somers-ftp-mfxx §3).
    pub mfmt: bool,
    /// CLNT, by which a client tells its name.
    pub clnt: bool,
    /// The ways to get a digest, the one to use first.
    pub digests: Vec<Way>,
}

/// What the FEAT line of MLST tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsOffered {
    /// True if a wanted fact exists but is off, so that OPTS MLST is due (RFC 3659 §7.9).
    pub must_choose: bool,
}

/// The facts that a listing here needs.
pub const FACTS_WANTED: [&str; 5] = ["type", "size", "modify", "perm", "unix.mode"];

impl Features {
    /// Reads a 211 reply. A server that has no FEAT has none of these, as far as is known.
    pub fn read(reply: &Reply) -> Features {
        let mut features = Features::default();
        let lines = reply.lines();
        for line in lines.iter().take(lines.len().saturating_sub(1)).skip(1) {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            features.take(&word.to_ascii_uppercase(), rest.trim());
        }
        features.digests.sort();
        features.digests.dedup_by_key(|way| way.verb_and_algorithm());
        features
    }

    fn take(&mut self, word: &str, rest: &str) {
        match word {
            "MLST" => self.facts = Some(FactsOffered { must_choose: must_choose(rest) }),
            "SIZE" => self.size = true,
            "MDTM" => self.mdtm = true,
            "REST" => self.rest |= rest.eq_ignore_ascii_case("STREAM"),
            "UTF8" => self.utf8 = true,
            "MFMT" => self.mfmt = true,
            "CLNT" => self.clnt = true,
            // HASH SHA-256*;SHA-1;MD5: the star marks what is chosen (draft-bryan-ftpext-hash §3.3).
            "HASH" => {
                for name in rest.split(';').map(str::trim) {
                    let (name, chosen) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
                    self.digests
                        .extend(Algorithm::named(name).map(|algorithm| Way::Hash { algorithm, chosen }));
                }
            }
            word => self.digests.extend(Way::from_verb(word)),
        }
    }
}

/// `size*;modify*;type;`: the star marks what is on.
fn must_choose(facts: &str) -> bool {
    facts
        .split(';')
        .map(str::trim)
        .filter(|fact| !fact.ends_with('*'))
        .any(|fact| FACTS_WANTED.iter().any(|wanted| fact.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reply::reply;

    #[test]
    fn what_servers_say() {
        let text = "211-Features:\r\n AUTH TLS\r\n UTF8\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n MFMT\r\n CLNT\r\n \
                    XMD5\r\n HASH SHA-1;SHA-256*;CRC32;MD5\r\n MLST size*;modify*;type;perm*;\r\n211 End";
        let features = Features::read(&reply(text));
        assert_eq!(
            features,
            Features {
                facts: Some(FactsOffered { must_choose: true }),
                size: true,
                mdtm: true,
                rest: true,
                utf8: true,
                mfmt: true,
                clnt: true,
                digests: vec![
                    Way::Hash { algorithm: Algorithm::Sha256, chosen: true },
                    Way::Hash { algorithm: Algorithm::Sha1, chosen: false },
                    Way::Hash { algorithm: Algorithm::Md5, chosen: false },
                    Way::Verb(Algorithm::Md5),
                    Way::Hash { algorithm: Algorithm::Crc32, chosen: false },
                ],
            }
        );
    }

    #[test]
    fn the_first_and_last_lines_are_no_features() {
        assert_eq!(Features::read(&reply("211 SIZE")), Features::default());
        assert_eq!(Features::read(&reply("211-SIZE\r\n211 MDTM")), Features::default());
        assert!(Features::read(&reply("211-x\r\nsize\r\n211 x")).size, "some servers do not indent");
    }

    #[test]
    fn facts_that_are_on_need_no_choice() {
        let on = Features::read(&reply("211-x\r\n MLST type*;size*;modify*;unix.owner;\r\n211 x"));
        assert_eq!(on.facts, Some(FactsOffered { must_choose: false }));
    }
}
