//! `posthouse ftp` against a server that cuts, lies and forgets: whatever happens, no file ends as a mixture.

use crate::ftp::content;
use crate::programs::{Ran, run};
use crate::server::fresh_folder;
use crate::wait;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How an upload is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Something between the two takes the bytes and gives none of them to the server.
    Unseen,
    /// The server has taken so many.
    After(u64),
}

/// A server's state and its vices.
#[derive(Default)]
struct World {
    files: BTreeMap<String, Vec<u8>>,
    /// Uploads that were cut, where those are kept apart.
    parts: BTreeMap<String, Vec<u8>>,
    keeps_apart: bool,
    /// What was kept apart never gets its name.
    never_whole: bool,
    makes_digests: bool,
    digests_lie: bool,
    cuts: VecDeque<Cut>,
    /// Lines that are listed beside the files.
    listed: String,
    log: Vec<String>,
    connections: usize,
    connections_max: Option<usize>,
    greets_without_end: bool,
    retrieved: usize,
    /// RETR sends half of the file and breaks; then the file is this one, and newer.
    replaced_by: Option<Vec<u8>>,
    is_newer: bool,
    tells_no_times: bool,
    /// What RETR sends, whatever the file is.
    sends_without_end: bool,
}

#[derive(Clone)]
struct Toy {
    world: Arc<Mutex<World>>,
    url: String,
}

impl Toy {
    fn start(world: World) -> Toy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ftp://{}/", listener.local_addr().unwrap());
        let toy = Toy { world: Arc::new(Mutex::new(world)), url };
        let serving = toy.clone();
        thread::spawn(move || {
            for control in listener.incoming() {
                let toy = serving.clone();
                thread::spawn(move || toy.serve(control.unwrap()));
            }
        });
        toy
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.world().files.get(path).cloned()
    }

    fn was_told(&self, line: &str) -> bool {
        self.world().log.iter().any(|told| told == line)
    }

    fn serve(&self, mut control: TcpStream) -> Option<()> {
        let number = {
            let mut world = self.world();
            world.connections += 1;
            world.connections
        };
        if self.world().connections_max.is_some_and(|max| number > max) {
            // The first has fetched all that it was to fetch when the next is turned away.
            wait::until(Duration::from_secs(20), || (self.world().retrieved > 0).then_some(()))?;
            wait::load_for(Duration::from_millis(200));
            return control.write_all(b"421 too many\r\n").ok();
        }
        while self.world().greets_without_end {
            control.write_all(&b"120 soon\r\n".repeat(100)).ok()?;
        }
        control.write_all(b"220 hello\r\n").ok()?;
        let (mut data, mut rest) = (None, 0);
        for line in BufReader::new(control.try_clone().ok()?).lines() {
            let line = line.ok()?;
            self.world().log.push(line.clone());
            let (verb, path) = line.split_once(' ').unwrap_or((&line, ""));
            let reply = match verb {
                "EPSV" => {
                    let listener = TcpListener::bind("127.0.0.1:0").ok()?;
                    let port = listener.local_addr().ok()?.port();
                    data = Some(listener);
                    format!("229 (|||{port}|)")
                }
                "REST" => {
                    rest = path.parse().ok()?;
                    "350 go on".to_string()
                }
                "MLSD" | "RETR" | "STOR" => {
                    control.write_all(b"150 go\r\n").ok()?;
                    let data: TcpListener = data.take()?;
                    let reply =
                        self.transfer(verb, path, std::mem::take(&mut rest), data.accept().ok()?.0)?;
                    // Who has read the reply sees what came of the command.
                    self.world().retrieved += usize::from(verb == "RETR");
                    reply
                }
                _ => self.reply(verb, path),
            };
            control.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
        }
        Some(())
    }

    fn reply(&self, verb: &str, path: &str) -> String {
        let world = self.world();
        let (file, part) = (world.files.get(path), world.parts.get(path));
        match (verb, file) {
            ("USER", _) => "230 in".into(),
            ("FEAT", _) => {
                let hash = if world.makes_digests { " HASH SHA-256*\r\n" } else { "" };
                let facts = "MLST type*;size*;modify*;perm*;unix.mode*;";
                format!("211-Features\r\n {facts}\r\n REST STREAM\r\n{hash}211 End")
            }
            ("PWD", _) => "257 \"/\"".into(),
            ("TYPE", _) => "200 ok".into(),
            ("MLST", _) if path == "/" => "250-Facts\r\n type=dir; /\r\n250 End".into(),
            ("MLST", Some(file)) => format!("250-Facts\r\n {} x\r\n250 End", world.facts(file)),
            ("SIZE", file) if part.or(file).is_some() => format!("213 {}", part.or(file).unwrap().len()),
            ("HASH", Some(file)) if world.makes_digests => {
                let of = if world.digests_lie { b"lie" } else { file.as_slice() };
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, of);
                let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                format!("213 SHA-256 0-{} {hex} x", file.len())
            }
            ("MLST" | "SIZE" | "HASH", None) => "550 not there".into(),
            _ => "502 no".into(),
        }
    }

    /// Moves data; no reply where the control connection is cut, too.
    fn transfer(&self, verb: &str, path: &str, rest: usize, mut data: TcpStream) -> Option<String> {
        if verb != "STOR" {
            let bytes = if verb == "MLSD" {
                let world = self.world();
                let line =
                    |(path, file): (&String, &Vec<u8>)| format!("{} {}\r\n", world.facts(file), &path[1..]);
                let files: String = world.files.iter().map(line).collect();
                if path == "/" { files + &world.listed } else { String::new() }.into_bytes()
            } else {
                self.file(path)?.split_off(rest)
            };
            let replaced_by = if verb == "RETR" { self.world().replaced_by.take() } else { None };
            if let Some(newer) = replaced_by {
                let _ = data.write_all(&bytes[..bytes.len() / 2]);
                let mut world = self.world();
                world.files.insert(path.to_string(), newer);
                world.is_newer = true;
                return None;
            }
            // Who has all that was wanted closes.
            let _ = data.write_all(&bytes);
            while verb == "RETR" && self.world().sends_without_end {
                if data.write_all(&bytes).is_err() {
                    break;
                }
            }
            return Some("226 done".into());
        }
        let cut = self.world().cuts.pop_front();
        let limit = match cut {
            None => u64::MAX,
            Some(Cut::Unseen) => 200_000,
            Some(Cut::After(bytes)) => bytes,
        };
        let mut bytes = Vec::new();
        data.take(limit).read_to_end(&mut bytes).ok()?;
        let mut world = self.world();
        if matches!(cut, Some(Cut::Unseen)) {
            return None;
        }
        let old = world.parts.remove(path).or_else(|| world.files.get(path).cloned()).unwrap_or_default();
        let new = [&old[..rest], &bytes].concat();
        let apart = world.keeps_apart && (cut.is_some() || world.never_whole);
        if apart { &mut world.parts } else { &mut world.files }.insert(path.to_string(), new);
        if cut.is_some() { None } else { Some("226 done".into()) }
    }
}

impl World {
    fn facts(&self, file: &[u8]) -> String {
        let modified = match (self.tells_no_times, self.is_newer) {
            (true, _) => "",
            (_, true) => "modify=20260101000001;",
            _ => "modify=20260101000000;",
        };
        format!("type=file;size={};{modified}", file.len())
    }
}

fn ftp(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    run(command.arg("ftp").args(arguments).args(["--tls", "off"]).env_remove("POSTHOUSE_FTP_PASSWORD"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Contents that are nobody else's.
fn own(number: u8, len_bytes: usize) -> Vec<u8> {
    content(len_bytes).iter().map(|byte| byte.wrapping_add(number)).collect()
}

#[test]
fn names_of_files_and_of_parts_never_meet() {
    let names = ["a", "a.part", "a.parts", "a.parts.map", "a.part.part", "a~", "part-a", "b.part", "b"];
    let file = |(number, name): (usize, &&str)| (format!("/{name}"), own(number as u8, 400_000));
    let files: BTreeMap<_, _> = names.iter().enumerate().map(file).collect();
    let toy = Toy::start(World { files: files.clone(), ..World::default() });
    for parallel in ["1", "4"] {
        let target = fresh_folder();
        ftp(&["mirror", "-P", parallel, &toy.url, text(&target)]).ok();
        for (name, file) in &files {
            assert!(fs::read(target.join(&name[1..])).unwrap() == *file, "{name} with -P {parallel}");
        }
        assert_eq!(fs::read_dir(&target).unwrap().count(), names.len());
    }
    // What is called as only parts are called is not taken, and the others are.
    toy.world().files.insert("/.posthouse-part-a".into(), b"evil".to_vec());
    toy.world().files.insert("/.Posthouse-x".into(), b"evil".to_vec());
    let target = fresh_folder();
    let said = ftp(&["mirror", &toy.url, text(&target)]).fails(9);
    assert!(said.contains("9 files moved") && said.contains("2 failed"), "{said}");
    assert!(said.contains("/.posthouse-part-a: names that begin with .posthouse- are for parts"), "{said}");
    assert_eq!(fs::read(target.join("a")).unwrap(), files["/a"]);
    fs::write(target.join(".posthouse-part-z"), "left").unwrap();
    let said = ftp(&["mirror", "-R", text(&target), &toy.url]).fails(9);
    assert!(said.contains("9 unchanged") && said.contains("1 failed"), "{said}");
    assert_eq!(toy.file("/.posthouse-part-z"), None);
}

#[test]
fn a_fetch_leaves_the_files_beside_it_alone() {
    let files = BTreeMap::from([("/a".to_string(), own(1, 5_000_000))]);
    let toy = Toy::start(World { files, ..World::default() });
    let target = fresh_folder();
    for name in ["a.part", "a.parts", "a.parts.map", "a.parts.map~"] {
        fs::write(target.join(name), name).unwrap();
    }
    // Of an earlier run, and nobody said that it is to be gone on with.
    fs::write(target.join(".posthouse-part-a"), "left").unwrap();
    for segments in ["1", "3"] {
        ftp(&["get", &format!("{}a", toy.url), text(&target), "--segments", segments]).ok();
        assert!(fs::read(target.join("a")).unwrap() == own(1, 5_000_000), "{segments}");
    }
    for name in ["a.part", "a.parts", "a.parts.map", "a.parts.map~"] {
        assert_eq!(fs::read(target.join(name)).unwrap(), name.as_bytes());
    }
    assert_eq!(fs::read_dir(&target).unwrap().count(), 5);
    ftp(&["get", &format!("{}a", toy.url), text(&target.join(".posthouse-x"))]).fails(2);
}

#[test]
fn a_new_attempt_does_not_go_on_with_an_older_file() {
    let folder = fresh_folder();
    fs::write(folder.join("x"), own(2, 3_000_000)).unwrap();
    let (put, mirror) = (&["put"][..], &["mirror", "-R"][..]);
    for (makes_digests, verify) in [(true, "auto"), (true, "off"), (false, "auto"), (false, "off")] {
        for way in [put, mirror] {
            let files = BTreeMap::from([("/x".to_string(), own(1, 150_000))]);
            let cuts = VecDeque::from([Cut::Unseen]);
            let toy = Toy::start(World { files, cuts, makes_digests, ..World::default() });
            let from = if way == put { folder.join("x") } else { folder.clone() };
            let ran = ftp(&[way, &[text(&from), &toy.url, "--verify", verify]].concat());
            assert!(ran.ok().contains("3000000 bytes"));
            assert!(toy.file("/x") == Some(own(2, 3_000_000)), "{way:?} {makes_digests} {verify}");
        }
    }
}

#[test]
fn a_new_attempt_goes_on_with_its_own_beginning() {
    let folder = fresh_folder();
    let local = folder.join("x");
    fs::write(&local, own(2, 3_000_000)).unwrap();
    // Without digests only where nothing was before.
    for (makes_digests, old, keeps_apart, goes_on) in [
        (false, false, false, true),
        (false, false, true, true),
        (false, true, false, false),
        (true, true, false, true),
        (true, true, true, true),
    ] {
        let files = BTreeMap::from([("/x".to_string(), own(1, 3_000_000))]);
        let files = if old { files } else { BTreeMap::new() };
        let cuts = VecDeque::from([Cut::After(1_500_000)]);
        let toy = Toy::start(World { files, cuts, makes_digests, keeps_apart, ..World::default() });
        ftp(&["put", text(&local), &toy.url]).ok();
        assert!(toy.file("/x") == Some(own(2, 3_000_000)), "{makes_digests} {old} {keeps_apart}");
        assert_eq!(toy.was_told("REST 1500000"), goes_on, "{makes_digests} {old} {keeps_apart}");
    }
}

#[test]
fn going_on_with_an_upload_mixes_no_files() {
    let folder = fresh_folder();
    let local = folder.join("x");
    fs::write(&local, own(2, 300_000)).unwrap();
    let other = own(1, 150_000);
    let begun = own(2, 150_000);
    let go_on = |file: &[u8], makes_digests| {
        let files = BTreeMap::from([("/x".to_string(), file.to_vec())]);
        Toy::start(World { files, makes_digests, ..World::default() })
    };
    let put = |toy: &Toy, more: &[&str]| ftp(&[&["put", "-c", text(&local), &toy.url], more].concat());

    let toy = go_on(&other, true);
    let said = put(&toy, &[]).said();
    assert!(said.contains("not the beginning of this file") && !said.contains("were there"), "{said}");
    assert!(toy.file("/x") == Some(own(2, 300_000)));

    let toy = go_on(&begun, true);
    assert!(put(&toy, &[]).ok().contains("150000 bytes (150000 were there)"));
    assert!(toy.file("/x") == Some(own(2, 300_000)));

    // Nothing tells what it is: the person has to say.
    let toy = go_on(&other, false);
    let said = put(&toy, &[]).fails(8);
    assert!(said.contains("--verify off") && toy.file("/x") == Some(other.clone()), "{said}");
    let toy = go_on(&begun, false);
    put(&toy, &["--verify", "off"]).ok();
    assert!(toy.file("/x") == Some(own(2, 300_000)));

    // A mirror asks nobody: it replaces.
    let toy = go_on(&other, false);
    let said = ftp(&["mirror", "-R", "-c", text(&folder), &toy.url]).said();
    assert!(said.contains("all of it is sent") && toy.file("/x") == Some(own(2, 300_000)), "{said}");
}

#[test]
fn an_upload_is_done_only_when_the_file_is_there() {
    let folder = fresh_folder();
    let local = folder.join("x");
    fs::write(&local, own(2, 300_000)).unwrap();
    for (part, never_whole, makes_digests) in [
        (own(2, 300_000), false, true),
        // Of the same length and of another file.
        (own(1, 300_000), false, true),
        (own(1, 100_000), false, true),
        (own(2, 300_000), true, true),
        (own(2, 300_000), true, false),
    ] {
        let parts = BTreeMap::from([("/x".to_string(), part)]);
        let world = World { parts, never_whole, makes_digests, keeps_apart: true, ..World::default() };
        let toy = Toy::start(world);
        if never_whole {
            let verify = if makes_digests { "auto" } else { "off" };
            let said = ftp(&["put", "-c", text(&local), &toy.url, "--verify", verify]).fails(8);
            assert!(said.contains("the server has no such file"), "{said}");
        } else {
            ftp(&["put", "-c", text(&local), &toy.url]).ok();
            assert!(toy.file("/x") == Some(own(2, 300_000)));
        }
    }
}

#[test]
fn a_connection_that_is_refused_late_leaves_no_hole() {
    let files = BTreeMap::from([("/x".to_string(), own(3, 6_000_000))]);
    let toy = Toy::start(World { files, connections_max: Some(1), ..World::default() });
    let target = fresh_folder();
    ftp(&["get", &format!("{}x", toy.url), text(&target), "--segments", "2"]).ok();
    assert!(fs::read(target.join("x")).unwrap() == own(3, 6_000_000));
}

#[test]
fn many_folders_need_few_descriptors() {
    let listed: String = (0..200).map(|number| format!("type=dir; d{number}\r\n")).collect();
    let toy = Toy::start(World { listed, ..World::default() });
    let target = fresh_folder();
    let program = env!("CARGO_BIN_EXE_posthouse");
    let line = format!("ulimit -n 60 && exec {program} ftp mirror --tls off {} {}", toy.url, text(&target));
    run(Command::new("sh").args(["-c", &line])).ok();
    assert_eq!(fs::read_dir(&target).unwrap().count(), 200);
}

#[test]
fn a_name_that_is_listed_twice_is_fetched_once() {
    let files = BTreeMap::from([("/a".to_string(), own(3, 600_000))]);
    let listed = format!("{} a\r\ntype=dir; a\r\n", World::default().facts(&files["/a"]));
    let toy = Toy::start(World { files, listed, ..World::default() });
    let target = fresh_folder();
    let said = ftp(&["mirror", &toy.url, text(&target)]).said();
    assert!(said.contains("1 files moved") && said.contains("2 left out, 0 failed"), "{said}");
    assert!(fs::read(target.join("a")).unwrap() == own(3, 600_000));
}

#[test]
fn what_has_no_end_is_ended_here() {
    let toy = Toy::start(World { greets_without_end: true, ..World::default() });
    let said = ftp(&["ls", &toy.url, "--timeout", "1"]).fails(7);
    assert!(said.contains("did not answer the connection in time"), "{said}");

    let files = BTreeMap::from([("/x".to_string(), own(3, 600_000))]);
    let toy = Toy::start(World { files, sends_without_end: true, ..World::default() });
    let target = fresh_folder();
    let said = ftp(&["get", &format!("{}x", toy.url), text(&target)]).fails(8);
    assert!(said.contains("600001 bytes or more came"), "{said}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn standard_output_gets_what_the_digest_is_of() {
    let files = BTreeMap::from([("/x".to_string(), own(3, 600_000))]);
    let toy = Toy::start(World { files, makes_digests: true, ..World::default() });
    let url = format!("{}x", toy.url);
    ftp(&["get", &url, "-", "--verify", "require"]).ok();
    assert!(toy.was_told("HASH /x"));
    toy.world().digests_lie = true;
    let said = ftp(&["get", &url, "-"]).fails(8);
    assert!(said.contains("the contents differ"), "no message");
    ftp(&["get", &url, "-", "--verify", "off"]).ok();
    toy.world().makes_digests = false;
    ftp(&["get", &url, "-", "--verify", "require"]).fails(8);
    let mut json = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    run(json.args(["ftp", "--json", "get", &url, "-", "--tls", "off"])).fails(2);
}

#[test]
fn of_names_that_are_none_there_is_an_end_to_what_is_said() {
    let listed = "type=file; ../x\r\n".repeat(20_000);
    let toy = Toy::start(World { listed, ..World::default() });
    let ran = ftp(&["mirror", &toy.url, text(&fresh_folder())]).said();
    assert!(ran.contains("20000 left out, 0 failed"));
    assert_eq!(ran.matches("left out: ").count(), 10_000);
}

#[test]
fn a_fetch_goes_on_only_with_the_same_version() {
    let (older, newer) = (own(1, 600_000), own(2, 600_000));
    for way in ["get", "mirror"] {
        let files = BTreeMap::from([("/x".to_string(), older.clone())]);
        let replaced_by = Some(newer.clone());
        let toy = Toy::start(World { files, replaced_by, ..World::default() });
        let target = fresh_folder();
        let from = if way == "get" { format!("{}x", toy.url) } else { toy.url.clone() };
        ftp(&[way, &from, text(&target)]).ok();
        assert!(fs::read(target.join("x")).unwrap() == newer, "{way}");
    }
    // With neither a time nor a digest nobody knows of what an old part is.
    let files = BTreeMap::from([("/x".to_string(), newer.clone())]);
    let toy = Toy::start(World { files, tells_no_times: true, ..World::default() });
    for (part, verify) in [(&older, "auto"), (&newer, "off")] {
        let target = fresh_folder();
        fs::write(target.join(".posthouse-part-x"), &part[..300_000]).unwrap();
        let url = format!("{}x", toy.url);
        let said = ftp(&["get", "-c", &url, text(&target), "--verify", verify]).ok();
        assert_eq!(said.contains("were there"), verify == "off", "{said}");
        assert!(fs::read(target.join("x")).unwrap() == newer);
    }
}
