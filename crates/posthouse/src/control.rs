//! The control socket: how commands reach a running server. One line of JSON asks, lines of JSON
//! answer; only the server's user can open it.
//!
//! A file's bytes go up as blocks behind the request, each with its length as four bytes, the most
//! significant first; a block of none ends them. They come down behind lines that say how many.

use crate::admin::{self, BLOCK_BYTES, Exchange, FilesRequest, NoBytes, Reply, Request};
use crate::dns::zones::Zones;
use crate::resolver::Resolver;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};

/// The longest request: an import of a zone of some million records.
const REQUEST_LEN_MAX_BYTES: u64 = 512 << 20;

/// The longest block of a file's bytes.
const BLOCK_LEN_MAX_BYTES: usize = 1 << 20;

/// Where the socket lies.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Opens the socket. The store's lock is held already, so a socket file that lies there is a dead
/// server's.
///
/// # Errors
/// If the file cannot be made.
pub fn open(data_dir: &Path) -> io::Result<UnixListener> {
    let path = path(data_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until the server stops.
pub async fn serve(
    listener: UnixListener,
    zones: Zones,
    resolver: Resolver,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = crate::driver::stopped(&mut stop) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (zones, resolver) = (zones.clone(), resolver.clone());
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, zones, resolver).await {
                        tracing::debug!(%error, "a control connection broke");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket cannot accept");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

/// What goes to the asker.
enum Said {
    Reply(Reply),
    Bytes(Vec<u8>),
}

/// The answer to a question for the resolver, which waits for others and so is not work for a thread.
async fn dig(line: &str, resolver: &Resolver) -> Option<Reply> {
    // What is not that short is something else, and is read where it does not hold others up.
    const QUESTION_LEN_MAX_BYTES: usize = 4096;
    if line.len() > QUESTION_LEN_MAX_BYTES {
        return None;
    }
    let Ok(Request::Dig(question)) = serde_json::from_str(line) else { return None };
    Some(match resolver.dig(&question).await {
        Ok(reply) => Reply::Dig(Box::new(reply)),
        Err(message) => Reply::Failed { message },
    })
}

async fn converse(stream: tokio::net::UnixStream, zones: Zones, resolver: Resolver) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = tokio::io::BufReader::new(read.take(REQUEST_LEN_MAX_BYTES));
    read.read_line(&mut line).await?;
    read.get_mut().set_limit(u64::MAX);
    if let Some(reply) = dig(&line, &resolver).await {
        return write.write_all(&line_of(&reply)?).await;
    }
    let (say, mut said) = mpsc::channel::<Said>(16);
    let (came, blocks) = mpsc::channel(4);
    let work = tokio::task::spawn_blocking(move || {
        let mut bytes = Blocks { blocks, rest: Vec::new(), say: say.clone() };
        let reply = match serde_json::from_str::<Request>(&line) {
            // Whoever asked may have gone: the work is done all the same.
            Ok(request) => admin::carry_out(&zones, request, &mut bytes, &mut |progress| {
                let _ = say.try_send(Said::Reply(progress));
            }),
            Err(error) => Reply::Failed { message: format!("not a request this version knows: {error}") },
        };
        let _ = say.blocking_send(Said::Reply(reply));
    });
    let answers = async {
        while let Some(said) = said.recv().await {
            match said {
                Said::Reply(reply) => write.write_all(&line_of(&reply)?).await?,
                Said::Bytes(bytes) => {
                    let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
                    write.write_all(&line_of(&Reply::Data { len })?).await?;
                    write.write_all(&bytes).await?;
                }
            }
        }
        Ok(())
    };
    let answered = tokio::select! {
        answered = answers => answered,
        never = take_blocks(read, came) => match never {},
    };
    work.await.map_err(io::Error::other)?;
    answered
}

fn line_of(reply: &Reply) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(reply).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

/// Takes blocks from the socket until they end or break off, then waits for ever: whoever only asks sends
/// none, and gets an answer all the same.
async fn take_blocks(
    mut read: impl tokio::io::AsyncRead + Unpin,
    came: mpsc::Sender<Vec<u8>>,
) -> std::convert::Infallible {
    while let Ok(len) = read.read_u32().await {
        let mut block = vec![0; (len as usize).min(BLOCK_LEN_MAX_BYTES)];
        let is_whole = len as usize == block.len() && read.read_exact(&mut block).await.is_ok();
        let is_last = len == 0;
        if !is_whole || came.send(block).await.is_err() || is_last {
            break;
        }
    }
    // Told before its end that no more comes, who still waits knows that bytes are missing.
    drop(came);
    std::future::pending().await
}

/// The bytes of a wish that came through the socket.
struct Blocks {
    blocks: mpsc::Receiver<Vec<u8>>,
    rest: Vec<u8>,
    say: mpsc::Sender<Said>,
}

impl Exchange for Blocks {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.blocks.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        let len = self.rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.rest[..len]);
        self.rest.drain(..len);
        Ok(len)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.say.blocking_send(Said::Bytes(bytes.to_vec())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Asks a running server; nothing when none listens.
///
/// # Errors
/// If the server is there but the conversation broke.
pub fn ask(data_dir: &Path, request: &Request, progress: &mut dyn FnMut(Reply)) -> io::Result<Option<Reply>> {
    ask_with(data_dir, request, &mut NoBytes, progress)
}

/// [`ask`] for a wish about a file: `bytes` are what goes up with it and what comes down.
///
/// # Errors
/// As [`ask`], and those of `bytes`.
pub fn ask_with(
    data_dir: &Path,
    request: &Request,
    bytes: &mut dyn Exchange,
    progress: &mut dyn FnMut(Reply),
) -> io::Result<Option<Reply>> {
    let mut stream = match UnixStream::connect(path(data_dir)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut text = serde_json::to_string(request).map_err(io::Error::other)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    if matches!(request, Request::Files(FilesRequest::Put { .. })) {
        send_blocks(&mut stream, bytes)?;
    }
    let mut lines = BufReader::new(stream);
    let (mut line, mut block) = (String::new(), Vec::new());
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            let why = "the server closed the control connection without an answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        match serde_json::from_str(&line).map_err(io::Error::other)? {
            reply @ Reply::Progress { .. } => progress(reply),
            Reply::Data { len } => {
                block.resize((len as usize).min(BLOCK_LEN_MAX_BYTES), 0);
                lines.read_exact(&mut block)?;
                bytes.send(&block)?;
            }
            reply => return Ok(Some(reply)),
        }
    }
}

/// Sends bytes in blocks. A server that does not want any more has said why, which is read next.
fn send_blocks(stream: &mut UnixStream, bytes: &mut dyn Exchange) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        let len = bytes.receive(&mut buffer)?;
        let head = u32::try_from(len).map_err(io::Error::other)?.to_be_bytes();
        let sent = stream.write_all(&head).and_then(|()| stream.write_all(&buffer[..len]));
        match sent {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
            {
                return Ok(());
            }
            sent => sent?,
        }
        if len == 0 {
            return Ok(());
        }
    }
}
