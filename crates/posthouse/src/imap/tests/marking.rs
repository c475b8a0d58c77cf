//! STORE and CONDSTORE.

use super::Server;

#[tokio::test]
async fn flags_are_added_removed_and_replaced() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 2).await;
    client.ok("SELECT INBOX").await;
    client.ok("UNSELECT").await;
    client.ok("SELECT INBOX").await;
    for (command, expected) in [
        ("STORE 1 +FLAGS (\\Seen \\Flagged)", "1 FETCH (FLAGS (\\Flagged \\Seen))"),
        ("STORE 1 -FLAGS \\Seen", "1 FETCH (FLAGS (\\Flagged))"),
        ("STORE 1 FLAGS (\\Draft)", "1 FETCH (FLAGS (\\Draft))"),
        ("STORE 1 FLAGS (\\Draft)", "1 FETCH (FLAGS (\\Draft))"),
        ("STORE 1:2 +FLAGS.SILENT (\\Seen)", ""),
        ("UID STORE 2 FLAGS ()", "2 FETCH (UID 2 FLAGS ())"),
        ("UID STORE 77 FLAGS ()", ""),
        ("NOOP", ""),
    ] {
        assert_eq!(client.said(command).await, expected, "{command}");
    }
    let lines = client.ok("STORE 1 +FLAGS ($New)").await;
    assert!(lines[0].starts_with("* FLAGS (") && lines[0].contains("$New"), "{lines:?}");
    assert!(lines[1].starts_with("* OK [PERMANENTFLAGS (") && lines[1].contains("$New"), "{lines:?}");
    assert_eq!(lines[2], "* 1 FETCH (FLAGS (\\Seen \\Draft $New))");
    assert_eq!(client.said("STORE 2 +FLAGS ($new)").await, "2 FETCH (FLAGS ($New))");
    assert_eq!(client.said("SEARCH KEYWORD $NEW").await, "SEARCH 1 2");
    assert!(client.tagged("STORE 9 FLAGS ()").await.starts_with("BAD"));
}

#[tokio::test]
async fn others_hear_of_flags_and_of_new_keywords() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.fill("INBOX", 2).await;
    first.ok("SELECT INBOX").await;
    let mut second = server.selected("INBOX").await;
    first.ok("STORE 1 +FLAGS (\\Seen $Tag)").await;
    let lines = second.ok("NOOP").await;
    assert!(lines[0].starts_with("* FLAGS (") && lines[0].contains("$Tag"), "{lines:?}");
    assert_eq!(lines[2..], ["* 1 FETCH (FLAGS (\\Seen $Tag))"]);
    assert_eq!(second.said("NOOP").await, "");
    // One's own change is told once, that of another in between as well.
    first.ok("STORE 2 +FLAGS.SILENT (\\Flagged)").await;
    assert_eq!(
        second.said("STORE 1 -FLAGS (\\Seen)").await,
        "1 FETCH (FLAGS ($Tag))|2 FETCH (FLAGS (\\Flagged))"
    );
    assert_eq!(second.said("NOOP").await, "");
}

#[tokio::test]
async fn condstore_refuses_what_others_changed() {
    let server = Server::start().await;
    let mut first = server.logged_in().await;
    first.fill("INBOX", 3).await;
    first.ok("SELECT INBOX (CONDSTORE)").await;
    let lines = first.ok("FETCH 1:* FLAGS").await;
    assert!(lines.iter().all(|line| line.contains("MODSEQ (")), "{lines:?}");
    let modseq = lines[2].split("MODSEQ (").nth(1).unwrap().split(')').next().unwrap().to_owned();
    let mut second = server.selected("INBOX").await;
    second.ok("STORE 2 +FLAGS.SILENT (\\Answered)").await;
    let (lines, tagged) =
        first.command(&format!("STORE 1:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)")).await;
    assert!(tagged.starts_with("OK [MODIFIED 2]"), "{tagged}");
    // Silent keeps the flags back, not the modseq; the other's change is told in full.
    assert!(
        lines[0].starts_with("* 1 FETCH (MODSEQ (") && lines[1].starts_with("* 3 FETCH (MODSEQ ("),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("* 2 FETCH (UID 2 FLAGS (\\Answered") && lines.len() == 3, "{lines:?}");
    let tagged = first.tagged(&format!("UID STORE 2 (UNCHANGEDSINCE {modseq}) FLAGS ()")).await;
    assert!(tagged.starts_with("OK [MODIFIED 2]"), "{tagged}");
    let (_, tagged) = first.command("STORE 3 (UNCHANGEDSINCE 0) FLAGS ()").await;
    assert!(tagged.starts_with("OK [MODIFIED 3]"), "{tagged}");
    assert!(first.said(&format!("SEARCH MODSEQ {modseq}")).await.starts_with("SEARCH 1 2 3 (MODSEQ "));
    first.ok("STORE 1 +FLAGS (\\Deleted)").await;
    let (lines, tagged) = first.command("EXPUNGE").await;
    assert_eq!(lines, ["* 1 EXPUNGE"]);
    assert!(tagged.starts_with("OK [HIGHESTMODSEQ "), "{tagged}");
}
