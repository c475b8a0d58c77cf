//! A made-up world around a session: accounts and a small file area.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

use ftp::listing::{Entry, Kind, Rights};
use ftp::{
    Action, Answer, Ask, FilesAnswer, FilesAsk, FilesError, Haste, LoggedIn, Placing, Profile, Ready, Route,
    Target, Transfer, VirtualPath,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// 2026-11-23 12:00 UTC.
pub const TODAY_MS: i64 = 1_795_435_200_000;

/// A file's size, or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    File { size_bytes: u64, modified_ms: i64, mode: u16 },
    Folder,
}

pub fn file(size_bytes: u64) -> Node {
    Node::File { size_bytes, modified_ms: TODAY_MS, mode: 0o644 }
}

/// Accounts and files. alice has the password secret; camera too, and may log in without TLS.
pub struct Files {
    pub nodes: BTreeMap<VirtualPath, Node>,
    /// What a cut upload left.
    pub parts: BTreeMap<VirtualPath, u64>,
    pub profile: Profile,
    /// The answer to questions about changes and transfers, if it is not to be a good one.
    pub refuse: Option<FilesError>,
    /// Where passive data connections are awaited.
    pub listen_at: Option<SocketAddr>,
    /// There are accounts that may log in without TLS.
    pub devices: bool,
    /// alice may not.
    pub alice_needs_tls: bool,
    /// The transfer that is under way, and whether ABOR came.
    pub transfer: Option<(Transfer, bool)>,
    /// What was asked, in words.
    pub log: Vec<String>,
}

pub fn path(text: &str) -> VirtualPath {
    VirtualPath::root().resolve(text.as_bytes()).unwrap()
}

impl Files {
    pub fn new() -> Files {
        let nodes = [
            ("/", Node::Folder),
            ("/docs", Node::Folder),
            ("/docs/a.txt", file(5)),
            ("/docs/b c.txt", file(7)),
            ("/empty", Node::Folder),
            ("/read.me", file(17)),
        ];
        Files {
            nodes: nodes.into_iter().map(|(name, node)| (path(name), node)).collect(),
            parts: BTreeMap::new(),
            profile: Profile::default(),
            refuse: None,
            listen_at: Some("192.0.2.9:50000".parse().unwrap()),
            devices: true,
            alice_needs_tls: false,
            transfer: None,
            log: Vec::new(),
        }
    }

    /// Answers all but StartTls.
    pub fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Flush | Ask::LogOut => Answer::Done,
            Ask::Called { .. } => {
                self.log.push(format!("{ask:?}"));
                Answer::Done
            }
            Ask::Abort => {
                if let Some((_, aborted)) = &mut self.transfer {
                    *aborted = true;
                }
                Answer::Done
            }
            Ask::StartTls { .. } => Answer::TlsStarted,
            Ask::Host { host } => Answer::Host(host == "files.example.org" || host == "[::1]"),
            Ask::MayLogInPlain { .. } => Answer::MayLogInPlain(self.devices),
            Ask::LogIn { user, password, tls, .. } => Answer::LoggedIn(match user.as_str() {
                "alice" if !tls && self.alice_needs_tls => LoggedIn::Rejected,
                "offline" => LoggedIn::Unavailable,
                "alice" | "camera" if password.same(b"secret") => LoggedIn::Accepted(self.profile.clone()),
                _ => LoggedIn::Rejected,
            }),
            Ask::Listen(_, haste) => {
                if haste == Haste::HeldBack {
                    self.log.push("the reply waits".to_owned());
                }
                Answer::Listening(self.listen_at)
            }
            Ask::Files(ask) => {
                self.log.push(format!("{ask:?}"));
                Answer::Files(self.files(ask))
            }
            Ask::Transfer(transfer) => {
                let ready = self.ready(&transfer);
                if ready.is_ok() {
                    self.log.push(format!("{transfer:?}"));
                    self.transfer = Some((*transfer, false));
                }
                Answer::Transfer(ready)
            }
        }
    }

    fn node(&self, path: &VirtualPath) -> Result<Node, FilesError> {
        self.nodes.get(path).copied().ok_or(FilesError::NotFound)
    }

    fn entry(path: &VirtualPath, node: Node) -> Entry {
        let rights = Rights { read: true, write: true, remove: !path.is_root() };
        let (kind, size_bytes, modified_ms, mode) = match node {
            Node::File { size_bytes, modified_ms, mode } => (Kind::File, size_bytes, modified_ms, mode),
            Node::Folder => (Kind::Folder, 0, TODAY_MS, 0o755),
        };
        Entry { kind, size_bytes, modified_ms, mode, rights, unique: 1 }
    }

    /// Whether something can be put at that path.
    fn has_parent(&self, path: &VirtualPath) -> Result<(), FilesError> {
        match self.node(&path.parent())? {
            Node::Folder => Ok(()),
            Node::File { .. } => Err(FilesError::NotAFolder),
        }
    }

    fn files(&mut self, ask: FilesAsk) -> Result<FilesAnswer, FilesError> {
        if let (Some(error), false) = (self.refuse, matches!(ask, FilesAsk::Look { .. } | FilesAsk::Enter(_)))
        {
            return Err(error);
        }
        match ask {
            FilesAsk::Enter(path) => match self.node(&path)? {
                Node::Folder => Ok(FilesAnswer::Done),
                Node::File { .. } => Err(FilesError::NotAFolder),
            },
            FilesAsk::Look { path, parts } => match (self.node(&path), self.parts.get(&path)) {
                (node, Some(&size_bytes)) if parts && node != Ok(Node::Folder) => {
                    Ok(FilesAnswer::Part { size_bytes, replaces: node.is_ok() })
                }
                (node, _) => Ok(FilesAnswer::Entry(Files::entry(&path, node?))),
            },
            FilesAsk::List { what, entries_max } => self.list(&what, entries_max),
            FilesAsk::Digest { path, range, .. } => match self.node(&path)? {
                Node::File { size_bytes, .. } => {
                    let end = range.end.unwrap_or(size_bytes).min(size_bytes);
                    Ok(FilesAnswer::Digest { digest: vec![0xab; 4], start: range.start, end })
                }
                Node::Folder => Err(FilesError::NotAFile),
            },
            FilesAsk::Room(path) => self.node(&path).map(|_| FilesAnswer::Room(1_000_000)),
            FilesAsk::Fits { size_bytes, .. } if size_bytes > 1_000_000 => Err(FilesError::OverQuota),
            FilesAsk::Fits { .. } => Ok(FilesAnswer::Done),
            FilesAsk::Quota => Ok(FilesAnswer::Quota { used_bytes: 29, limit_bytes: Some(1_000_029) }),
            change => self.change(change).map(|()| FilesAnswer::Done),
        }
    }

    fn list(&self, what: &Target, entries_max: usize) -> Result<FilesAnswer, FilesError> {
        let folder = match what {
            Target::Path(path) => path,
            Target::Matching { folder, .. } => folder,
        };
        let shown = |path: &VirtualPath| match what {
            Target::Path(_) => true,
            Target::Matching { pattern, .. } => pattern.matches(path.name().unwrap()),
        };
        let mut entries: Vec<_> = match self.node(folder)? {
            Node::Folder => self
                .nodes
                .iter()
                .filter(|(path, _)| !path.is_root() && path.parent() == *folder && shown(path))
                .map(|(path, node)| (path.name().unwrap().to_string(), Files::entry(path, *node)))
                .collect(),
            node => vec![(folder.name().unwrap().to_string(), Files::entry(folder, node))],
        };
        let more = entries.len() > entries_max;
        entries.truncate(entries_max);
        Ok(FilesAnswer::Entries { entries, more, today_ms: TODAY_MS })
    }

    fn change(&mut self, ask: FilesAsk) -> Result<(), FilesError> {
        match ask {
            FilesAsk::MakeFolder(path) => {
                self.has_parent(&path)?;
                if self.nodes.contains_key(&path) {
                    return Err(FilesError::Exists);
                }
                self.nodes.insert(path, Node::Folder);
            }
            FilesAsk::RemoveFolder(path) => {
                if self.node(&path)? != Node::Folder {
                    return Err(FilesError::NotAFolder);
                }
                if self.nodes.keys().any(|other| other.parent() == path && !other.is_root()) {
                    return Err(FilesError::NotEmpty);
                }
                self.nodes.remove(&path);
            }
            FilesAsk::RemoveFile(path) => {
                if self.node(&path)? == Node::Folder {
                    return Err(FilesError::NotAFile);
                }
                self.nodes.remove(&path);
            }
            FilesAsk::Rename { from, to } => self.rename(&from, to)?,
            FilesAsk::SetModified { path, modified_ms: new } => match self.nodes.get_mut(&path) {
                Some(Node::File { modified_ms, .. }) => *modified_ms = new,
                Some(Node::Folder) => {}
                None => return Err(FilesError::NotFound),
            },
            FilesAsk::SetMode { path, mode: new } => match self.nodes.get_mut(&path) {
                Some(Node::File { mode, .. }) => *mode = new,
                Some(Node::Folder) => {}
                None => return Err(FilesError::NotFound),
            },
            other => panic!("no change: {other:?}"),
        }
        Ok(())
    }

    fn rename(&mut self, from: &VirtualPath, to: VirtualPath) -> Result<(), FilesError> {
        let node = self.node(from)?;
        self.has_parent(&to)?;
        if node == Node::Folder && self.nodes.keys().any(|path| path.parent() == *from) {
            // Enough for a test: only empty folders move.
            return Err(FilesError::NotEmpty);
        }
        if self.nodes.get(&to) == Some(&Node::Folder) {
            return Err(FilesError::Exists);
        }
        self.nodes.remove(from);
        self.nodes.insert(to, node);
        Ok(())
    }

    fn ready(&self, transfer: &Transfer) -> Result<Ready, FilesError> {
        if let Some(error) = self.refuse {
            return Err(error);
        }
        if let Route::Active(to) = transfer.data.route {
            assert!(to.port() >= 1024, "{to}");
        }
        match &transfer.action {
            Action::Retrieve { path, offset, .. } => match self.node(path)? {
                Node::File { size_bytes, .. } if *offset > size_bytes => Err(FilesError::BehindEnd),
                Node::File { size_bytes, .. } => Ok(Ready { size_bytes: Some(size_bytes), name: None }),
                Node::Folder => Err(FilesError::NotAFile),
            },
            Action::Store { placing, make_parents, .. } => self.placed(placing, *make_parents),
            Action::List { what, format } => {
                let facts = matches!(format, ftp::listing::Format::Facts(_));
                match what {
                    Target::Path(path) if facts && self.node(path)? != Node::Folder => {
                        Err(FilesError::NotAFolder)
                    }
                    _ => self.list(what, usize::MAX).map(|_| Ready::default()),
                }
            }
        }
    }

    fn placed(&self, placing: &Placing, make_parents: bool) -> Result<Ready, FilesError> {
        let (path, offset) = match placing {
            Placing::Unique { folder, hint } => {
                self.node(folder)?;
                let name = format!("{}.1", hint.as_deref().unwrap_or("upload"));
                return Ok(Ready { size_bytes: None, name: Some(name) });
            }
            Placing::Whole(path) | Placing::Append { path, .. } => (path, 0),
            Placing::At { path, offset, .. } => (path, *offset),
        };
        if !make_parents {
            self.has_parent(path)?;
        }
        match (self.nodes.get(path), self.parts.get(path)) {
            (Some(Node::Folder), _) => Err(FilesError::NotAFile),
            (_, Some(part)) if offset > *part => Err(FilesError::PartKept(*part)),
            (Some(Node::File { size_bytes, .. }), None) if offset > *size_bytes => Err(FilesError::BehindEnd),
            (None, None) if offset > 0 => Err(FilesError::BehindEnd),
            _ => Ok(Ready::default()),
        }
    }
}
