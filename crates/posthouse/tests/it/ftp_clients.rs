//! Other people's FTP clients, as their users would call them.

use crate::ftp::content;
use crate::programs::{Ran, program, run, run_with};
use crate::server::{PASSWORD, Server, free_port, fresh_folder, setup};
use std::fs;
use std::path::Path;
use std::process::Command;

const ALICE: &str = "alice@example.org";

fn curl(server: &Server, arguments: &[&str]) -> Ran {
    let mut curl = program("curl");
    curl.args(["-sS", "--max-time", "50", "--cacert"]).arg(server.certificate());
    curl.args(["--user", &format!("{ALICE}:{PASSWORD}")]).args(arguments);
    run(&mut curl)
}

/// A folder with a file of these bytes.
fn with_file(name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let folder = fresh_folder();
    fs::write(folder.join(name), bytes).unwrap();
    folder
}

fn is_same(a: &Path, b: &Path) -> bool {
    fs::read(a).unwrap() == fs::read(b).unwrap()
}

#[test]
fn curl_puts_and_gets_in_every_way() {
    let server = setup().plaintext().start();
    let folder = with_file("up", &content(700_001));
    let (up, down) = (folder.join("up"), folder.join("down"));
    let (plain, inside) =
        (format!("ftp://{}", server.named("ftp")), format!("ftps://{}", server.named("ftps")));
    let ways: [(&str, &[&str]); 7] = [
        (&plain, &[]),
        (&plain, &["--disable-epsv"]),
        (&plain, &["--ftp-port", "-"]),
        (&plain, &["--ftp-port", "-", "--disable-eprt"]),
        (&plain, &["--ssl-reqd"]),
        (&plain, &["--ssl-reqd", "--tls-max", "1.2"]),
        (&inside, &[]),
    ];
    for (number, (base, way)) in ways.into_iter().enumerate() {
        let url = format!("{base}/made/{number}/file");
        let (from, to) = (up.to_str().unwrap(), down.to_str().unwrap());
        curl(&server, &[way, &["--ftp-create-dirs", "-T", from, &url]].concat()).ok();
        curl(&server, &[way, &["-o", to, &url]].concat()).ok();
        assert!(is_same(&up, &down), "{way:?} {base}");
        // Several files over one control connection: each data connection resumes it again.
        let many = [way, &["-o", "/dev/null", &url, "-o", "/dev/null", &url, "-o", to, &url]].concat();
        curl(&server, &many).ok();
        let list = curl(&server, &[way, &[&format!("{base}/made/")]].concat()).ok();
        assert!(list.lines().count() == number + 1 && list.starts_with("drwx"), "{list}");
    }
}

/// Twelve files each way, over control connections that share what curl keeps of TLS.
#[test]
fn curl_moves_many_files_at_once() {
    const FILES: usize = 12;
    let server = setup().start();
    let (up, down) = (fresh_folder(), fresh_folder());
    for number in 1..=FILES {
        fs::write(up.join(format!("file{number}")), content(10_000 * number)).unwrap();
    }
    let (from, to) = (format!("{}/file[1-{FILES}]", up.display()), format!("{}/file#1", down.display()));
    let (explicit, inside) =
        (format!("ftp://{}", server.named("ftp")), format!("ftps://{}", server.named("ftps")));
    let both_ways = |number: usize, base: &str, way: &[&str]| {
        // Into a folder that all of them make at the same time, and once more into one that is there.
        for _ in 0..2 {
            let folder = format!("{base}/{number}/");
            curl(&server, &[way, &["-Z", "--ftp-create-dirs", "-T", &from, &folder]].concat()).ok();
            let url = format!("{folder}file[1-{FILES}]");
            curl(&server, &[way, &["-Z", "-o", &to, &url]].concat()).ok();
            assert_same_trees(&up, &down);
            run(Command::new("find").arg(&down).args(["-type", "f", "-delete"])).ok();
        }
    };
    both_ways(0, &explicit, &["--ssl-reqd", "--tls-max", "1.2"]);
    both_ways(1, &explicit, &["--ssl-reqd", "--tls-max", "1.2", "--parallel-max", "2"]);
    both_ways(2, &inside, &["--tls-max", "1.2"]);
    // With TLS 1.3 this curl keeps one ticket for all connections, and OpenSSL uses a ticket once: what
    // it opens meanwhile cannot resume anything.
    server.cli(&["account", "ftp", ALICE, "--binding", "prefer"]).ok();
    both_ways(3, &explicit, &["--ssl-reqd"]);
    both_ways(4, &inside, &[]);
}

/// What curl's own tests of servers do and the other tests here do not. (Active connections inside TLS are
/// not among it: the curl of Debian 12 fails at them by itself.)
#[test]
fn curl_moves_text_pieces_and_what_comes_from_a_pipe() {
    let server = setup().plaintext().start();
    let folder = with_file("up", &content(30_000));
    fs::write(folder.join("text"), "one\ntwo\n").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let (plain, inside) =
        (format!("ftp://{}", server.named("ftp")), format!("ftps://{}", server.named("ftps")));
    let ways: [(&str, &[&str]); 6] = [
        (&plain, &[]),
        (&plain, &["--ftp-port", "-"]),
        (&plain, &["--ssl-reqd"]),
        (&plain, &["--ssl-reqd", "--tls-max", "1.2"]),
        (&inside, &[]),
        (&inside, &["--tls-max", "1.2"]),
    ];
    for (number, (base, way)) in ways.into_iter().enumerate() {
        let url = |name: &str| format!("{base}/{number}/{name}");
        let with = |arguments: &[&str]| curl(&server, &[way, arguments].concat()).ok();
        let got = |arguments: &[&str], name: &str| {
            with(&[arguments, &["-o", &path("got"), &url(name)]].concat());
            fs::read(path("got")).unwrap()
        };
        with(&["--ftp-create-dirs", "-T", &path("empty"), &url("empty")]);
        assert!(got(&[], "empty").is_empty(), "{way:?} {base}");
        let mut piped = program("curl");
        piped.args(["-sS", "--max-time", "50", "--cacert"]).arg(server.certificate());
        piped.args(["--user", &format!("{ALICE}:{PASSWORD}")]).args(way).args(["-T", "-", &url("piped")]);
        run_with(&mut piped, &content(30_000)).ok();
        assert!(got(&[], "piped") == content(30_000), "{way:?} {base}");
        assert!(got(&["-r", "100-199"], "piped") == content(30_000)[100..200], "{way:?} {base}");
        assert!(got(&["-r", "29000-"], "piped") == content(30_000)[29_000..], "{way:?} {base}");
        with(&["--use-ascii", "-T", &path("text"), &url("text")]);
        assert_eq!(got(&[], "text"), b"one\ntwo\n", "kept as text is kept here");
        with(&["--append", "-T", &path("text"), &url("text")]);
        assert_eq!(got(&[], "text"), b"one\ntwo\none\ntwo\n");
        let ten: Vec<String> =
            (0..10).flat_map(|_| ["-o".into(), "/dev/null".into(), url("piped")]).collect();
        with(&ten.iter().map(String::as_str).collect::<Vec<_>>());
        let names = with(&["--list-only", &url("")]);
        assert_eq!(names.split_whitespace().collect::<Vec<_>>(), ["empty", "piped", "text"], "{way:?}");
    }
}

#[test]
fn curl_goes_on_where_it_was_cut() {
    let server = setup().plaintext().start();
    let folder = with_file("up", &content(20_000_000));
    let (up, down) = (folder.join("up"), folder.join("down"));
    let url = format!("ftp://{}/file", server.at("ftp"));
    let (from, to) = (up.to_str().unwrap(), down.to_str().unwrap());
    curl(&server, &["--limit-rate", "2M", "--max-time", "5", "-T", from, &url]).fails(28);
    let seen = crate::wait::until(std::time::Duration::from_secs(10), || {
        let head = curl(&server, &["-I", &url]);
        let mut lines = head.out.lines();
        lines.find_map(|line| line.strip_prefix("Content-Length: ")?.trim().parse::<u64>().ok())
    });
    let seen = seen.expect("a part to go on with");
    assert!(seen > 0 && seen < 20_000_000, "{seen}");
    curl(&server, &["-C", "-", "-T", from, &url]).ok();
    let half = content(20_000_000)[..9_000_000].to_vec();
    fs::write(&down, half).unwrap();
    curl(&server, &["-C", "-", "-o", to, &url]).ok();
    assert!(is_same(&up, &down));
}

#[test]
fn curl_comes_by_ipv6() {
    let mut server = setup().plaintext().prepare();
    let config = fs::read_to_string(server.config()).unwrap();
    let port = free_port();
    let own = format!("ftp = [\"{}\"", server.at("ftp"));
    fs::write(server.config(), config.replace(&own, &format!("{own}, \"[::1]:{port}\""))).unwrap();
    server.launch();
    server.cli(&["domain", "add", "example.org"]).ok();
    server.add_accounts(&[ALICE]);
    let folder = with_file("up", &content(200_000));
    let (up, down) = (folder.join("up"), folder.join("down"));
    let url = format!("ftp://[::1]:{port}/file");
    let ways: [&[&str]; 3] = [&[], &["--ftp-port", "-"], &["--ssl-reqd", "-k"]];
    for way in ways {
        curl(&server, &[way, &["-T", up.to_str().unwrap(), &url]].concat()).ok();
        curl(&server, &[way, &["-o", down.to_str().unwrap(), &url]].concat()).ok();
        assert!(is_same(&up, &down), "{way:?}");
    }
}

/// Folders and files to mirror.
fn tree() -> std::path::PathBuf {
    let tree = fresh_folder();
    for (name, len_bytes) in
        [("a", 0), ("b/c", 10), ("b/d/e", 100_000), ("with space/and ümlaut", 70_000), ("large", 9_000_000)]
    {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content(len_bytes)).unwrap();
    }
    tree
}

#[track_caller]
fn assert_same_trees(a: &Path, b: &Path) {
    run(program("diff").arg("-r").arg(a).arg(b)).ok();
}

fn lftp(server: &Server, script: &str) -> Ran {
    let open = format!(
        "set cmd:fail-exit yes; set net:max-retries 2; set net:timeout 20; set ssl:ca-file {};
         open -u {ALICE},'{PASSWORD}' -p {} localhost; {script}; bye",
        server.certificate().display(),
        server.port("ftp")
    );
    // Settings of whoever runs the tests must not matter.
    run(program("lftp").env("HOME", &server.folder).args(["--norc", "-c", &open]))
}

#[test]
fn lftp_mirrors_both_ways_and_gets_in_segments() {
    let server = setup().plaintext().start();
    let tree = tree();
    for (name, settings) in [
        ("plain", "set ftp:ssl-allow no"),
        ("active", "set ftp:ssl-allow no; set ftp:passive-mode no"),
        ("tls", "set ftp:ssl-force yes; set ftp:ssl-protect-data yes"),
    ] {
        let back = fresh_folder();
        let (from, to) = (tree.display(), back.display());
        lftp(&server, &format!("{settings}; mirror -R -P 3 {from} {name}")).ok();
        lftp(&server, &format!("{settings}; mirror -P 3 {name} {to}/got")).ok();
        assert_same_trees(&tree, &back.join("got"));
        lftp(&server, &format!("{settings}; pget -n 4 {name}/large -o {to}/large")).ok();
        assert!(is_same(&tree.join("large"), &back.join("large")), "{name}");
        lftp(&server, &format!("{settings}; rm -r {name}/b; mv {name}/a {name}/z; chmod 600 {name}/z")).ok();
        let list = lftp(&server, &format!("{settings}; cls -1 {name}")).ok();
        assert_eq!(list, format!("{name}/large\n{name}/with space/\n{name}/z\n"));
    }
}

#[test]
fn lftp_continues_an_upload() {
    let server = setup().plaintext().start();
    let whole = with_file("whole", &content(5_000_000));
    let half = with_file("half", &content(5_000_000)[..2_000_000]);
    let (half, whole) = (half.join("half"), whole.join("whole"));
    let plain = "set ftp:ssl-allow no";
    lftp(&server, &format!("{plain}; put {} -o file", half.display())).ok();
    lftp(&server, &format!("{plain}; put -c {} -o file", whole.display())).ok();
    let got = whole.with_extension("got");
    lftp(&server, &format!("{plain}; get file -o {}", got.display())).ok();
    assert!(is_same(&whole, &got));
}

#[test]
fn ncftp_puts_lists_and_gets() {
    let server = setup().plaintext().start();
    let (tree, back) = (tree(), fresh_folder());
    let port = server.port("ftp").to_string();
    let login = ["-u", ALICE, "-p", PASSWORD, "-P", &port];
    let ncftp = |name: &str, arguments: &[&str]| {
        run(program(name).env("HOME", &server.folder).args(login).args(arguments))
    };
    ncftp("ncftpput", &["-R", "-m", "127.0.0.1", "put", tree.join("b").to_str().unwrap()]).ok();
    let list = ncftp("ncftpls", &["-x", "-l", &format!("ftp://127.0.0.1:{port}/put/b/")]).ok();
    assert!(list.contains(" c") && list.contains(" d"), "{list}");
    ncftp("ncftpget", &["-R", "127.0.0.1", back.to_str().unwrap(), "/put/b"]).ok();
    assert_same_trees(&tree.join("b"), &back.join("b"));
}

#[test]
fn tnftp_works_in_a_script() {
    let server = setup().plaintext().start();
    let folder = with_file("up", &content(300_000));
    for more in ["", "passive\n", "epsv4\n"] {
        let script = format!(
            "open 127.0.0.1 {}\nuser {ALICE} \"{PASSWORD}\"\n{more}binary\nlcd {}\nmkdir made\ncd made\nput up\n\
             dir\nsize up\nmodtime up\nget up down\nrename up two\ndelete two\ncd /\nrmdir made\nquit\n",
            server.port("ftp"),
            folder.display()
        );
        let mut tnftp = program("tnftp");
        tnftp.env("HOME", &folder).args(["-n", "-v", "-i"]);
        let said = run_with(&mut tnftp, script.as_bytes()).said();
        assert!(said.contains("226 ") && said.contains("221 "), "{said}");
        // It asks for the size as text, which nobody can tell without reading the file.
        let refused = said.lines().find(|line| {
            let is_refusal = line.starts_with('5') && line.as_bytes().get(3) == Some(&b' ');
            is_refusal && !line.starts_with("550 SIZE not allowed in ASCII")
        });
        assert_eq!(refused, None, "{said}");
        assert!(is_same(&folder.join("up"), &folder.join("down")), "{said}");
        fs::remove_file(folder.join("down")).unwrap();
    }
}

fn rclone(server: &Server, arguments: &[&str]) -> Command {
    let hidden = run(program("rclone").args(["obscure", PASSWORD])).ok();
    let mut rclone = program("rclone");
    rclone.env("RCLONE_CONFIG", "/notfound").env("RCLONE_FTP_PASS", hidden.trim());
    rclone.args([
        "--ftp-host",
        "localhost",
        "--ftp-user",
        ALICE,
        "--retries",
        "1",
        "--low-level-retries",
        "1",
    ]);
    rclone.args(["--ftp-port", &server.port("ftp").to_string()]);
    rclone.args(arguments);
    rclone
}

#[test]
fn rclone_copies_and_checks() {
    let server = setup().plaintext().start();
    // Its library cannot resume TLS sessions for data connections.
    server.cli(&["account", "ftp", ALICE, "--binding", "prefer"]).ok();
    let (tree, back) = (tree(), fresh_folder());
    let (from, to) = (tree.to_str().unwrap(), back.to_str().unwrap());
    // This one does not look at --ca-cert for FTP.
    let ways: [&[&str]; 2] = [&[], &["--ftp-explicit-tls", "--ftp-no-check-certificate"]];
    for way in ways {
        run(&mut rclone(&server, &[way, &["copy", from, ":ftp:got"]].concat())).ok();
        run(&mut rclone(&server, &[way, &["check", "--download", from, ":ftp:got"]].concat())).ok();
        run(&mut rclone(&server, &[way, &["copy", ":ftp:got", to]].concat())).ok();
        assert_same_trees(&tree, &back);
        run(&mut rclone(&server, &[way, &["purge", ":ftp:got"]].concat())).ok();
    }
}

#[test]
fn python_does_everything_that_its_library_can() {
    let server = setup().plaintext().start();
    server.cli(&["account", "ftp", ALICE, "--binding", "prefer"]).ok();
    server.python("ftp.py", &[]);
}
