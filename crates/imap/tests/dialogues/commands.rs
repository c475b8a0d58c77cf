//! How the made-up house carries out commands: enough to answer, in the plainest way.

use crate::house::{House, Mail, View, done};
use imap::command::{
    Append, BodyFetch, Command, Copy, Fetch, FetchItem, List, Rfc822, Search, SectionText, Select, Status,
    StatusItem, Store, StoreAction,
};
use imap::date::Date;
use imap::flag::{Flags, Keyword, SystemFlags};
use imap::mailbox::MailboxName;
use imap::response::{self, Attribute, Code, Condition, FetchWriter, ListLine, SearchAnswer};
use imap::search::{Candidate, TextKey, evaluate};
use imap::seqmap::SeqMap;
use imap::set::{NumberSet, SequenceSet};
use imap::{Answer, Enabled, Numbering, Outcome, Run};

type Out<'a> = &'a mut Vec<u8>;

impl House {
    pub fn run(&mut self, run: &Run, out: Out<'_>) -> Answer {
        let (enabled, dialect) = (run.enabled, run.enabled.dialect());
        let answer = match &run.command {
            Command::Noop | Command::Check => done(),
            Command::Namespace => {
                response::namespace(out);
                done()
            }
            Command::Select(select) => self.select(select, enabled, out),
            Command::Create(create) if self.boxes.contains_key(&create.mailbox) => {
                no(Code::AlreadyExists, "Mailbox exists")
            }
            Command::Create(create) => {
                self.create(create.mailbox.clone());
                done()
            }
            Command::Delete(delete) if delete.mailbox.is_inbox() => no(Code::Cannot, "INBOX stays"),
            Command::Delete(delete) => match self.boxes.remove(&delete.mailbox) {
                Some(_) => done(),
                None => no(Code::NonExistent, "No such mailbox"),
            },
            Command::Rename(rename) => match self.boxes.remove(&rename.from) {
                Some(mailbox) => {
                    self.boxes.insert(rename.to.clone(), mailbox);
                    done()
                }
                None => no(Code::NonExistent, "No such mailbox"),
            },
            Command::Subscribe(subscribe) => {
                self.subscribed.insert(subscribe.mailbox.clone());
                done()
            }
            Command::Unsubscribe(unsubscribe) => {
                self.subscribed.remove(&unsubscribe.mailbox);
                done()
            }
            Command::List(list) => self.list(list, enabled, out),
            Command::Lsub(lsub) => {
                for name in self.subscribed.iter().filter(|name| lsub.pattern.matches(name)) {
                    response::lsub(&[], name, dialect, out);
                }
                done()
            }
            Command::Status(status) => self.status(status, enabled, out),
            Command::Append(append) => self.append(append),
            Command::Close | Command::Unselect => {
                if matches!(run.command, Command::Close) {
                    self.expunge(None);
                }
                self.view = None;
                done()
            }
            Command::Expunge(expunge) => {
                self.expunge(expunge.uids.as_ref());
                done()
            }
            Command::Search(search) => self.search(search, run, out),
            Command::Fetch(fetch) => self.fetch(fetch, enabled, out),
            Command::Store(store) => self.store(store, enabled, out),
            Command::Copy(copy) => self.copy(copy, None),
            Command::Move(copy) => self.copy(copy, Some(out)),
        };
        if !matches!(run.command, Command::Fetch(_) | Command::Store(_) | Command::Search(_)) {
            self.report(dialect, out);
        }
        answer
    }

    fn select(&mut self, select: &Select, enabled: Enabled, out: Out<'_>) -> Answer {
        self.view = None;
        let Some(mailbox) = self.boxes.get(&select.mailbox) else {
            return no(Code::NonExistent, "No such mailbox");
        };
        let map: SeqMap = mailbox.mails.keys().copied().collect();
        response::flags(&[Keyword::new("$Junk").expect("a keyword")], out);
        response::exists(map.len(), out);
        response::recent(0, enabled.dialect(), out);
        for code in [
            Code::UidValidity(mailbox.uid_validity),
            Code::UidNext(mailbox.uid_next),
            Code::HighestModSeq(self.modseq),
        ] {
            response::untagged(Condition::Ok, Some(&code), "ok", out);
        }
        self.view = Some(View { mailbox: select.mailbox.clone(), map });
        Answer::Done(Outcome::ok("selected").selected(select.read_only))
    }

    fn list(&self, list: &List, enabled: Enabled, out: Out<'_>) -> Answer {
        if list.asks_separator {
            response::list_separator(out);
            return done();
        }
        let names: Vec<&MailboxName> = if list.selection.subscribed {
            self.subscribed.iter().collect()
        } else {
            self.boxes.keys().collect()
        };
        for mailbox in names.into_iter().filter(|name| list.patterns.iter().any(|p| p.matches(name))) {
            let mut attributes = Vec::new();
            if list.returns.subscribed && self.subscribed.contains(mailbox) {
                attributes.push(Attribute::Subscribed);
            }
            if list.returns.children {
                let children = self.boxes.keys().any(|name| name.is_below(mailbox));
                attributes.push(if children { Attribute::HasChildren } else { Attribute::HasNoChildren });
            }
            let line = ListLine { attributes: &attributes, mailbox, child_info: false, old_name: None };
            response::list(&line, enabled.dialect(), out);
            if !list.returns.status.is_empty() {
                let status = Status { mailbox: mailbox.clone(), items: list.returns.status.clone() };
                self.status(&status, enabled, out);
            }
        }
        done()
    }

    fn status(&self, status: &Status, enabled: Enabled, out: Out<'_>) -> Answer {
        let Some(mailbox) = self.boxes.get(&status.mailbox) else {
            return no(Code::NonExistent, "No such mailbox");
        };
        let mails = || mailbox.mails.values();
        let value = |item: &StatusItem| match item {
            StatusItem::Messages => mailbox.mails.len() as u64,
            StatusItem::Recent => 0,
            StatusItem::UidNext => mailbox.uid_next.into(),
            StatusItem::UidValidity => mailbox.uid_validity.into(),
            StatusItem::Unseen => {
                mails().filter(|mail| !mail.flags.system.contains(SystemFlags::SEEN)).count() as u64
            }
            StatusItem::Deleted => {
                mails().filter(|mail| mail.flags.system.contains(SystemFlags::DELETED)).count() as u64
            }
            StatusItem::Size => mails().map(|mail| mail.text.len() as u64).sum(),
            StatusItem::HighestModSeq => self.modseq,
        };
        let values: Vec<_> = status.items.iter().map(|item| (*item, value(item))).collect();
        response::status(&status.mailbox, &values, enabled.dialect(), out);
        done()
    }

    fn append(&mut self, append: &Append) -> Answer {
        if !self.boxes.contains_key(&append.mailbox) {
            return no(Code::TryCreate, "No such mailbox");
        }
        let arrived = append.internal_date.map_or(0, |date| date.unix_seconds);
        let uid = self.add(&append.mailbox, append.flags.clone(), arrived, append.message.clone());
        let uid_validity = self.boxes[&append.mailbox].uid_validity;
        let code = Code::AppendUid { uid_validity, uids: [uid].into_iter().collect() };
        Answer::Done(Outcome::ok("appended").with_code(code))
    }

    fn expunge(&mut self, uids: Option<&SequenceSet>) {
        let wanted = uids.map(|set| self.uids(set, Numbering::Uid));
        let (mailbox, _) = self.selected();
        mailbox.mails.retain(|uid, mail| {
            !mail.flags.system.contains(SystemFlags::DELETED)
                || wanted.as_ref().is_some_and(|wanted| !wanted.contains(*uid))
        });
    }

    /// The UIDs of existing messages that a set means.
    fn uids(&mut self, set: &SequenceSet, numbering: Numbering) -> NumberSet {
        let saved = self.saved.clone();
        let (_, view) = self.selected();
        match numbering {
            Numbering::Uid => view.map.existing(&set.resolve(view.map.last_uid()).unwrap_or(saved)),
            Numbering::Sequence => match set.resolve(view.map.len()) {
                Some(sequences) => view.map.uids_of(&sequences),
                None => view.map.existing(&saved),
            },
        }
    }

    fn search(&mut self, search: &Search, run: &Run, out: Out<'_>) -> Answer {
        let saved = self.saved.clone();
        let (mailbox, view) = self.selected();
        let key = search.key.resolve(view.map.len(), view.map.last_uid(), &saved);
        let found: Vec<Found<'_>> = (view.map.uids().zip(1..))
            .filter_map(|(uid, sequence)| Some(Found { uid, sequence, mail: mailbox.mails.get(&uid)? }))
            .filter(|found| evaluate(&key, found) == Some(true))
            .collect();
        let modseq = found.iter().map(|found| found.mail.modseq).max().filter(|_| key.uses_modseq());
        let uids: NumberSet = found.iter().map(|found| found.uid).collect();
        let numbers = match search.numbering {
            Numbering::Uid => uids.clone(),
            Numbering::Sequence => found.iter().map(|found| found.sequence).collect(),
        };
        let answer = SearchAnswer { found: &numbers, modseq };
        response::search(search, &run.tag, answer, run.enabled.dialect(), out);
        if search.returns.is_some_and(|returns| returns.save) {
            self.saved = uids;
        }
        done()
    }

    fn fetch(&mut self, fetch: &Fetch, enabled: Enabled, out: Out<'_>) -> Answer {
        let uids = self.uids(&fetch.messages, fetch.numbering);
        let (mailbox, view) = self.selected();
        for uid in uids.iter() {
            let (Some(mail), Some(sequence)) = (mailbox.mails.get(&uid), view.map.sequence(uid)) else {
                continue;
            };
            if fetch.changed_since.is_some_and(|modseq| mail.modseq <= modseq) {
                continue;
            }
            let mut writer = FetchWriter::new(sequence, out);
            for item in &fetch.items {
                write_item(&mut writer, item, uid, mail);
            }
            if enabled.condstore && fetch.items.contains(&FetchItem::Flags) {
                writer.modseq(mail.modseq);
            }
            writer.finish();
        }
        done()
    }

    fn store(&mut self, store: &Store, enabled: Enabled, out: Out<'_>) -> Answer {
        let uids = self.uids(&store.messages, store.numbering);
        self.modseq += 1;
        let modseq = self.modseq;
        let (mailbox, view) = self.selected();
        let mut modified = NumberSet::new();
        for uid in uids.iter() {
            let (Some(mail), Some(sequence)) = (mailbox.mails.get_mut(&uid), view.map.sequence(uid)) else {
                continue;
            };
            if store.unchanged_since.is_some_and(|since| mail.modseq > since) {
                modified.insert(if store.numbering == Numbering::Uid { uid } else { sequence });
                continue;
            }
            change(&mut mail.flags, store);
            mail.modseq = modseq;
            let mut writer = FetchWriter::new(sequence, out);
            if !store.silent {
                writer.flags(mail.flags.system, mail.flags.keywords.iter().map(Keyword::as_str), false);
            }
            if store.numbering == Numbering::Uid && (!store.silent || enabled.condstore) {
                writer.uid(uid);
            }
            if enabled.condstore {
                writer.modseq(modseq);
            }
            writer.finish();
        }
        match modified.is_empty() {
            true => done(),
            false => Answer::Done(Outcome::ok("some changed before").with_code(Code::Modified(modified))),
        }
    }

    fn copy(&mut self, copy: &Copy, moves: Option<Out<'_>>) -> Answer {
        if !self.boxes.contains_key(&copy.mailbox) {
            return no(Code::TryCreate, "No such mailbox");
        }
        let from = self.uids(&copy.messages, copy.numbering);
        let mut to = NumberSet::new();
        for uid in from.iter() {
            let (mailbox, _) = self.selected();
            let mail = mailbox.mails[&uid].clone();
            if moves.is_some() {
                mailbox.mails.remove(&uid);
            }
            to.insert(self.add(&copy.mailbox, mail.flags, mail.arrived, mail.text));
        }
        if from.is_empty() {
            return done();
        }
        let code = Code::CopyUid { uid_validity: self.boxes[&copy.mailbox].uid_validity, from, to };
        match moves {
            // RFC 9051 §6.4.8: COPYUID of MOVE comes untagged, before the EXPUNGEs.
            Some(out) => {
                response::untagged(Condition::Ok, Some(&code), "moved", out);
                done()
            }
            None => Answer::Done(Outcome::ok("copied").with_code(code)),
        }
    }
}

fn no(code: Code, text: &'static str) -> Answer {
    Answer::Done(Outcome::no(text).with_code(code))
}

fn change(flags: &mut Flags, store: &Store) {
    let named = &store.flags;
    match store.action {
        StoreAction::Replace => *flags = named.clone(),
        StoreAction::Add => {
            flags.system = flags.system.union(named.system);
            let new: Vec<_> =
                named.keywords.iter().filter(|k| !flags.keywords.contains(k)).cloned().collect();
            flags.keywords.extend(new);
        }
        StoreAction::Remove => {
            flags.system = flags.system.without(named.system);
            flags.keywords.retain(|keyword| !named.keywords.contains(keyword));
        }
    }
}

fn split(mail: &Mail) -> (&[u8], &[u8]) {
    let end = mail.text.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail.text.len(), |at| at + 4);
    mail.text.split_at(end)
}

fn section(fetch: &BodyFetch, mail: &Mail) -> Option<Vec<u8>> {
    let (header, body) = split(mail);
    let whole = match (fetch.section.part.as_slice(), &fetch.section.text) {
        ([], SectionText::Full) => mail.text.clone(),
        ([], SectionText::Header) => header.to_vec(),
        ([], SectionText::Text) | ([1], SectionText::Full) => body.to_vec(),
        ([], SectionText::HeaderFields { names, not }) => {
            let text = String::from_utf8_lossy(header);
            let named =
                |line: &str| names.iter().any(|name| line.to_lowercase().starts_with(&name.to_lowercase()));
            let lines = text.split_inclusive("\r\n").filter(|line| *line == "\r\n" || named(line) != *not);
            lines.collect::<String>().into_bytes()
        }
        _ => return None,
    };
    Some(fetch.partial.map_or(whole.clone(), |partial| partial.of(&whole).to_vec()))
}

fn write_item(writer: &mut FetchWriter<'_>, item: &FetchItem, uid: u32, mail: &Mail) {
    match item {
        FetchItem::Envelope => writer.envelope(b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        FetchItem::Flags => {
            writer.flags(mail.flags.system, mail.flags.keywords.iter().map(Keyword::as_str), false)
        }
        FetchItem::InternalDate => writer.internal_date(mail.arrived),
        FetchItem::Size => writer.size(mail.text.len() as u64),
        FetchItem::Uid => writer.uid(uid),
        FetchItem::ModSeq => return,
        FetchItem::Body => writer.body(b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 1)"),
        FetchItem::BodyStructure => {
            writer.body_structure(b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 10 1 NIL NIL NIL NIL)")
        }
        FetchItem::Section(fetch) => writer.section(fetch, section(fetch, mail).as_deref()),
        FetchItem::Rfc822(part) => {
            let (header, body) = split(mail);
            let content = match part {
                Rfc822::Full => &mail.text,
                Rfc822::Header => header,
                Rfc822::Text => body,
            };
            writer.rfc822(*part, Some(content))
        }
        FetchItem::Binary(fetch) => {
            let body = split(mail).1;
            writer.binary(fetch, Some(fetch.partial.map_or(body, |partial| partial.of(body))))
        }
        FetchItem::BinarySize(part) => writer.binary_size(part, split(mail).1.len() as u64),
    };
}

/// A message as a search sees it.
struct Found<'a> {
    uid: u32,
    sequence: u32,
    mail: &'a Mail,
}

impl Candidate for Found<'_> {
    fn uid(&self) -> u32 {
        self.uid
    }
    fn sequence(&self) -> u32 {
        self.sequence
    }
    fn flags(&self) -> SystemFlags {
        self.mail.flags.system
    }
    fn has_keyword(&self, keyword: &Keyword) -> bool {
        self.mail.flags.keywords.contains(keyword)
    }
    fn is_recent(&self) -> bool {
        false
    }
    fn size_bytes(&self) -> u64 {
        self.mail.text.len() as u64
    }
    fn internal_date(&self) -> Date {
        Date::from_unix_seconds(self.mail.arrived)
    }
    fn sent_date(&self) -> Option<Date> {
        None
    }
    fn modseq(&self) -> u64 {
        self.mail.modseq
    }
    fn matches(&self, key: &TextKey) -> Option<bool> {
        let text = String::from_utf8_lossy(&self.mail.text).to_lowercase();
        let body = String::from_utf8_lossy(split(self.mail).1).to_lowercase();
        Some(match key {
            TextKey::Address { name, value } | TextKey::Header { name, value } => {
                text.split("\r\n").any(|line| {
                    line.starts_with(&format!("{}:", name.to_lowercase()))
                        && line.contains(&value.to_lowercase())
                })
            }
            TextKey::Body(value) => body.contains(&value.to_lowercase()),
            TextKey::Text(value) => text.contains(&value.to_lowercase()),
        })
    }
}
