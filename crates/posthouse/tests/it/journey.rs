//! The whole way of a letter, with the programs that people have.

use crate::programs::{program, run};
use crate::server::{PASSWORD, Server, setup};
use std::fs;
use std::path::{Path, PathBuf};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

/// A letter with a subject that is not ASCII and an attachment, in CRLF.
pub fn letter() -> String {
    let attachment: String =
        (0..200).map(|line| format!("{}\r\n", "QUJDREVGR0hJ".repeat(5 + line % 2))).collect();
    format!(
        "From: Bob <{BOB}>\r\nTo: Alice <{ALICE}>\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus dem Posthaus\r\n\
         Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nMessage-ID: <journey-1@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"cut here\"\r\n\r\n--cut here\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         Schöne Grüße!\r\n.\r\n..two dots\r\n\r\n--cut here\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"data.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         {attachment}--cut here--\r\n"
    )
}

/// Bob sends it with swaks over STARTTLS; the id from the reply.
#[track_caller]
pub fn swaks_sends(server: &Server) -> String {
    let file = server.folder.join("letter");
    // swaks ends the last line itself.
    fs::write(&file, letter().replace("\r\n", "\n").trim_end()).unwrap();
    let mut swaks = program("swaks");
    swaks.args(["--server", &server.at("submission"), "--tls", "--from", BOB, "--to", ALICE]);
    swaks.args(["--auth", "PLAIN", "--auth-user", BOB, "--auth-password", PASSWORD]);
    let said = run(swaks.args(["--data", &format!("@{}", file.display())])).ok();
    let reply = said.lines().rfind(|line| line.contains("250 2.0.0") || line.contains("250 2.6.0"));
    let reply = reply.unwrap_or_else(|| panic!("no reply to the message: {said}"));
    let id =
        reply.split_whitespace().find(|word| word.len() == 13 && word.chars().all(char::is_alphanumeric));
    id.unwrap_or_else(|| panic!("no id in {reply}")).to_string()
}

/// What curl reads from an address as alice.
#[track_caller]
pub fn curl_reads(server: &Server, url: &str, more: &[&str]) -> String {
    let mut curl = program("curl");
    curl.args(["-sS", "--cacert"]).arg(server.certificate());
    curl.args(["--user", &format!("{ALICE}:{PASSWORD}"), url]).args(more);
    run(&mut curl).ok()
}

#[test]
fn a_letter_goes_the_whole_way_and_can_be_traced() {
    let server = setup().start();
    let id = swaks_sends(&server);
    let by_imap = curl_reads(&server, &format!("imaps://{}/INBOX;MAILINDEX=1", server.named("imaps")), &[]);
    let by_pop3 = curl_reads(&server, &format!("pop3s://{}/1", server.named("pop3s")), &[]);
    let letter = letter();
    assert!(by_imap.ends_with(&letter), "by IMAP: {by_imap}");
    assert_eq!(by_imap, by_pop3);
    assert!(by_imap.contains(&format!("with ESMTPSA id {id}")), "{by_imap}");
    let subjects = curl_reads(
        &server,
        &format!("imaps://{}/INBOX?SUBJECT%20%22Posthaus%22", server.named("imaps")),
        &[],
    );
    assert_eq!(subjects.trim_end(), "* SEARCH 1");
    for query in [id.as_str(), ALICE, BOB, "journey-1@example.org", "<journey-1@example.org>"] {
        let story = server.cli(&["trace", query]).ok();
        assert!(story.starts_with(&format!("message {id}\n")), "{query}: {story}");
        assert!(story.contains("received") && story.contains("logged in as bob@example.org"), "{story}");
        assert!(story.contains("delivered") && story.contains("into INBOX"), "{story}");
    }
    assert!(server.cli(&["trace", "nobody@example.org"]).fails(1).starts_with("Nothing is known"));
}

#[test]
fn a_waiting_session_is_told_of_new_mail_at_once() {
    let server = setup().start();
    let said = server.python("idle.py", &[]);
    eprintln!("{said}");
}

/// The files of a maildir's `cur` and `new`.
fn maildir(folder: &Path) -> Vec<PathBuf> {
    let files = |sub: &str| fs::read_dir(folder.join(sub)).unwrap().map(|entry| entry.unwrap().path());
    files("cur").chain(files("new")).collect()
}

fn mbsync(server: &Server) {
    let mail = server.folder.join("mail");
    fs::create_dir_all(&mail).unwrap();
    let text = format!(
        "IMAPAccount it\nHost localhost\nPort {}\nUser {ALICE}\nPass \"{PASSWORD}\"\nSSLType IMAPS\n\
         SystemCertificates no\nCertificateFile {}\n\nIMAPStore remote\nAccount it\n\nMaildirStore local\n\
         Path {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\nChannel it\nFar :remote:\nNear :local:\n\
         Patterns *\nCreate Both\nExpunge Both\nSyncState *\n",
        server.port("imaps"),
        server.certificate().display(),
        mail = mail.display()
    );
    let file = server.folder.join("mbsyncrc");
    fs::write(&file, text).unwrap();
    let mut mbsync = program("mbsync");
    mbsync.env("HOME", &server.folder).arg("-c").arg(&file).arg("-a");
    run(&mut mbsync).ok();
}

#[test]
fn mbsync_mirrors_in_both_directions() {
    let server = setup().start();
    swaks_sends(&server);
    server.deliver(ALICE, "Subject: second\r\n\r\ntext\r\n");
    mbsync(&server);
    let inbox = server.folder.join("mail/INBOX");
    let mut files = maildir(&inbox);
    assert_eq!(files.len(), 2);
    let text = |file: &PathBuf| fs::read_to_string(file).unwrap();
    files.sort_by_key(|file| !text(file).contains("journey-1"));
    // mbsync puts a mark of its own into the header.
    let mirrored: String =
        text(&files[0]).split_inclusive('\n').filter(|line| !line.starts_with("X-TUID: ")).collect();
    assert!(mirrored.ends_with(&letter().replace("\r\n", "\n")), "{mirrored}");
    // Read here; a new one here; a new folder here.
    let name = files[0].file_name().unwrap().to_str().unwrap();
    let name = name.split(":2,").next().unwrap();
    fs::rename(&files[0], inbox.join("cur").join(format!("{name}:2,FS"))).unwrap();
    fs::write(inbox.join("new/1700000000.1_1.here"), "From: a@b\nSubject: from here\n\nüber\n").unwrap();
    let folder = server.folder.join("mail/From here");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
    fs::write(folder.join("new/1700000000.1_2.here"), "Subject: in a folder\n\n").unwrap();
    mbsync(&server);
    let at = server.named("imaps");
    let flags = curl_reads(
        &server,
        &format!("imaps://{at}/INBOX"),
        &["-X", "FETCH 1:* (UID FLAGS)", "-v", "--stderr", "-"],
    );
    assert!(flags.contains("* 3 FETCH"), "{flags}");
    assert!(flags.contains("\\Flagged \\Seen") || flags.contains("\\Seen \\Flagged"), "{flags}");
    let third = curl_reads(&server, &format!("imaps://{at}/INBOX;MAILINDEX=3"), &[]);
    assert!(third.contains("Subject: from here\r\n") && third.ends_with("\r\n\r\nüber\r\n"), "{third}");
    // And away again, from there to here.
    curl_reads(&server, &format!("imaps://{at}/INBOX"), &["-X", "STORE 2 +FLAGS.SILENT \\Deleted"]);
    curl_reads(&server, &format!("imaps://{at}/INBOX"), &["-X", "EXPUNGE"]);
    mbsync(&server);
    assert_eq!(maildir(&inbox).len(), 2);
    assert!(server.cli(&["check"]).ok().contains("all is well"));
}

#[test]
fn neomutt_shows_and_files_a_letter() {
    let server = setup().start();
    swaks_sends(&server);
    server.python("neomutt.py", &[server.folder.to_str().unwrap()]);
    let shown = fs::read_to_string(server.folder.join("shown")).unwrap();
    assert!(shown.contains("Subject: Grüße aus dem Posthaus") && shown.contains("Schöne Grüße!"), "{shown}");
    let at = server.named("imaps");
    let filed = curl_reads(&server, &format!("imaps://{at}/Kept;MAILINDEX=1"), &[]);
    assert!(filed.ends_with(&letter()), "{filed}");
}
