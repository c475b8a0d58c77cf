"""Two sessions wait (IDLE, RFC 2177) while mail comes in; both must hear of it before time runs out."""

import imaplib
import smtplib
import time

from house import HOST, PASSWORD, context, port

ROUNDS = 5
LIMIT_S = 5


def waiting():
    imap = imaplib.IMAP4_SSL(HOST, port("imaps"), ssl_context=context())
    imap.login("alice@example.org", PASSWORD)
    before = int(imap.select("INBOX")[1][0])
    imap.sock.settimeout(LIMIT_S)
    imap.send(b"idle IDLE\r\n")
    line = imap.readline()
    assert line.startswith(b"+ "), line
    return imap, before


sessions = [waiting(), waiting()]
worst = 0.0
with smtplib.SMTP(HOST, port("smtp")) as smtp:
    for number in range(1, ROUNDS + 1):
        smtp.sendmail("s@example.net", ["alice@example.org"], f"Subject: {number}\r\n\r\n")
        acknowledged = time.monotonic()
        for imap, before in sessions:
            while (line := imap.readline()) != b"* %d EXISTS\r\n" % (before + number):
                assert line.startswith(b"* "), line
        worst = max(worst, time.monotonic() - acknowledged)
for imap, _ in sessions:
    imap.send(b"DONE\r\n")
    while not (line := imap.readline()).startswith(b"idle "):
        pass
    assert line.startswith(b"idle OK"), line
    imap.logout()
print(f"announced at most {worst * 1000:.1f} ms after the acknowledgement")
