//! `posthouse demo`: a server to try, with a domain and two accounts, gone when it ends.

use crate::admin::{self, Reply, Request};
use crate::auth::{credential, random};
use crate::config::{Config, LogFormat};
use crate::{log, runtime, server};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use store::{Flags, Keywords, NewMessage, OtherSizes, Store, StoreError};

const DOMAIN: &str = "example.test";
/// The usual port of each service, moved out of the reserved range.
const PORTS: [(&str, u16); 12] = [
    ("smtp", 2525),
    ("submission", 2587),
    ("submissions", 2465),
    ("lmtp", 2424),
    ("imap", 2143),
    ("imaps", 2993),
    ("pop3", 2110),
    ("pop3s", 2995),
    ("ftp", 2121),
    ("ftps", 2990),
    ("http", 2080),
    ("dns", 2053),
];

/// A folder that goes when the demo ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs until Ctrl-C.
///
/// # Errors
/// What kept it from starting.
pub fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    log::start(LogFormat::Auto);
    let chance = u64::from_le_bytes(random()?);
    let folder = Folder(std::env::temp_dir().join(format!("posthouse-demo-{chance:016x}")));
    server::make_data_dir(&folder.0)?;
    let ports: Vec<(&str, u16)> =
        PORTS.iter().map(|(name, port)| Ok((*name, free_port(*port)?))).collect::<io::Result<_>>()?;
    let mut text = format!("hostname = \"mx.{DOMAIN}\"\ndata_dir = \"data\"\n[listen]\n");
    for (name, port) in &ports {
        let _ = writeln!(text, "{name} = [\"127.0.0.1:{port}\"]");
    }
    text.push_str("[limits]\nexempt = [\"127.0.0.0/8\"]\n");
    let file = folder.0.join("posthouse.toml");
    std::fs::write(&file, &text)?;
    let config = Config::load(&file)?;
    let store = server::open_store(&config)?;
    let zones = server::zones_of(&config, store.clone())?;
    let added = Request::DomainAdd { name: DOMAIN.into() };
    if let Reply::Failed { message } = admin::carry_out(&zones, added, &mut admin::NoBytes, &mut |_| ()) {
        return Err(message.into());
    }
    drop(zones);
    let accounts = [account(&store, "alice")?, account(&store, "bob")?];
    welcome(&store, &accounts[0].0)?;
    let guide = guide(&file, &ports, &accounts);
    let ready = move |_: &Store| {
        let mut out = io::stdout().lock();
        // Nobody reads it: serve all the same.
        let _ = out.write_all(guide.as_bytes()).and_then(|()| out.flush());
    };
    runtime::build()?.block_on(server::serve(&config, store, ready))?;
    let _ = writeln!(io::stdout(), "The demo has ended, and its mail is gone.");
    Ok(())
}

/// The wanted port, or, if it is taken, any other.
fn free_port(wanted: u16) -> io::Result<u16> {
    let at = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    at(wanted).or_else(|_| at(0))?.local_addr().map(|address| address.port())
}

fn account(store: &Store, name: &str) -> Result<(String, String), Box<dyn std::error::Error + Send + Sync>> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let password: String =
        random::<12>()?.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    let address = format!("{name}@{DOMAIN}");
    let (secret, added) = (credential(password.as_bytes())?, address.clone());
    store.write_blocking(move |tx| tx.add_account(&added, &secret).map(|_| ()))?;
    Ok((address, password))
}

/// A first message, so that there is something to read.
fn welcome(store: &Store, address: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let now_ms = crate::clock::Clock::new().unix_ms();
    let (to, from) = (mime::Address::parse(address)?, mime::Address::parse(&format!("postmaster@{DOMAIN}"))?);
    let content = mime::Builder::new()
        .addresses("From", &[(Some("Posthouse"), &from)])?
        .addresses("To", &[(None, &to)])?
        .field("Subject", "Welcome to the post house ✉")?
        .date(mime::Date::utc(now_ms / 1000))
        .body(mime::Body::text("This message was put here when the demo began.\r\nSend another one!\r\n"))
        .build();
    let overview = mime::Overview::build(&mime::Message::parse(&content)).to_bytes();
    let blob = store.prepare_blob_blocking(&content)?;
    let address = address.to_string();
    store.write_blocking(move |tx| {
        let gone = StoreError::Missing(store::Missing::Account);
        let account = tx.account_by_address(&address)?.ok_or(gone.clone())?;
        let inbox = tx.mailbox_by_name(account.id, "INBOX")?.ok_or(gone)?;
        let keywords = Keywords::default();
        let new = NewMessage {
            blob: &blob,
            prefix: b"",
            received_ms: now_ms,
            flags: Flags::default(),
            keywords: &keywords,
            overview: &overview,
            trace_id: crate::trace::Name::new(now_ms).0,
            other_sizes: OtherSizes::default(),
        };
        tx.add_message(account.id, inbox.id, &new).map(|_| ())
    })?;
    Ok(())
}

fn guide(file: &Path, ports: &[(&str, u16)], accounts: &[(String, String); 2]) -> String {
    let port = |name: &str| ports.iter().find(|(known, _)| *known == name).map_or(0, |(_, port)| *port);
    let [(alice, alice_password), (bob, bob_password)] = accounts;
    let (submission, submissions, imaps, pop3s, dns) =
        (port("submission"), port("submissions"), port("imaps"), port("pop3s"), port("dns"));
    let (ftp, ftps) = (port("ftp"), port("ftps"));
    let config = file.display();
    let program = std::env::current_exe().map_or("posthouse".into(), |path| path.display().to_string());
    let services: Vec<String> = ports.iter().map(|(name, port)| format!("{name} {port}")).collect();
    format!(
        "
Posthouse serves {DOMAIN} on this machine until you press Ctrl-C.

  {alice}  password {alice_password}
  {bob}    password {bob_password}

  ports on 127.0.0.1: {}

Try this in another terminal (the certificate is self-signed, hence -k):

  # bob writes to alice
  swaks --server 127.0.0.1:{submission} --tls --auth PLAIN --auth-user {bob} --auth-password {bob_password} \\
        --from {bob} --to {alice} --header 'Subject: Grüße aus dem Posthaus' --body 'Hello Alice' --attach @/etc/hostname

  # the same with curl
  printf 'From: {bob}\\r\\nTo: {alice}\\r\\nSubject: by curl\\r\\n\\r\\nHello\\r\\n' | \\
  curl -k --url smtps://127.0.0.1:{submissions} --user {bob}:{bob_password} --mail-from {bob} --mail-rcpt {alice} -T -

  # alice reads by IMAP: the list, then the newest message
  curl -k --user {alice}:{alice_password} imaps://127.0.0.1:{imaps}/INBOX -X 'FETCH 1:* (UID FLAGS ENVELOPE)' -v 2>&1 | grep FETCH
  curl -k --user {alice}:{alice_password} 'imaps://127.0.0.1:{imaps}/INBOX;MAILINDEX=*'

  # and by POP3
  curl -k --user {alice}:{alice_password} pop3s://127.0.0.1:{pop3s}/1

  # she puts a file into her file area, with TLS on demand and inside TLS, and gets it back
  curl -k --ssl-reqd --user {alice}:{alice_password} -T /etc/services ftp://127.0.0.1:{ftp}/
  curl -k --user {alice}:{alice_password} -T /etc/services ftps://127.0.0.1:{ftps}/copies/services --ftp-create-dirs
  curl -k --ssl-reqd --user {alice}:{alice_password} ftp://127.0.0.1:{ftp}/services | cmp - /etc/services

  # an upload is cut after a second, and goes on where it was
  head -c 20M /dev/urandom > /tmp/posthouse-large
  curl -k --ssl-reqd --limit-rate 5M --max-time 2 --user {alice}:{alice_password} -T /tmp/posthouse-large ftp://127.0.0.1:{ftp}/ || true
  curl -k --ssl-reqd --user {alice}:{alice_password} -C - -T /tmp/posthouse-large ftp://127.0.0.1:{ftp}/
  curl -k --ssl-reqd --user {alice}:{alice_password} ftp://127.0.0.1:{ftp}/posthouse-large | cmp - /tmp/posthouse-large

  # a folder both ways, several files at once
  lftp -u {alice},{alice_password} -p {ftp} -e 'set ssl:verify-certificate no; mirror -R -P 3 /usr/share/doc/curl doc; mirror -P 3 doc /tmp/posthouse-doc; bye' 127.0.0.1

  # bob's camera knows neither TLS nor passive connections
  {program} --config {config} account ftp {bob} --device
  curl --user {bob}:{bob_password} --ftp-port - --ftp-method nocwd -T /etc/hostname ftp://127.0.0.1:{ftp}/2026/11/23/picture

  # what became of her mail
  {program} --config {config} trace {alice}

  # the domain's records, signed, which nobody typed; and whether all of them are as they should be
  dig @127.0.0.1 -p {dns} +dnssec {DOMAIN} MX
  {program} --config {config} dns status {DOMAIN}

",
        services.join(", ")
    )
}
