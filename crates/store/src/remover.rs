//! Removes files beside everybody else: a file system takes tens of milliseconds for a large one, and neither
//! the writer nor who waits for an answer is to wait for that.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

/// A thread that removes files. When it is dropped, all are gone that were handed to it.
#[derive(Debug)]
pub(crate) struct Remover {
    /// Nothing once it is being dropped.
    wanted: Option<Sender<PathBuf>>,
    thread: Option<JoinHandle<()>>,
}

impl Remover {
    /// Starts the thread.
    pub fn start() -> io::Result<Remover> {
        let (wanted, queue) = mpsc::channel();
        let thread = thread::Builder::new().name("store-remover".to_owned());
        let thread = thread.spawn(move || remove_all(&queue))?;
        Ok(Remover { wanted: Some(wanted), thread: Some(thread) })
    }

    /// Has the file removed soon. What does not succeed leaves an orphan, which the check reports.
    pub fn remove(&self, path: PathBuf) {
        if let Some(wanted) = &self.wanted {
            let _ = wanted.send(path);
        }
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        self.wanted.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn remove_all(queue: &Receiver<PathBuf>) {
    for path in queue {
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %path.display(), "a content file that nothing names stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_gone_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let remover = Remover::start().unwrap();
        for n in 0..100 {
            let path = folder.path().join(n.to_string());
            fs::write(&path, b"content").unwrap();
            remover.remove(path);
        }
        remover.remove(folder.path().join("never there"));
        drop(remover);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
