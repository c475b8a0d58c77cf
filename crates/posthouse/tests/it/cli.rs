//! The command line, on a running server and on a stopped one.

use crate::programs::{program, run};
use crate::server::{PASSWORD, Server, setup};
use serde_json::{Value, json};

/// `--json` output as a value.
fn json_of(server: &Server, arguments: &[&str]) -> Value {
    let text = server.cli(&[&["--json"], arguments].concat()).ok();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether a password opens an account's maildrop.
fn can_log_in(server: &Server, user: &str, password: &str) -> bool {
    let mut pop3 = server.talk("pop3").inside_starttls(&server.certificate(), "STLS");
    pop3.command(&format!("USER {user}"), "+OK");
    pop3.say(&format!("PASS {password}"));
    pop3.line().starts_with("+OK")
}

fn domains_accounts_and_aliases_come_and_go(server: &Server) {
    server.cli(&["domain", "add", "Example.COM"]).ok();
    assert!(server.cli(&["domain", "add", "example.com"]).fails(1).contains("exists already"));
    assert!(server.cli(&["domain", "add", "not a domain"]).fails(1).starts_with("posthouse: "));
    assert!(server.cli(&["domain", "list"]).ok().contains("example.com\n"));
    assert_eq!(json_of(server, &["domain", "list"]), json!({"domains": ["example.com"]}));

    let said = server.cli_with(&["account", "add", "carol@example.com"], "a password\n").ok();
    assert!(said.contains("carol@example.com"), "{said}");
    server.cli_with(&["account", "add", "dave@example.com", "--quota", "1000"], "b password\n").ok();
    assert!(
        server.cli_with(&["account", "add", "carol@example.com"], "x\n").fails(1).contains("exists already")
    );
    assert!(
        server
            .cli_with(&["account", "add", "eve@elsewhere.example"], "x\n")
            .fails(1)
            .contains("no such domain")
    );
    assert!(server.cli_with(&["account", "add", "eve@example.com"], "").fails(1).contains("empty password"));
    let accounts = json_of(server, &["account", "list"]);
    assert_eq!(accounts["accounts"][0]["address"], "carol@example.com");
    assert_eq!(accounts["accounts"][1]["quota_bytes"], 1000);
    server.cli(&["account", "quota", "dave@example.com", "none"]).ok();
    server.cli(&["account", "quota", "dave@example.com", "many"]).fails(1);
    let table = server.cli(&["account", "list"]).ok();
    assert!(table.starts_with("ADDRESS"), "{table}");

    server.cli(&["alias", "add", "info@example.com", "carol@example.com"]).ok();
    server.cli(&["alias", "add", "@example.com", "dave@example.com"]).ok();
    assert!(
        server
            .cli(&["alias", "add", "x@example.com", "y@elsewhere.example"])
            .fails(1)
            .contains("another server")
    );
    assert!(
        server.cli(&["alias", "add", "x@elsewhere.example", "carol@example.com"]).fails(1).contains("domain")
    );
    let aliases = json_of(server, &["alias", "list"]);
    assert_eq!(aliases["aliases"].as_array().unwrap().len(), 2);
    server.cli(&["alias", "remove", "info@example.com", "carol@example.com"]).ok();
    server.cli(&["alias", "remove", "@example.com"]).ok();
    server.cli(&["alias", "remove", "@example.com"]).fails(1);
    assert_eq!(server.cli(&["alias", "list"]).ok(), "none\n");

    assert!(server.cli(&["domain", "remove", "example.com"]).fails(1).contains("still has accounts"));
    assert!(server.cli(&["account", "remove", "carol@example.com"]).fails(1).contains("--yes"));
    server.cli(&["account", "remove", "carol@example.com", "--yes"]).ok();
    server.cli(&["account", "remove", "carol@example.com", "--yes"]).fails(1);
    server.cli(&["account", "remove", "dave@example.com", "--yes"]).ok();
    server.cli(&["domain", "remove", "example.com"]).ok();
    assert_eq!(json_of(server, &["domain", "list"]), json!({"domains": []}));
}

#[test]
fn everything_can_be_done_on_a_stopped_server() {
    domains_accounts_and_aliases_come_and_go(&setup().prepare());
}

#[test]
fn everything_can_be_done_on_a_running_server() {
    let mut server = setup().prepare();
    server.launch();
    domains_accounts_and_aliases_come_and_go(&server);
}

#[test]
fn traces_are_json_too_and_limited_on_request() {
    let server = setup().start();
    for number in 1..=3 {
        server.deliver(
            "alice@example.org",
            &format!("Subject: {number}\r\nMessage-ID: <{number}@example.net>\r\n\r\n"),
        );
    }
    let stories = json_of(&server, &["trace", "alice@example.org"]);
    let stories = stories["traces"].as_array().unwrap();
    assert_eq!(stories.len(), 3);
    assert_eq!(stories[0]["events"][1]["what"], "delivered");
    assert_eq!(stories[0]["events"][1]["recipient"], "alice@example.org");
    let last = json_of(&server, &["trace", "<3@example.net>"]);
    assert!(stories.iter().any(|story| story["id"] == last["traces"][0]["id"]));
    let one = json_of(&server, &["trace", "alice@example.org", "--limit", "1"]);
    assert_eq!(one["traces"].as_array().unwrap().len(), 1);
    assert_eq!(one["traces"][0]["id"], stories[0]["id"]);
}

#[test]
fn failures_are_json_for_programs() {
    let server = setup().prepare();
    for (arguments, expected) in [
        (&["--json", "domain", "add", "not a domain"][..], "not a domain name"),
        (&["--json", "domain", "remove", "example.net"], "no such domain"),
        (&["domain", "remove", "example.net", "--json"], "no such domain"),
        (&["--json", "account", "import", "/nowhere/accounts"], "/nowhere/accounts"),
        (&["--json", "files", "ls", "nobody@example.net:/"], ""),
    ] {
        let said = server.cli(arguments).fails(1);
        let (json, text) = said.split_once("posthouse: ").unwrap();
        let value: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(value["error"], text.trim_end(), "{said}");
        assert!(text.contains(expected), "{said}");
        assert_eq!(value["exit_code"], 1, "{said}");
    }
    let nothing = server.cli(&["--json", "trace", "nobody@example.org"]).fails(1);
    assert_eq!(serde_json::from_str::<Value>(&nothing).unwrap(), json!({"traces": []}));
}

#[test]
fn names_that_never_get_mail_are_refused_at_once() {
    let server = setup().start();
    for address in ["a%b@example.org", "a!b@example.org", "a@b@example.org"] {
        let said = server.cli_with(&["account", "add", address], "secret\n").fails(1);
        assert!(said.contains("never taken"), "{said}");
    }
    for domain in ["127.0.0.1", "::1", "[127.0.0.1]", "example.1"] {
        assert!(server.cli(&["domain", "add", domain]).fails(1).contains("not a domain name"), "{domain}");
    }
}

#[test]
fn a_domain_is_one_in_both_its_forms() {
    let server = setup().start();
    let said = server.cli(&["domain", "add", "müller.example"]).ok();
    assert!(said.starts_with("xn--mller-kva.example is a domain of this server now"), "{said}");
    let again = server.cli(&["domain", "add", "xn--mller-kva.example"]).fails(1);
    assert!(again.contains("exists already"), "{again}");
    server.cli_with(&["account", "add", "uwe@müller.example"], "secret\n").ok();
    server.deliver("uwe@xn--mller-kva.example", "Subject: x\r\n\r\n");
    assert!(can_log_in(&server, "uwe@xn--mller-kva.example", "secret"));
    assert!(!can_log_in(&server, "uwe@xn--mller-kva.example", "other"));
    server.cli(&["account", "remove", "uwe@müller.example", "--yes"]).ok();
    server.cli(&["domain", "remove", "müller.example"]).ok();
}

#[test]
fn what_strangers_say_moves_no_cursor() {
    let server = setup().start();
    let mut lmtp = server.talk("lmtp");
    lmtp.expect("220 ");
    lmtp.command("LHLO client.example.net", "250");
    lmtp.command("MAIL FROM:<\"\\x1b[31m\"@example.net>", "250 ");
    lmtp.command("RCPT TO:<alice@example.org>", "250 ");
    lmtp.command("DATA", "354 ");
    lmtp.send(b"Subject: x\r\nMessage-ID: <\x1b[2J@example.net>\r\n\r\n");
    lmtp.command(".", "");
    let story = server.cli(&["trace", "alice@example.org"]).ok();
    assert!(story.chars().all(|char| char == '\n' || !char.is_control()), "{story:?}");
}

#[test]
fn a_new_password_counts_at_once_and_the_old_one_no_more() {
    let server = setup().start();
    assert!(can_log_in(&server, "alice@example.org", PASSWORD));
    server.cli_with(&["account", "password", "alice@example.org"], "another one\n").ok();
    assert!(!can_log_in(&server, "alice@example.org", PASSWORD));
    assert!(can_log_in(&server, "alice@example.org", "another one"));
    server.cli(&["account", "remove", "alice@example.org", "--yes"]).ok();
    assert!(!can_log_in(&server, "alice@example.org", "another one"));
}

#[test]
fn imports_take_passwords_and_hashes_of_other_servers() {
    let server = setup().start();
    let hashed = |arguments: &[&str]| run(program("openssl").arg("passwd").args(arguments)).ok();
    let lines = [
        ("plain", "se:cret".to_string()),
        ("sha256", hashed(&["-5", "-salt", "saltsalt", "se:cret"])),
        ("sha512", hashed(&["-6", "-salt", "saltsalt", "se:cret"])),
        ("md5", hashed(&["-1", "-salt", "saltsalt", "se:cret"])),
        ("apr", hashed(&["-apr1", "-salt", "saltsalt", "se:cret"])),
        ("dovecot", format!("{{SHA512-CRYPT}}{}", hashed(&["-6", "-salt", "pepper", "se:cret"]))),
    ];
    let file = server.folder.join("accounts");
    let text: String =
        lines.iter().map(|(name, secret)| format!("{name}@example.org:{}\n", secret.trim_end())).collect();
    std::fs::write(&file, format!("{text}\n")).unwrap();
    let said = server.cli(&["account", "import", file.to_str().unwrap()]).ok();
    assert!(said.contains("6 accounts"), "{said}");
    for (name, _) in &lines {
        assert!(can_log_in(&server, &format!("{name}@example.org"), "se:cret"), "{name}");
        assert!(!can_log_in(&server, &format!("{name}@example.org"), "secret"), "{name}");
    }
}

#[test]
fn locked_accounts_of_other_servers_stay_locked() {
    let server = setup().start();
    let fields = [("one", "!"), ("two", "*"), ("three", "!$6$abcdefgh$xxxx"), ("four", "*LK*")];
    let lines: String = fields.iter().map(|(name, field)| format!("{name}@example.org:{field}\n")).collect();
    let said = server.cli_with(&["account", "import", "-"], &format!("{lines}open@example.org:x\n")).ok();
    assert!(said.contains("5 accounts") && said.contains("4 of them are locked"), "{said}");
    for (name, field) in fields {
        let user = format!("{name}@example.org");
        assert!(!can_log_in(&server, &user, field), "{field}");
        assert!(!can_log_in(&server, &user, "$6$abcdefgh$xxxx"), "{field}");
        server.deliver(&user, "Subject: x\r\n\r\n");
        server.cli_with(&["account", "password", &user], "unlocked\n").ok();
        assert!(can_log_in(&server, &user, "unlocked"), "{field}");
    }
    assert!(can_log_in(&server, "open@example.org", "x"));
    let help = server.cli(&["account", "import", "--help"]).ok();
    assert!(help.contains("the account is locked") && help.contains("DES hash"), "{help}");
}

#[test]
fn an_import_that_fails_says_where_and_adds_nothing() {
    let server = setup().start();
    for (lines, reason) in [
        ("carol@example.org:x\nno colon here\n", "line 2: not of the form address:password-or-hash"),
        ("carol@example.org:x\nalice@example.org:y\n", "alice@example.org: this address exists already"),
        ("carol@example.org:x\ndave@elsewhere.example:y\n", "dave@elsewhere.example: no such domain"),
        ("carol@example.org:x\ndave@example.org:$9$what$is$this\n", "dave@example.org: "),
        ("carol@example.org:x\ndave@example.org:$2b$04$short\n", "dave@example.org: "),
        (
            "carol@example.org:x\ndes@example.org:abJnggxhB/yWI\n",
            "des@example.org: the password has the form",
        ),
        ("carol@example.org:x\nnot an address@:y\n", "not an address@: "),
    ] {
        let said = server.cli_with(&["account", "import", "-"], lines).fails(1);
        assert!(said.contains(reason), "{lines:?}: {said}");
        assert!(!server.cli(&["account", "list"]).ok().contains("carol"), "{lines:?}");
    }
    assert!(server.cli(&["account", "import", "/nowhere/accounts"]).fails(1).contains("/nowhere/accounts"));
}

#[test]
fn a_wrong_command_line_is_told_from_a_wrong_wish() {
    let server = setup().prepare();
    server.cli(&["frobnicate"]).fails(2);
    server.cli(&["domain"]).fails(2);
    server.cli(&["dig", "a..b"]).fails(2);
    server.cli(&["dig", "example.org", "NONSENSE"]).fails(2);
    server.cli(&["account", "add"]).fails(2);
    let help = server.cli(&["--help"]).ok();
    assert!(help.contains("Exit codes: 0 done, 1 not done, 2 wrong command line, 3 check found damage."));
    server.cli(&["--version"]).ok();
}

#[test]
fn mistakes_in_the_configuration_are_named_with_a_suggestion() {
    let server = setup().tables("[auth2]\n").prepare();
    let text = std::fs::read_to_string(server.config()).unwrap();
    for (from, to, expected) in [
        ("allow_plaintext", "allow_plain_text", "did you mean \"allow_plaintext\"?"),
        ("[auth]", "[auht]", "did you mean \"auth\"?"),
        ("imaps =", "imapss =", "did you mean \"imaps\"?"),
        ("[auth2]", "", ""),
        ("hostname = \"mx.example.org\"", "", "missing field `hostname`"),
        ("127.0.0.1:", "127.0.0.1.1:", "line "),
        ("127.0.0.0/8", "127.0.0.0/33", "the prefix length must be 0 to 32"),
    ] {
        std::fs::write(server.config(), text.replace("[auth2]\n", "").replace(from, to)).unwrap();
        if expected.is_empty() {
            server.cli(&["domain", "list"]).ok();
            continue;
        }
        for command in [["serve", "--json"].as_slice(), &["domain", "list"]] {
            let said = server.cli(command).fails(1);
            assert!(said.contains(expected) && said.contains("posthouse.toml"), "{to}: {said}");
        }
    }
    std::fs::remove_file(server.config()).unwrap();
    assert!(server.cli(&["domain", "list"]).fails(1).contains("cannot read the configuration"));
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_harms_nothing() {
    let server = setup().start();
    let said = server.cli(&["serve"]).fails(1);
    assert!(said.contains("another") || said.contains("already"), "{said}");
    assert!(said.lines().last().unwrap().starts_with("posthouse: "), "{said}");
    // The first one's control socket still answers, and so do its services.
    server.cli(&["account", "add", "--help"]).ok();
    assert!(server.cli(&["account", "list"]).ok().contains("alice@example.org"));
    assert!(can_log_in(&server, "alice@example.org", PASSWORD));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let server = setup().start();
    let other = setup().prepare();
    let text = std::fs::read_to_string(other.config()).unwrap();
    std::fs::write(other.config(), text.replace(&other.at("imap"), &server.at("imap"))).unwrap();
    let said = other.cli(&["serve"]).fails(1);
    assert!(said.contains(&format!("cannot listen on {} for imap", server.at("imap"))), "{said}");
}

#[test]
fn check_is_content_with_a_sound_store_and_names_damage() {
    let mut server = setup().start();
    server.deliver("alice@example.org", "Subject: x\r\n\r\ntext\r\n");
    // What does not compress below a limit lies in a file of its own.
    let noise: String =
        (0..6_000).map(|line| format!("{}\r\n", blake3::hash(&[line as u8, (line >> 8) as u8]))).collect();
    server.deliver("bob@example.org", &format!("Subject: large\r\n\r\n{noise}"));
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    server.stop();
    assert!(server.cli(&["check"]).ok().contains("all is well"));
    for (statement, named) in [
        ("UPDATE mailbox SET exists_count = exists_count + 1 WHERE exists_count = 1", "mailbox"),
        ("UPDATE content SET data = x'00' WHERE data IS NOT NULL", "content"),
        ("DELETE FROM placement", "placement"),
    ] {
        let database = server.folder.join("data/posthouse.db");
        let copy = server.folder.join("posthouse.db.sound");
        std::fs::copy(&database, &copy).unwrap();
        server.python("damage.py", &[database.to_str().unwrap(), statement]);
        let said = server.cli(&["check"]).fails(3);
        assert!(said.contains("DAMAGED") && said.contains("nothing was changed"), "{statement}: {said}");
        let found = json_of_damage(&server);
        assert!(!found.is_empty(), "{statement}");
        eprintln!("{statement} ({named}):\n{said}");
        std::fs::copy(&copy, &database).unwrap();
    }
    let files = files_below(&server.folder.join("data/blobs"));
    assert!(!files.is_empty());
    for file in files {
        std::fs::write(file, b"not what it was").unwrap();
    }
    let said = server.cli(&["check"]).fails(3);
    assert!(said.contains("DAMAGED"), "{said}");
}

/// The findings of `check --json`, which ends with 3 as well.
fn json_of_damage(server: &Server) -> Vec<Value> {
    let said = server.cli(&["--json", "check"]).fails(3);
    let value: Value = serde_json::from_str(&said).unwrap();
    value["checked"]["findings"].as_array().unwrap().clone()
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
