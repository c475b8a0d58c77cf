//! IDLE.

use super::Server;

#[tokio::test]
async fn changes_are_told_at_once() {
    let server = Server::start().await;
    let mut idler = server.selected("INBOX").await;
    let mut other = server.selected("INBOX").await;
    // What happened before IDLE is told when it begins.
    other.fill("INBOX", 1).await;
    idler.send("i IDLE\r\n").await;
    assert!(idler.line().await.starts_with("+ "));
    assert_eq!(idler.line().await, "* 1 EXISTS");
    assert_eq!(idler.line().await, "* 0 RECENT");
    let begun = std::time::Instant::now();
    other.fill("INBOX", 1).await;
    let mut said = idler.line().await;
    while !said.ends_with("2 EXISTS") {
        said = idler.line().await;
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(idler.line().await, "* 0 RECENT");
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(idler.line().await, "* 1 FETCH (FLAGS (\\Deleted))");
    other.ok("EXPUNGE").await;
    assert_eq!(idler.line().await, "* 1 EXPUNGE");
    // Pipelined behind DONE, cut anywhere.
    idler.send("DO").await;
    idler.send("NE\r\nj NOOP\r\nk IDLE\r\nDONE\r\n").await;
    assert_eq!(idler.line().await, "i OK IDLE completed");
    assert_eq!(idler.line().await, "j OK NOOP completed");
    assert!(idler.line().await.starts_with("+ "));
    assert_eq!(idler.line().await, "k OK IDLE completed");
}

#[tokio::test]
async fn idle_without_a_mailbox_and_with_one_that_is_deleted() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.send("i IDLE\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("DONE\r\n").await;
    assert_eq!(client.line().await, "i OK IDLE completed");
    client.ok("CREATE Gone").await;
    let mut idler = server.selected("Gone").await;
    idler.send("i IDLE\r\n").await;
    assert!(idler.line().await.starts_with("+ "));
    client.ok("DELETE Gone").await;
    assert!(idler.line().await.starts_with("* BYE"));
}
