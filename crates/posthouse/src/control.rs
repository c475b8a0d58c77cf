//! The control socket: how commands reach a running server. One line of JSON asks, lines of JSON
//! answer; only the server's user can open it.

use crate::admin::{self, Reply, Request};
use crate::dns::zones::Zones;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};

/// The longest request: an import of a zone of some million records.
const REQUEST_LEN_MAX_BYTES: u64 = 512 << 20;

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
pub async fn serve(listener: UnixListener, zones: Zones, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = crate::driver::stopped(&mut stop) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let zones = zones.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, zones).await {
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

async fn converse(stream: tokio::net::UnixStream, zones: Zones) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(REQUEST_LEN_MAX_BYTES)).read_line(&mut line).await?;
    let (say, mut said) = mpsc::channel::<Reply>(16);
    let work = tokio::task::spawn_blocking(move || {
        let reply = match serde_json::from_str::<Request>(&line) {
            // Whoever asked may have gone: the work is done all the same.
            Ok(request) => admin::carry_out(&zones, request, &mut |progress| drop(say.try_send(progress))),
            Err(error) => Reply::Failed { message: format!("not a request this version knows: {error}") },
        };
        let _ = say.blocking_send(reply);
    });
    while let Some(reply) = said.recv().await {
        let mut text = serde_json::to_string(&reply).map_err(io::Error::other)?;
        text.push('\n');
        write.write_all(text.as_bytes()).await?;
    }
    work.await.map_err(io::Error::other)
}

/// Asks a running server; nothing when none listens.
///
/// # Errors
/// If the server is there but the conversation broke.
pub fn ask(data_dir: &Path, request: &Request, progress: &mut dyn FnMut(Reply)) -> io::Result<Option<Reply>> {
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
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?).map_err(io::Error::other)? {
            reply @ Reply::Progress { .. } => progress(reply),
            reply => return Ok(Some(reply)),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed the control connection without an answer",
    ))
}
