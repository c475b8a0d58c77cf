//! CREATE, DELETE, RENAME, LIST, LSUB, STATUS, subscriptions.

use super::Server;

#[tokio::test]
async fn mailboxes_come_and_go() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    for (command, expected) in [
        ("CREATE a/b/c", "OK"),
        ("CREATE a/b", "NO [ALREADYEXISTS]"),
        ("CREATE inbox", "NO [ALREADYEXISTS]"),
        ("CREATE x/", "OK"),
        ("DELETE INBOX", "NO [CANNOT]"),
        ("DELETE nowhere", "NO [NONEXISTENT]"),
        ("RENAME nowhere y", "NO [NONEXISTENT]"),
        ("RENAME x a", "NO [ALREADYEXISTS]"),
        ("RENAME a a/d", "NO [CANNOT]"),
        ("RENAME a z", "OK"),
        ("DELETE z/b", "OK"),
        ("STATUS z/b (MESSAGES)", "NO [NONEXISTENT]"),
        ("STATUS nowhere (MESSAGES)", "NO [NONEXISTENT]"),
        ("SUBSCRIBE later", "OK"),
        ("UNSUBSCRIBE Junk", "OK"),
    ] {
        let tagged = client.tagged(command).await;
        assert!(tagged.starts_with(expected), "{command}: {tagged}");
    }
    assert_eq!(
        client.said("LIST \"\" z*").await,
        "LIST (\\HasChildren) \"/\" z|LIST (\\NonExistent \\Noselect \\HasChildren) \"/\" z/b|\
         LIST (\\HasNoChildren) \"/\" z/b/c"
    );
}

#[tokio::test]
async fn lists_of_all_kinds() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    for command in
        ["CREATE f/one", "CREATE f/two", "SUBSCRIBE f/one", "SUBSCRIBE gone", "UNSUBSCRIBE Archive"]
    {
        client.ok(command).await;
    }
    for (command, expected) in [
        ("LIST \"\" \"\"", "LIST (\\Noselect) \"/\" \"\""),
        ("LIST \"\" inbox", "LIST (\\HasNoChildren) \"/\" INBOX"),
        ("LIST f/ %", "LIST (\\HasNoChildren) \"/\" f/one|LIST (\\HasNoChildren) \"/\" f/two"),
        ("LIST \"\" Sen%", "LIST (\\HasNoChildren \\Sent) \"/\" Sent"),
        (
            "LIST \"\" f* RETURN (CHILDREN)",
            "LIST (\\HasChildren) \"/\" f|LIST (\\HasNoChildren) \"/\" f/one|LIST (\\HasNoChildren) \"/\" f/two",
        ),
        (
            "LIST (SUBSCRIBED) \"\" (f* g*)",
            "LIST (\\Subscribed) \"/\" f/one|LIST (\\NonExistent \\Noselect \\Subscribed) \"/\" gone",
        ),
        ("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" f", "LIST () \"/\" f (CHILDINFO (\"SUBSCRIBED\"))"),
        (
            "LIST (SPECIAL-USE) \"\" *",
            "LIST (\\Archive) \"/\" Archive|LIST (\\Drafts) \"/\" Drafts|LIST (\\Junk) \"/\" Junk|LIST (\\Sent) \"/\" Sent|LIST (\\Trash) \"/\" Trash",
        ),
        (
            "LIST \"\" Tr% RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UNSEEN))",
            "LIST (\\Subscribed \\Trash) \"/\" Trash|STATUS Trash (MESSAGES 0 UNSEEN 0)",
        ),
        ("LSUB \"\" f%", "LSUB (\\Noselect) \"/\" f"),
        ("LSUB \"\" f*", "LSUB (\\HasNoChildren) \"/\" f/one"),
        ("LSUB \"\" Arch%", ""),
        ("LSUB \"\" g%", "LSUB (\\Noselect) \"/\" gone"),
    ] {
        assert_eq!(client.said(command).await, expected, "{command}");
    }
}

#[tokio::test]
async fn names_beyond_ascii_and_inbox_in_any_case() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.ok("CREATE Entw&APw-rfe").await;
    client.ok("CREATE inbox/Sub").await;
    assert_eq!(client.said("LIST \"\" Entw*").await, "LIST (\\HasNoChildren) \"/\" Entw&APw-rfe");
    assert!(client.said("LIST \"\" InBox*").await.contains("\"/\" INBOX/Sub"));
    client.ok("ENABLE IMAP4rev2").await;
    assert_eq!(client.said("LIST \"\" Entw*").await, "LIST (\\HasNoChildren) \"/\" \"Entwürfe\"");
}

#[tokio::test]
async fn status_of_all_items() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.append("INBOX", "\\Seen", "12345").await;
    client.append("INBOX", "\\Deleted", "1234567").await;
    let said = client
        .said("STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ)")
        .await;
    assert!(said.starts_with("STATUS INBOX (MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY "), "{said}");
    assert!(said.contains(" UNSEEN 1 DELETED 1 SIZE 12 HIGHESTMODSEQ "), "{said}");
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages() {
    let server = Server::start().await;
    let mut client = server.logged_in().await;
    client.fill("INBOX", 2).await;
    client.ok("SELECT INBOX").await;
    assert_eq!(client.said("RENAME INBOX Old").await, "1 EXPUNGE|1 EXPUNGE");
    assert_eq!(client.said("STATUS Old (MESSAGES)").await, "STATUS Old (MESSAGES 2)");
    assert_eq!(client.said("STATUS INBOX (MESSAGES)").await, "STATUS INBOX (MESSAGES 0)");
}
