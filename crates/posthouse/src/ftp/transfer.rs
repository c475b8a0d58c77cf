//! A transfer from its data connection to its end.

use super::cut::Cut;
use super::data::{Door, Ends, Link, Protection};
use super::files::{Files, shown};
use super::filter::{Incoming, Outgoing};
use super::halt::Halt;
use super::plan::{Plan, Start, Upload};
use super::presence::Presence;
use super::pump::{BLOCK_BYTES, Pace, Pump, read_block};
use super::slots::Slot;
use ftp::listing::Writer;
use ftp::{FilesError, Pattern, Representation};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use store::{Content, Entry, INLINE_MAX_BYTES, NewFile, Right, StoreError, Uploaded};
use tokio::time::Instant;

/// Sent or gathered at once where no thread is used.
const PIECE_BYTES: usize = 64 * 1024;
/// Space for the first read of an upload; most small files fit.
const FIRST_READ_BYTES: usize = 16 * 1024;

/// Everything that a transfer needs.
pub struct Transfer {
    /// The data connection.
    pub opening: Opening,
    /// How long nothing may move.
    pub patience: Duration,
    /// Rate, stop, count.
    pub pace: Pace,
    /// Compressed.
    pub deflate: bool,
    /// The account's files.
    pub files: Files,
    /// The client of an upload.
    pub presence: Presence,
    /// The account's leave for it.
    pub slot: Slot,
}

/// A data connection that is to be opened, or is open already.
pub enum Opening {
    /// To be opened.
    Wanted {
        /// Where it comes from.
        door: Door,
        /// Its ends.
        ends: Ends,
        /// Its TLS.
        protection: Option<Protection>,
    },
    /// What came of it.
    Done(Result<Link, Cut>),
}

impl Opening {
    /// Opens the connection of an upload before the client is told to begin, if it does its part of the
    /// handshake without being told.
    pub async fn early(self) -> Opening {
        let Opening::Wanted { door, ends, protection: Some(protection) } = self else { return self };
        match door.open_early(ends).await {
            Ok((Door::Open(stream), true)) => {
                Opening::Done(Link::secure(stream, Some(&protection), true).await)
            }
            Ok((door, _)) => Opening::Wanted { door, ends, protection: Some(protection) },
            Err(cut) => Opening::Done(Err(cut)),
        }
    }

    async fn open(self) -> Result<Link, Cut> {
        match self {
            Opening::Wanted { door, ends, protection } => {
                Link::secure(door.open(ends).await?, protection.as_ref(), false).await
            }
            Opening::Done(done) => done,
        }
    }
}

impl Transfer {
    /// Opens the data connection, does what is planned, and closes it. An upload is committed when this
    /// returns well.
    ///
    /// # Errors
    /// What cut it off. What came of an upload is then kept as a part, if the client can go on with it.
    pub async fn run(self, plan: Plan) -> Result<(), Cut> {
        let halt = self.pace.halt.clone();
        let link = unless_halted(&halt, self.opening.open()).await?;
        let Transfer { patience, pace, deflate, files, presence, slot: _slot, .. } = self;
        let line =
            Line { patience, pace, deflate, files, presence: Arc::new(presence), begun: Instant::now() };
        match plan {
            Plan::Send { content: Content::Inline(bytes), offset, representation } => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let filter = Outgoing::new(representation, line.deflate);
                unless_halted(&halt, line.send_bytes(link, &bytes[from..], filter)).await
            }
            Plan::Send { content, offset, representation } => {
                line.send_content(link, content, offset, representation).await
            }
            Plan::List { entry, name, right, pattern, format } => {
                let list = List { folder: entry, name, right, pattern };
                let writer = Writer::new(format, line.files.clock.unix_ms());
                unless_halted(&halt, line.send_list(link, &list, &writer)).await
            }
            Plan::Receive(upload) => line.receive(link, upload).await,
        }
    }
}

async fn unless_halted<T>(halt: &Halt, work: impl Future<Output = Result<T, Cut>> + Send) -> Result<T, Cut> {
    tokio::select! {
        biased;
        () = halt.halted() => Err(Cut::Halted),
        done = work => done,
    }
}

/// What a listing shows.
struct List {
    /// A folder, or the single file that was asked for.
    folder: Entry,
    name: String,
    right: Right,
    pattern: Option<Pattern>,
}

/// An open transfer's circumstances.
struct Line {
    patience: Duration,
    pace: Pace,
    deflate: bool,
    files: Files,
    presence: Arc<Presence>,
    /// When the data connection stood.
    begun: Instant,
}

impl Line {
    /// Waits for the socket no longer than nothing may move.
    async fn patiently<T>(&self, work: impl Future<Output = io::Result<T>>) -> Result<T, Cut> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(done) => done.map_err(|error| Cut::of_socket(&error)),
            Err(_) => Err(Cut::Silent),
        }
    }

    async fn send_bytes(&self, mut link: Link, bytes: &[u8], mut filter: Outgoing) -> Result<(), Cut> {
        if filter.is_identity() {
            self.send(&mut link, bytes).await?;
        } else {
            let mut wire = Vec::with_capacity(bytes.len());
            filter.convert(bytes, &mut wire);
            filter.finish(&mut wire);
            self.send(&mut link, &wire).await?;
        }
        self.patiently(link.close()).await
    }

    async fn send(&self, link: &mut Link, mut bytes: &[u8]) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.pace.slice_bytes(bytes.len().min(PIECE_BYTES)));
            self.patiently(link.write_all(piece)).await?;
            let pause = self.pace.count(piece.len());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Streams a listing page by page: a folder of any size takes the memory of one page.
    async fn send_list(&self, mut link: Link, list: &List, writer: &Writer) -> Result<(), Cut> {
        let mut filter = Outgoing::new(Representation::Image, self.deflate);
        let (mut lines, mut wire) = (Vec::new(), Vec::new());
        if !list.folder.is_folder() {
            writer.single(&list.name, &shown(&list.folder, list.right), &mut lines);
        }
        let mut after = None;
        while list.folder.is_folder() {
            let page = self.files.page(&list.folder, after).await.map_err(Cut::Files)?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            for entry in &page {
                if list.pattern.as_ref().is_none_or(|pattern| pattern.matches(&entry.name)) {
                    writer.entry(&entry.name, &shown(entry, list.right), &mut lines);
                }
            }
            if lines.len() >= PIECE_BYTES {
                filter.convert(&lines, &mut wire);
                self.send(&mut link, &wire).await?;
                lines.clear();
                wire.clear();
            }
        }
        filter.convert(&lines, &mut wire);
        filter.finish(&mut wire);
        self.send(&mut link, &wire).await?;
        self.patiently(link.close()).await
    }

    async fn send_content(
        &self,
        link: Link,
        content: Content,
        offset: u64,
        representation: Representation,
    ) -> Result<(), Cut> {
        let (mut pump, deflate) = (self.pump(link), self.deflate);
        let send = async move {
            let mut filter = Outgoing::new(representation, deflate);
            let end = content.size_bytes();
            if filter.is_identity()
                && let Content::File { file, .. } = &content
            {
                pump.send_file(file, offset, end).await?;
                return pump.finish_sending().await;
            }
            let (mut block, mut wire, mut at) = (vec![0; BLOCK_BYTES], Vec::new(), offset);
            while at < end {
                let count = read_block(|block, at| content.read_at(at, block), (at, end), &mut block)?;
                if filter.is_identity() {
                    pump.send(&block[..count]).await?;
                } else {
                    filter.convert(&block[..count], &mut wire);
                    pump.send(&wire).await?;
                    wire.clear();
                }
                at += count as u64;
            }
            filter.finish(&mut wire);
            pump.send(&wire).await?;
            pump.finish_sending().await
        };
        self.files.threads.run(send).await
    }

    fn pump(&self, link: Link) -> Pump {
        Pump::new(link, self.pace.clone(), self.patience, self.files.threads.clone())
    }

    /// Receives a file. What is small is gathered in memory and needs no thread.
    async fn receive(&self, mut link: Link, upload: Upload) -> Result<(), Cut> {
        let mut first = Vec::new();
        if upload.start == Start::Empty && !self.deflate {
            let halt = &self.pace.halt;
            match unless_halted(halt, self.receive_small(&mut link, &mut first)).await {
                Ok(false) => {}
                Ok(true) => {
                    // Before the commit: the client may wait for our end.
                    let _ = self.patiently(link.end()).await;
                    return match self.place_small(&upload, &first).await {
                        Ok(()) => Ok(()),
                        Err(cut) => Err(self.settle_small(upload, first, cut).await),
                    };
                }
                Err(cut) => return Err(self.settle_small(upload, first, cut).await),
            }
        }
        let receiving = Receiving {
            files: self.files.clone(),
            upload,
            pump: self.pump(link),
            deflate: self.deflate,
            presence: self.presence.clone(),
            begun: self.begun,
        };
        self.files.threads.run(receiving.receive(first)).await
    }

    /// What came of a small upload that was cut is kept if it may be; gives the cut back.
    async fn settle_small(&self, upload: Upload, first: Vec<u8>, cut: Cut) -> Cut {
        let files = self.files.clone();
        let settled = self.files.threads.run(async move {
            let mut begun = files.store.upload(upload.folder.area, upload.replaces_bytes);
            begun.write_block(&first)?;
            settle_cut(&files, &upload, Some(begun).filter(|_| upload.is_resumable(&cut, false)));
            Ok(cut)
        });
        settled.await.unwrap_or_else(|cut| cut)
    }

    /// Reads into memory; true if that was all, false if it is too much for memory.
    async fn receive_small(&self, link: &mut Link, bytes: &mut Vec<u8>) -> Result<bool, Cut> {
        while bytes.len() <= INLINE_MAX_BYTES {
            if bytes.capacity() == bytes.len() {
                bytes.reserve(bytes.len().max(FIRST_READ_BYTES));
            }
            let count = self.patiently(link.read(bytes)).await?;
            let pause = self.pace.count(count);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            if count == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn place_small(&self, upload: &Upload, bytes: &[u8]) -> Result<(), Cut> {
        let mut begun = self.files.store.upload(upload.folder.area, upload.replaces_bytes);
        let mut filter = Incoming::new(upload.representation, false);
        let mut take = |bytes: &[u8]| Ok(begun.write_block(bytes)?);
        filter.convert(bytes, &mut take)?;
        filter.finish(&mut take)?;
        let content = begun.finish()?;
        self.presence.confirm_at(self.presence.moment_from(self.begun)).await?;
        while !self.files.store.write(placing(&self.files, upload, &content, &self.presence)).await? {
            self.presence.confirm().await?;
        }
        Ok(())
    }
}

impl Upload {
    /// Whether the client can go on where it was cut: it counts the bytes of the wire, which must be those
    /// of the file, and it must know the name.
    /// Nor is anything kept that the store had no room for, nor of an upload that was to replace a file from its
    /// first byte on: who asked for that file would be told of the part.
    fn is_resumable(&self, cut: &Cut, deflate: bool) -> bool {
        let counts = self.replaces && !deflate && self.representation == Representation::Image;
        let is_alone = self.start != Start::Empty || !self.is_there;
        counts && is_alone && !matches!(cut, Cut::Store(_) | Cut::Undecodable)
    }
}

/// The job that makes an upload a file, if its client is there to the last: else it does nothing, and says false.
fn placing(
    files: &Files,
    upload: &Upload,
    content: &Uploaded,
    presence: &Arc<Presence>,
) -> impl FnMut(&mut store::Tx<'_>) -> Result<bool, StoreError> + Send + use<> {
    let (access, modified_ms) = (files.access(), files.clock.unix_ms());
    let (area, folder, replaces) = (upload.folder.area, upload.folder.id, upload.replaces);
    let (name, content, presence) = (upload.name.clone(), content.clone(), presence.clone());
    move |tx| {
        if presence.is_missed() {
            return Ok(false);
        }
        let new = NewFile { area, folder, name: &name, content: &content, modified_ms, replaces };
        tx.place_file(access, &new).map(|_| true)
    }
}

/// A file that comes straight into the store, on threads.
struct Receiving {
    files: Files,
    upload: Upload,
    pump: Pump,
    deflate: bool,
    presence: Arc<Presence>,
    begun: Instant,
}

impl Receiving {
    /// Receives what comes behind `first`.
    async fn receive(mut self, first: Vec<u8>) -> Result<(), Cut> {
        let mut begun = begin(&self.files, &self.upload)?;
        let filter = Incoming::new(self.upload.representation, self.deflate);
        if let Err(cut) = fill(&mut begun, &first, &mut self.pump, filter).await {
            return Err(self.settle(Some(begun), cut));
        }
        let moment = self.presence.moment_from(self.begun);
        // Before the commit: the client may wait for our end. All of the file is here.
        let _ = self.pump.finish_receiving().await;
        if let Err(cut) = self.presence.confirm().await {
            return Err(self.settle(Some(begun), cut));
        }
        let begun = match begun.synced() {
            Ok(begun) => begun,
            Err(error) => return Err(self.settle(None, error.into())),
        };
        if let Err(cut) = self.presence.confirm_at(moment).await {
            return Err(self.settle(Some(begun), cut));
        }
        let (content, Receiving { files, upload, presence, .. }) = (begun.finish()?, &self);
        while !files.store.write_blocking(placing(files, upload, &content, presence))? {
            presence.confirm().await?;
        }
        Ok(())
    }

    /// Keeps what may be kept; gives the cut back.
    fn settle(&self, begun: Option<store::Upload>, cut: Cut) -> Cut {
        let is_resumable = self.upload.is_resumable(&cut, self.deflate);
        settle_cut(&self.files, &self.upload, begun.filter(|_| is_resumable));
        cut
    }
}

/// An upload into the store, with what it begins with.
fn begin(files: &Files, upload: &Upload) -> Result<store::Upload, StoreError> {
    let (access, area, folder) = (files.access(), upload.folder.area, upload.folder.id);
    match upload.start {
        Start::Empty => Ok(files.store.upload(area, upload.replaces_bytes)),
        Start::File(id, offset) => files.store.upload_behind_blocking(access, area, id, offset),
        Start::Part(offset) => {
            let resumed = files.store.resume_upload_blocking(access, area, folder, &upload.name, offset)?;
            resumed.ok_or(StoreError::Missing(store::Missing::File))
        }
    }
}

async fn fill(
    begun: &mut store::Upload,
    first: &[u8],
    pump: &mut Pump,
    mut filter: Incoming,
) -> Result<(), Cut> {
    let mut take = |bytes: &[u8]| Ok(begun.write_block(bytes)?);
    filter.convert(first, &mut take)?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match pump.receive(&mut block).await? {
            0 => return filter.finish(&mut take),
            count => filter.convert(&block[..count], &mut take)?,
        }
    }
}

/// Keeps what came of a cut upload apart, if anything may be kept of it. An older part gives way to this one also
/// if nothing is kept: it is of other content than what the client goes on with.
fn settle_cut(files: &Files, upload: &Upload, begun: Option<store::Upload>) {
    let (access, area, folder) = (files.access(), upload.folder.area, upload.folder.id);
    let name = upload.name.clone();
    let kept = begun.map_or(Ok(None), store::Upload::keep);
    let settled = kept.and_then(|part| match part {
        Some(part) => files.store.write_blocking(move |tx| tx.keep_part(access, area, folder, &name, &part)),
        None => {
            let old = files.store.read_blocking(|view| view.part_of(access, area, folder, &name))?;
            old.map_or(Ok(()), |_| {
                files.store.write_blocking(move |tx| tx.drop_part(access, area, folder, &name))
            })
        }
    });
    if let Err(error) = settled {
        tracing::warn!(%error, "what came of a cut upload could not be kept");
    }
}

impl From<FilesError> for Cut {
    fn from(error: FilesError) -> Cut {
        Cut::Files(error)
    }
}
