//! Prints how a folder fares as it grows: how long it takes to be listed over FTP, and what the server takes in
//! memory for that.
//!
//! `bench_files [ENTRIES...]`: entries of the folder in ascending order, else 100000 1000000. The server is
//! `posthouse` beside the folder of this program.

#![allow(clippy::print_stdout, reason = "the table is the output")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::{Access, AreaId, Credential, EntryId, NewFile, Settings, Store};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ADDRESS: &str = "lister@files.example";
const PASSWORD: &str = "files";
/// Files per transaction while the folder is filled.
const BATCH_FILES: u32 = 5000;
/// How long anything may take before the server counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);
/// Memory is looked at once in so many bytes of a listing.
const LOOK_EVERY_BYTES: usize = 1 << 20;

fn main() -> Outcome<()> {
    let sizes = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<Vec<u32>, _>>()?;
    let sizes = if sizes.is_empty() { vec![100_000, 1_000_000] } else { sizes };
    let me = std::env::current_exe()?;
    let folder = me.ancestors().nth(2).ok_or("this program lies in no target folder")?;
    let data = tempfile::tempdir_in(folder)?;
    let mut present = 0;
    for size in sizes {
        grow(data.path(), present, size)?;
        present = size;
        let server = Server::start(&folder.join("posthouse"), data.path())?;
        for command in ["NLST", "MLSD", "LIST"] {
            let (lines, took, first, grown_kib) = server.list(command)?;
            if lines < size as usize {
                return Err(format!("{command}: {lines} lines for {size} entries").into());
            }
            println!(
                "{command} of {size:>8} entries: {took:>8.2?}, first bytes after {first:>8.2?}, \
                 at most {grown_kib:>6} KiB more memory"
            );
        }
    }
    Ok(())
}

/// Fills the root of the account's area up to `size` files.
fn grow(data: &Path, present: u32, size: u32) -> Outcome<()> {
    let (url, blobs) = ("sqlite:posthouse.db".to_owned(), "file:blobs".to_owned());
    let store = Store::open(&Settings { url, blobs, data_dir: data.to_owned(), readers: 1 })?;
    let password = sasl::password::hash_argon2id(PASSWORD.as_bytes(), [7; 16]);
    let credential = Credential { password, scram: None };
    let account = store.write_blocking(move |tx| match tx.account_by_address(ADDRESS)? {
        Some(account) => Ok(account.id),
        None => {
            tx.add_domain("files.example")?;
            tx.add_account(ADDRESS, &credential)
        }
    })?;
    let (access, area) = (Access::Operator, AreaId::Account(account));
    let mut upload = store.upload(area, 0);
    upload.write_block(b"content")?;
    let content = upload.finish()?;
    for first in (present..size).step_by(BATCH_FILES as usize) {
        let content = content.clone();
        store.write_blocking(move |tx| {
            for number in first..size.min(first + BATCH_FILES) {
                let (name, content) = (&*format!("picture-{number:07}.jpg"), &content);
                let folder = EntryId::ROOT;
                tx.place_file(
                    access,
                    &NewFile { area, folder, name, content, modified_ms: 0, replaces: true },
                )?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The server as its own process.
struct Server {
    process: Child,
    ftp: SocketAddr,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Outcome<Server> {
        // An address that was free a moment ago.
        let ftp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config: PathBuf = data.join("files.toml");
        let text = format!(
            "hostname = \"ftp.files.example\"\ndata_dir = {:?}\n[listen]\nftp = [\"{ftp}\"]\n\
             [auth]\nallow_plaintext = true\n[limits]\nexempt = [\"127.0.0.0/8\"]\n",
            std::path::absolute(data)?
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(binary);
        command.arg("--config").arg(&config).arg("serve");
        command.stdout(Stdio::null()).stderr(File::create(data.join("files.log"))?);
        let server = Server { process: command.spawn()?, ftp };
        let begun = Instant::now();
        while TcpStream::connect(ftp).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("the server does not get ready".into());
            }
            std::thread::yield_now();
        }
        Ok(server)
    }

    /// Lines of a listing, how long it took, when it began to come, and by how much the server grew at most.
    fn list(&self, command: &str) -> Outcome<(usize, Duration, Duration, u64)> {
        let mut control = BufReader::new(TcpStream::connect(self.ftp)?);
        control.get_ref().set_read_timeout(Some(PATIENCE))?;
        reply(&mut control, "220")?;
        say(&mut control, &format!("USER {ADDRESS}"), "331")?;
        say(&mut control, &format!("PASS {PASSWORD}"), "230")?;
        let port = say(&mut control, "EPSV", "229")?;
        let port: u16 = port.split('|').nth(3).ok_or("no port")?.parse()?;
        let before_kib = self.resident_kib()?;
        let begun = Instant::now();
        let mut data = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        say(&mut control, command, "150")?;
        let mut space = vec![0; LOOK_EVERY_BYTES];
        let (mut lines, mut looked, mut most_kib, mut first) = (0, 0, before_kib, Duration::ZERO);
        loop {
            let count = data.read(&mut space)?;
            if first.is_zero() {
                first = begun.elapsed();
            }
            lines += space[..count].iter().filter(|byte| **byte == b'\n').count();
            looked += count;
            if looked >= LOOK_EVERY_BYTES || count == 0 {
                most_kib = most_kib.max(self.resident_kib()?);
                looked = 0;
            }
            if count == 0 {
                break;
            }
        }
        reply(&mut control, "226")?;
        Ok((lines, begun.elapsed(), first, most_kib - before_kib))
    }

    fn resident_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
        Ok(number.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command, and its reply.
fn say(control: &mut BufReader<TcpStream>, command: &str, code: &str) -> Outcome<String> {
    control.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
    reply(control, code)
}

/// The last line of a reply, which must begin with `code`.
fn reply(control: &mut BufReader<TcpStream>, code: &str) -> Outcome<String> {
    loop {
        let mut line = String::new();
        control.read_line(&mut line)?;
        if !line.starts_with(code) && !line.starts_with(' ') {
            return Err(format!("{:?} instead of {code}", line.trim_end()).into());
        }
        if line.as_bytes().get(3) == Some(&b' ') && line.starts_with(code) {
            return Ok(line);
        }
    }
}
