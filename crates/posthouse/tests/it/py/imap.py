"""Python's own client does what mail programs do, in the order in which they do it: imap.py USER.

The user has no mail yet.
"""

import imaplib
import sys
import time

from house import HOST, PASSWORD, context, equal, port, raises

USER = sys.argv[1]


def session():
    imap = imaplib.IMAP4_SSL(HOST, port("imaps"), ssl_context=context())
    raises(imaplib.IMAP4.error, lambda: imap.login(USER, "wrong"), "AUTHENTICATIONFAILED")
    ok(imap.login(USER, PASSWORD))
    return imap


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def no(answer, *words):
    kind, data = answer
    assert kind == "NO", answer
    for word in words:
        assert word.encode() in data[0], data


imap = session()
for capability in ("IMAP4REV1", "IDLE", "UIDPLUS", "MOVE", "CONDSTORE", "NAMESPACE", "SPECIAL-USE", "ENABLE", "ESEARCH"):
    assert capability in imap.capabilities, (capability, imap.capabilities)

# Mailboxes.
equal(ok(imap.select("INBOX")), [b"0"])
ok(imap.create("Archive/2026"))
ok(imap.create('"With space"'))
ok(imap.create("Entw&APw-rfe"))
no(imap.create("INBOX"), "ALREADYEXISTS")
names = b"\n".join(ok(imap.list()))
for name in (b'"/" Archive', b'"/" Archive/2026', b'"/" "With space"', b'"/" Entw&APw-rfe', b'"/" INBOX'):
    assert name in names, (name, names)
ok(imap.subscribe("Archive/2026"))
assert b"Archive/2026" in b"\n".join(ok(imap.lsub()))
ok(imap.rename("Archive/2026", "Archive/2027"))
no(imap.select("Archive/2026"), "NONEXISTENT")
ok(imap.delete('"With space"'))
no(imap.delete("INBOX"))

# Messages.
first = b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>\r\nTo: alice@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
first += b"Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1@example.net>\r\n\r\nDear Alice,\r\nfigures are attached.\r\n"
arrived = imaplib.Time2Internaldate(1_700_000_000)
ok(imap.append("INBOX", "(\\Seen $Important)", arrived, first))
ok(imap.append("INBOX", "", None, b"Subject: second\r\n\r\n" + b"0123456789abcdef\r\n" * 20_000))
ok(imap.append("INBOX", "(\\Draft)", None, b"Subject: third\r\n\r\n"))
no(imap.append("Nowhere", "", None, b"Subject: x\r\n\r\n"), "TRYCREATE")
equal(ok(imap.select("INBOX")), [b"3"])
data = ok(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE UID)"))[0]
for word in (b"\\Seen", b"$Important", b"RFC822.SIZE %d" % len(first), b'"joerg" "example.net"', b'"text" "plain"'):
    assert word.lower() in data.lower(), (word, data)
assert time.mktime(imaplib.Internaldate2tuple(data)) == 1_700_000_000, data
equal(ok(imap.fetch("1", "(BODY.PEEK[])"))[0][1], first)
assert ok(imap.fetch("1", "(BODY.PEEK[TEXT]<5.5>)"))[0].endswith(b'BODY[TEXT]<5> "Alice")')
header = ok(imap.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1]
equal(header, b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n")
equal(len(ok(imap.fetch("2", "(RFC822)"))[0][1]), len(b"Subject: second\r\n\r\n") + 18 * 20_000)
assert b"\\Seen" in ok(imap.fetch("2", "(FLAGS)"))[0], "reading marks as read"

# Searching.
for words, found in [
    (("UNSEEN",), b"3"),
    (("SUBJECT", "second"), b"2"),
    (("FROM", "joerg@example.net"), b"1"),
    (("TEXT", "figures"), b"1"),
    (("BODY", "abcdef"), b"2"),
    (("BEFORE", "1-Jan-2024"), b"1"),
    (("SENTSINCE", "1-Mar-2026"), b"1"),
    (("LARGER", "10000"), b"2"),
    (("KEYWORD", "$Important"), b"1"),
    (("HEADER", "Message-ID", "1@example.net"), b"1"),
    (("OR", "DRAFT", "SUBJECT", "second"), b"2 3"),
    (("NOT", "SEEN", "DRAFT"), b"3"),
]:
    equal(ok(imap.search(None, *words)), [found], words)
imap.literal = "grüße".encode()
equal(ok(imap.search("UTF-8", "SUBJECT")), [b"1"])

# Flags, copies, moves.
ok(imap.store("2", "+FLAGS", "(\\Flagged)"))
ok(imap.store("2", "-FLAGS", "(\\Seen)"))
assert b"\\Flagged" in ok(imap.fetch("2", "(FLAGS)"))[0]
ok(imap.copy("1:2", "Archive/2027"))
no(imap.copy("1", "Nowhere"), "TRYCREATE")
ok(imap.uid("MOVE", "3", "Archive/2027"))
equal(ok(imap.status("Archive/2027", "(MESSAGES UNSEEN UIDNEXT)")), [b"Archive/2027 (MESSAGES 3 UNSEEN 2 UIDNEXT 4)"])
equal(ok(imap.search(None, "ALL")), [b"1 2"])
ok(imap.store("1", "+FLAGS", "(\\Deleted)"))
# imaplib also shows what MOVE expunged.
equal(ok(imap.expunge()), [b"3", b"1"])
equal(ok(imap.search(None, "ALL")), [b"1"])
ok(imap.select("Archive/2027", readonly=True))
no(imap.store("1", "+FLAGS", "(\\Deleted)"))
equal(ok(imap.fetch("1", "(BODY.PEEK[])"))[0][1], first, "the copy lives on")
ok(imap.close())
ok(imap.noop())

# A second session sees the same; numbers of messages and mailboxes last.
other = session()
equal(ok(other.select("INBOX")), [b"1"])
uid = ok(other.uid("SEARCH", "ALL"))
equal(uid, [b"2"])
other.logout()
imap.logout()
