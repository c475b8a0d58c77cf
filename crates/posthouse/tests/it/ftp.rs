//! FTP where the driver decides: data connections, their protection, and what becomes of a transfer that
//! is cut off.

use crate::server::{PASSWORD, Server, setup};
use crate::talk::{DataTls, Talk};
use crate::wait;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use store::{Access, AreaId, EntryId, NewFile, Settings, Store, Tx};

pub const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";
/// More than any pair of socket buffers holds, so that a transfer of it can be met on its way.
const LARGE_BYTES: usize = 40 << 20;

/// Content that shows every shift and swap.
pub fn content(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes as u64).flat_map(|n| (n * 2_654_435_761).to_le_bytes()).take(len_bytes).collect()
}

fn greeted(server: &Server) -> Talk {
    let mut ftp = server.talk("ftp");
    ftp.expect("220 ");
    ftp
}

fn log_in(mut ftp: Talk, user: &str) -> Talk {
    ftp.command(&format!("USER {user}"), "331 ");
    ftp.command(&format!("PASS {PASSWORD}"), "230");
    ftp.command("TYPE I", "200 ");
    ftp
}

/// Logged in without TLS.
pub fn plain(server: &Server) -> Talk {
    log_in(greeted(server), ALICE)
}

/// Logged in inside TLS, data protected.
fn secure(server: &Server, user: &str) -> Talk {
    let mut ftp = greeted(server);
    ftp.command("AUTH TLS", "234 ");
    let mut ftp = log_in(ftp.start_tls(&server.certificate()), user);
    ftp.command("PBSZ 0", "200 ");
    ftp.command("PROT P", "200 ");
    ftp
}

fn port(ftp: &mut Talk) -> u16 {
    let reply = ftp.command("EPSV", "229 ");
    reply.split('|').nth(3).unwrap().parse().unwrap()
}

pub fn connect(port: u16) -> TcpStream {
    let data = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    data.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    data
}

/// A passive data connection.
pub fn passive(ftp: &mut Talk) -> TcpStream {
    connect(port(ftp))
}

#[track_caller]
pub fn put(ftp: &mut Talk, name: &str, bytes: &[u8]) {
    let mut data = passive(ftp);
    ftp.command(&format!("STOR {name}"), "150 ");
    data.write_all(bytes).unwrap();
    drop(data);
    ftp.expect("226 ");
}

#[track_caller]
pub fn get(ftp: &mut Talk, command: &str) -> Vec<u8> {
    let mut data = passive(ftp);
    ftp.command(command, "150 ");
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    ftp.expect("226 ");
    bytes
}

/// Everything that LIST, NLST or MLSD sends, as lines.
fn lines(ftp: &mut Talk, command: &str) -> Vec<String> {
    String::from_utf8(get(ftp, command)).unwrap().lines().map(str::to_string).collect()
}

#[test]
fn files_of_all_sizes_come_back() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    for len_bytes in [0, 1, 10_000, 65_536, 65_537, 300_000, 5_000_000] {
        let bytes = content(len_bytes);
        put(&mut ftp, "file", &bytes);
        assert!(get(&mut ftp, "RETR file") == bytes, "{len_bytes} bytes");
        ftp.command("SIZE file", &format!("213 {len_bytes}"));
        if len_bytes > 10 {
            ftp.command("REST 7", "350 ");
            assert!(get(&mut ftp, "RETR file") == bytes[7..], "{len_bytes} bytes from 7");
        }
    }
    ftp.command("TYPE A", "200 ");
    put(&mut ftp, "text", b"one\r\ntwo\r\n");
    assert_eq!(get(&mut ftp, "RETR text"), b"one\r\ntwo\r\n");
    ftp.command("TYPE I", "200 ");
    assert_eq!(get(&mut ftp, "RETR text"), b"one\ntwo\n");
}

#[test]
fn an_active_connection_comes_to_the_client_itself() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "file", b"content");
    for form in ["PORT", "EPRT"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        match form {
            "PORT" => ftp.command(&format!("PORT 127,0,0,1,{},{}", port >> 8, port & 255), "200 "),
            _ => ftp.command(&format!("EPRT |1|127.0.0.1|{port}|"), "200 "),
        };
        ftp.command("RETR file", "150 ");
        let mut bytes = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"content");
        ftp.expect("226 ");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let gone = listener.local_addr().unwrap().port();
    drop(listener);
    ftp.command(&format!("EPRT |1|127.0.0.1|{gone}|"), "200 ");
    ftp.say("RETR file");
    ftp.expect("150 ");
    ftp.expect("425 ");
    for foreign in ["PORT 10,0,0,9,4,1", "EPRT |1|127.0.0.9|50000|", "PORT 127,0,0,1,0,22"] {
        ftp.say(foreign);
        assert!(ftp.reply().starts_with('5'), "{foreign}");
    }
}

#[test]
fn one_listener_is_held_however_often_it_is_asked_for() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    port(&mut ftp);
    let before = server.open_sockets();
    for _ in 0..500 {
        port(&mut ftp);
    }
    assert!(server.open_sockets() <= before);
    assert!(get(&mut ftp, "NLST").is_empty(), "the last one serves");
}

#[test]
fn a_stranger_does_not_get_the_data_connection() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "file", b"content");
    let port = port(&mut ftp);
    let mut stranger = Talk::open_from([127, 0, 0, 9], port);
    let mut data = connect(port);
    ftp.command("RETR file", "150 ");
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"content");
    ftp.expect("226 ");
    assert!(stranger.is_closed());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "the listener closed");
}

#[test]
fn a_data_connection_that_does_not_come_or_does_not_read_is_given_up() {
    let server = setup().plaintext().tables("[ftp]\ndata_timeout_s = 1\n").start();
    let mut ftp = plain(&server);
    ftp.say("RETR file");
    assert!(["425", "503", "550"].contains(&&ftp.reply()[..3]), "without a data connection");
    put(&mut ftp, "file", &content(LARGE_BYTES));
    port(&mut ftp);
    ftp.command("RETR file", "150 ");
    ftp.expect("425 ");
    ftp.command("NOOP", "200 ");
    for command in ["RETR file", "STOR other"] {
        let data = passive(&mut ftp);
        let begun = Instant::now();
        ftp.command(command, "150 ");
        ftp.expect("426 ");
        assert!(begun.elapsed() < Duration::from_secs(20), "{command}: {:?}", begun.elapsed());
        drop(data);
    }
    ftp.command("NOOP", "200 ");
}

#[test]
fn those_who_stall_stop_nobody_else() {
    let server = setup().plaintext().tables("[ftp]\ntransfers_per_account_max = 300\n").start();
    let mut bob = log_in(greeted(&server), BOB);
    put(&mut bob, "file", &content(LARGE_BYTES));
    // More than there are threads; each has sent more than what fits into memory.
    let stalled: Vec<(Talk, TcpStream)> = (0..300)
        .map(|number| {
            let mut ftp = plain(&server);
            let mut data = passive(&mut ftp);
            ftp.command(&format!("STOR stalled{number}"), "150 ");
            data.write_all(&content(70_000)).unwrap();
            (ftp, data)
        })
        .collect();
    let mut late = plain(&server);
    let _unused = passive(&mut late);
    let refused = late.command("RETR file", "450 ");
    assert!(refused.contains("Too many transfers"), "{refused}");
    late.command("HASH file", "5");
    assert!(get(&mut bob, "RETR file").len() == LARGE_BYTES);
    put(&mut bob, "other", &content(300_000));
    drop(stalled);
    let again = wait::until(Duration::from_secs(20), || {
        let _data = passive(&mut late);
        late.say("STOR more");
        late.reply().starts_with("150 ").then_some(())
    });
    assert!(again.is_some());
}

#[test]
fn what_is_no_file_is_not_sent() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    ftp.command("MKD folder", "257 ");
    for name in ["folder", "/", "missing", "folder/missing", "../../../etc/passwd", "/proc/self/mem"] {
        let _data = passive(&mut ftp);
        ftp.command(&format!("RETR {name}"), "550 ");
    }
    ftp.command("CWD ../../..", "250 ");
    assert!(ftp.command("PWD", "257 ").contains("\"/\""));
}

#[test]
fn a_cut_upload_is_kept_apart_and_can_be_gone_on_with() {
    let server = setup().plaintext().start();
    // More than the sockets hold between them, so that the server has begun to write.
    let bytes = content(24_000_000);
    // The client loses its connections: the data connection with a reset, so that no end is claimed.
    let mut ftp = plain(&server);
    let mut data = passive(&mut ftp);
    ftp.command("STOR big", "150 ");
    data.write_all(&bytes[..16_000_000]).unwrap();
    drop(ftp);
    let mut ftp = plain(&server);
    let kept = wait::until(Duration::from_secs(20), || {
        ftp.say("SIZE big");
        ftp.reply().strip_prefix("213 ").map(|size| size.parse::<usize>().unwrap())
    });
    let kept = kept.expect("a part is kept");
    drop(data);
    assert!(kept > 0 && kept <= 16_000_000);
    assert!(lines(&mut ftp, "NLST").is_empty(), "a part is no file");
    let _unused = passive(&mut ftp);
    ftp.command("RETR big", "550 ");
    let mut data = passive(&mut ftp);
    ftp.command(&format!("REST {kept}"), "350 ");
    ftp.command("STOR big", "150 ");
    data.write_all(&bytes[kept..]).unwrap();
    drop(data);
    ftp.expect("226 ");
    assert!(get(&mut ftp, "RETR big") == bytes);
}

/// Sends the first bytes of an upload and loses its connection; the length that SIZE tells then, other than `older_bytes`.
fn cut_upload(server: &Server, command: &str, bytes: &[u8], older_bytes: Option<usize>) -> usize {
    let mut ftp = plain(server);
    let mut data = passive(&mut ftp);
    ftp.command(command, "150 ");
    data.write_all(bytes).unwrap();
    drop(ftp);
    let mut ftp = plain(server);
    let kept = wait::until(Duration::from_secs(20), || {
        ftp.say(&command.replace("STOR", "SIZE").replace("APPE", "SIZE"));
        let size = ftp.reply().strip_prefix("213 ").map(|size| size.parse::<usize>().unwrap());
        size.filter(|size| Some(*size) != older_bytes)
    });
    drop(data);
    kept.expect("a part is kept")
}

#[test]
fn a_cut_upload_over_a_file_leaves_the_file() {
    let server = setup().plaintext().start();
    let old = content(100_000);
    put(&mut plain(&server), "big", &old);
    for len_bytes in [30_000, 16_000_000] {
        let mut ftp = plain(&server);
        let mut data = passive(&mut ftp);
        ftp.command("STOR big", "150 ");
        data.write_all(&vec![b'n'; len_bytes]).unwrap();
        ftp.command("ABOR", "426 ");
        ftp.expect("226 ");
        // Nothing is in the way of those who fetch it as curl does.
        ftp.command("SIZE big", "213 100000");
        assert!(get(&mut ftp, "RETR big") == old);
        ftp.command("SITE QUOTA", "2");
    }
}

#[test]
fn a_cut_upload_behind_a_file_goes_on_with_itself_only() {
    let server = setup().plaintext().start();
    let (old, new) = (vec![b'o'; 3_000_000], content(24_000_000));
    let whole = [&old[..], &new].concat();
    let mut ftp = plain(&server);
    put(&mut ftp, "big", &old);
    let kept = cut_upload(&server, "APPE big", &new[..16_000_000], Some(old.len()));
    assert!(kept > old.len() && kept < 19_000_000);
    // The older file is whole, and is not mistaken for the part.
    let mut ftp = plain(&server);
    assert!(get(&mut ftp, "RETR big") == old);
    ftp.command("SIZE big", &format!("213 {kept}"));
    let _unused = passive(&mut ftp);
    ftp.command("RETR big", "450 ");
    // Going on behind what is kept is refused.
    let mut ftp = plain(&server);
    let _unused = passive(&mut ftp);
    ftp.command("REST 19000000", "350 ");
    let refused = ftp.command("STOR big", "554 ");
    assert!(refused.contains(&kept.to_string()), "{refused}");
    ftp.command("SIZE big", &format!("213 {kept}"));
    let mut data = passive(&mut ftp);
    ftp.command("APPE big", "150 ");
    data.write_all(&whole[kept..]).unwrap();
    drop(data);
    ftp.expect("226 ");
    assert!(get(&mut ftp, "RETR big") == whole);
    // Whoever was told of a part that is no more does not go on with the file.
    let kept = cut_upload(&server, "APPE big", &new, Some(whole.len()));
    let mut late = plain(&server);
    late.command("SIZE big", &format!("213 {kept}"));
    put(&mut ftp, "big", b"short");
    let _unused = passive(&mut late);
    late.command("APPE big", "554 ");
    assert_eq!(get(&mut late, "RETR big"), b"short");
}

#[test]
fn a_removed_or_renamed_file_leaves_no_part_behind() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    // More than the sockets hold between them, so that some of it has come for sure.
    let bytes = content(16_000_000);
    for name in ["removed", "renamed"] {
        put(&mut ftp, name, b"old");
        cut_upload(&server, &format!("APPE {name}"), &bytes, Some(3));
    }
    ftp.command("DELE removed", "250 ");
    ftp.command("SIZE removed", "550 ");
    ftp.command("RNFR renamed", "350 ");
    ftp.command("RNTO other", "250 ");
    ftp.command("SIZE renamed", "550 ");
    ftp.command("SIZE other", "213 3");
    cut_upload(&server, "STOR alone", &bytes, None);
    ftp.command("DELE alone", "250 ");
    ftp.command("SIZE alone", "550 ");
}

#[test]
fn append_goes_on_behind_the_file_and_rest_inside_it() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    for bytes in [b"one ", b"two ", b"tri "] {
        let mut data = passive(&mut ftp);
        ftp.command("APPE log", "150 ");
        data.write_all(bytes).unwrap();
        drop(data);
        ftp.expect("226 ");
    }
    assert_eq!(get(&mut ftp, "RETR log"), b"one two tri ");
    let mut data = passive(&mut ftp);
    ftp.command("REST 8", "350 ");
    ftp.command("STOR log", "150 ");
    data.write_all(b"three").unwrap();
    drop(data);
    ftp.expect("226 ");
    assert_eq!(get(&mut ftp, "RETR log"), b"one two three");
    let _data = passive(&mut ftp);
    ftp.command("REST 99", "350 ");
    ftp.command("STOR log", "554 ");
}

#[test]
fn abor_stops_a_transfer_at_once() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "file", &content(LARGE_BYTES));
    // Also as old clients send it: interrupt and data mark of Telnet in front (RFC 959 §4.1.3).
    for abor in [&b"ABOR\r\n"[..], b"\xff\xf4\xff\xf2ABOR\r\n"] {
        let mut data = passive(&mut ftp);
        ftp.command("RETR file", "150 ");
        data.read_exact(&mut [0; 1000]).unwrap();
        let begun = Instant::now();
        ftp.send(abor);
        ftp.expect("426 ");
        ftp.expect("226 ");
        assert!(begun.elapsed() < Duration::from_secs(5));
        let mut rest = Vec::new();
        let _ = data.read_to_end(&mut rest);
        assert!(rest.len() < LARGE_BYTES - 1000);
    }
    assert_eq!(get(&mut ftp, "RETR file").len(), LARGE_BYTES);
    ftp.command("ABOR", "22");
}

#[test]
fn without_its_control_connection_a_transfer_ends() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "file", &content(LARGE_BYTES));
    let mut data = passive(&mut ftp);
    ftp.command("RETR file", "150 ");
    drop(ftp);
    let mut bytes = Vec::new();
    let _ = data.read_to_end(&mut bytes);
    assert!(bytes.len() < LARGE_BYTES);
}

/// The reply to a store over a data connection that was made by `open`.
fn store_over(ftp: &mut Talk, name: &str, open: impl FnOnce(&Talk, u16) -> DataTls, proper: bool) -> String {
    let port = port(ftp);
    let mut data = open(ftp, port);
    ftp.command(&format!("STOR {name}"), "150 ");
    let _ = data.write_all(b"content");
    if proper {
        data.conn.send_close_notify();
    }
    let _ = data.flush();
    let _ = data.sock.shutdown(Shutdown::Write);
    // Through TLS: the tickets for the next data connection come with the end.
    let _ = data.read_to_end(&mut Vec::new());
    ftp.reply()
}

#[test]
fn a_protected_data_connection_belongs_to_its_control_connection() {
    let server = setup().start();
    let (mut alice, mut bob) = (secure(&server, ALICE), secure(&server, BOB));
    for _ in 0..10 {
        let reply = store_over(&mut alice, "own", |ftp, port| ftp.data_tls(port, None), true);
        assert!(reply.starts_with("226 "), "{reply}");
    }
    bob.command("NOOP", "200 ");
    let reply = store_over(&mut alice, "stolen", |ftp, port| ftp.data_tls(port, Some(&bob)), true);
    assert!(reply.starts_with("522 ") || reply.starts_with("425 "), "{reply}");
    alice.forget_sessions();
    let reply = store_over(&mut alice, "fresh", |ftp, port| ftp.data_tls(port, None), true);
    assert!(reply.starts_with("522 ") || reply.starts_with("425 "), "{reply}");
    for name in ["stolen", "fresh"] {
        alice.command(&format!("SIZE {name}"), "550 ");
    }
    server.cli(&["account", "ftp", ALICE, "--binding", "prefer"]).ok();
    let mut alice = secure(&server, ALICE);
    alice.forget_sessions();
    let reply = store_over(&mut alice, "fresh", |ftp, port| ftp.data_tls(port, None), true);
    assert!(reply.starts_with("226 "), "{reply}");
}

#[test]
fn an_upload_inside_tls_without_its_proper_end_is_not_whole() {
    let server = setup().start();
    let mut ftp = secure(&server, ALICE);
    let reply = store_over(&mut ftp, "cut", |ftp, port| ftp.data_tls(port, None), false);
    assert!(reply.starts_with("426 ") || reply.starts_with("451 "), "{reply}");
    let _data = port(&mut ftp);
    ftp.command("RETR cut", "550 ");
    // Were it the whole, nobody would go on with it.
    ftp.command("SIZE cut", "213 6");
    let reply = store_over(&mut ftp, "whole", |ftp, port| ftp.data_tls(port, None), true);
    assert!(reply.starts_with("226 "), "{reply}");
}

#[test]
fn the_quota_stops_an_upload_on_its_way() {
    let server = setup().plaintext().start();
    server.cli(&["account", "quota", ALICE, "1000000"]).ok();
    let mut ftp = plain(&server);
    for len_bytes in [LARGE_BYTES, 1_000_001] {
        let mut data = passive(&mut ftp);
        ftp.command("STOR big", "150 ");
        // The server stops reading.
        let _ = data.write_all(&content(len_bytes));
        drop(data);
        ftp.expect("552 ");
        ftp.command("SIZE big", "550 ");
    }
    put(&mut ftp, "small", &content(900_000));
    let mut data = passive(&mut ftp);
    ftp.command("STOR other", "150 ");
    let _ = data.write_all(&content(200_000));
    drop(data);
    ftp.expect("552 ");
    ftp.command("ALLO 200000", "552 ");
    ftp.command("ALLO 50000", "200 ");
}

#[test]
fn long_folders_are_listed_whole() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    ftp.command("MKD many", "257 ");
    let names: Vec<String> = (0..2500).map(|number| format!("{number:05}")).collect();
    for some in names.chunks(100) {
        let commands: String = some.iter().map(|name| format!("MKD many/{name}\r\n")).collect();
        ftp.send(commands.as_bytes());
        some.iter().for_each(|_| drop(ftp.expect("257 ")));
    }
    ftp.command("CWD many", "250 ");
    assert_eq!(lines(&mut ftp, "NLST"), names);
    assert_eq!(lines(&mut ftp, "NLST 0001*").len(), 10);
    let long = lines(&mut ftp, "LIST -al");
    assert!(long.len() == names.len() && long.iter().all(|line| line.starts_with("drwx")));
    let facts = lines(&mut ftp, "MLSD");
    assert!(facts.iter().filter(|line| line.contains("type=dir;")).count() == names.len());
    ftp.send(b"STAT -R /many\r\n");
    assert!(ftp.reply().lines().count() < 1000, "bounded");
}

#[test]
fn a_folder_of_any_size_takes_the_memory_of_a_page() {
    const ENTRIES: usize = 100_000;
    let mut server = setup().plaintext().start();
    server.stop();
    fill(&server, ENTRIES);
    server.launch();
    let mut ftp = plain(&server);
    // What the first listing leaves behind, such as pages of the database in memory, is not of its size.
    for (command, is_measured) in [("NLST 0*", false), ("NLST", true), ("MLSD", true), ("LIST", true)] {
        let (before_kib, begun) = (server.resident_kib(), Instant::now());
        let mut data = passive(&mut ftp);
        ftp.command(command, "150 ");
        let (mut lines, mut most_kib, mut space) = (0, before_kib, vec![0; 1 << 16]);
        loop {
            let count = data.read(&mut space).unwrap();
            if count == 0 {
                break;
            }
            lines += space[..count].iter().filter(|byte| **byte == b'\n').count();
            most_kib = most_kib.max(server.resident_kib());
        }
        ftp.expect("226 ");
        let grown_kib = most_kib - before_kib;
        println!("{command} of {ENTRIES} entries: {:?}, at most {grown_kib} KiB more", begun.elapsed());
        if is_measured {
            assert!(lines >= ENTRIES && grown_kib < 16 * 1024, "{command}: {lines} lines, {grown_kib} KiB");
        }
    }
}

/// Files in the root of alice's area, put there while the server does not run.
fn fill(server: &Server, entries: usize) {
    let (url, blobs) = ("sqlite:posthouse.db".to_string(), "file:blobs".to_string());
    let data_dir = server.folder.join("data");
    let store = Store::open(&Settings { url, blobs, data_dir, readers: 1 }).unwrap();
    let account = store.read_blocking(|view| view.account_by_address(ALICE)).unwrap().unwrap().id;
    let area = AreaId::Account(account);
    let mut upload = store.upload(area, 0);
    upload.write_block(b"content").unwrap();
    let content = upload.finish().unwrap();
    let job = move |tx: &mut Tx<'_>| {
        for number in 0..entries {
            let (name, content, folder) = (&*format!("{number:07}"), &content, EntryId::ROOT);
            let new = NewFile { area, folder, name, content, modified_ms: 0, replaces: false };
            tx.place_file(Access::Operator, &new)?;
        }
        Ok(())
    };
    store.write_blocking(job).unwrap();
}

#[test]
fn a_rate_limit_holds_for_all_transfers_together() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "file", &content(1_500_000));
    server.cli(&["account", "ftp", ALICE, "--rate-down", "1000000"]).ok();
    let mut ftp = plain(&server);
    let begun = Instant::now();
    get(&mut ftp, "RETR file");
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1000), "{took:?}");
}

#[test]
fn a_device_logs_in_plain_and_has_its_folders_made() {
    let server = setup().start();
    let mut ftp = greeted(&server);
    ftp.say(&format!("USER {ALICE}"));
    ftp.expect("530 ");
    server.cli(&["account", "ftp", BOB, "--device"]).ok();
    let mut ftp = log_in(greeted(&server), BOB);
    ftp.command("ALLO 1000", "200 ");
    ftp.command("EPSV", "502 ");
    let reply = ftp.command("PASV", "227 ");
    let numbers: Vec<u16> =
        reply.split(['(', ')']).nth(1).unwrap().split(',').map(|number| number.parse().unwrap()).collect();
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, numbers[4] << 8 | numbers[5]));
    let mut data = TcpStream::connect(at).unwrap();
    ftp.command("STOR 2026/11/23/picture.jpg", "150 ");
    data.write_all(b"picture").unwrap();
    drop(data);
    ftp.expect("226 ");
    ftp.command("SIZE /2026/11/23/picture.jpg", "213 7");
}

#[test]
fn a_server_that_stops_lets_a_transfer_end() {
    let mut server = setup().plaintext().start();
    let mut ftp = plain(&server);
    let mut data = passive(&mut ftp);
    ftp.command("STOR file", "150 ");
    data.write_all(b"first").unwrap();
    let mut idle = plain(&server);
    server.signal("TERM");
    idle.expect("421 ");
    data.write_all(b"second").unwrap();
    drop(data);
    let reply = ftp.reply();
    assert!(reply.starts_with("226 ") || reply.starts_with("421 "), "{reply}");
    assert_eq!(server.wait_for_end(Duration::from_secs(30)), Some(0));
    if reply.starts_with("226 ") {
        server.launch();
        assert_eq!(get(&mut plain(&server), "RETR file"), b"firstsecond");
    }
}

#[test]
fn the_log_tells_of_transfers_and_cannot_be_forged() {
    let server = setup().plaintext().start();
    let mut ftp = plain(&server);
    put(&mut ftp, "na\u{85}me \u{202e}x", b"content");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("\"transfer\"")).expect("a line of the transfer");
    assert!(line.contains("\"bytes\":7") && line.contains(ALICE), "{line}");
    assert!(!line.contains('\u{85}') && !line.contains('\u{202e}'), "{line}");
    assert!(!log.contains(PASSWORD));
}

#[test]
fn compressed_transfers_are_there_when_switched_on() {
    let server = setup().plaintext().start();
    plain(&server).command("MODE Z", "504 ");
    let server = setup().plaintext().tables("[ftp]\nmode_z = true\n").start();
    server.python("ftp_mode_z.py", &[]);
}
