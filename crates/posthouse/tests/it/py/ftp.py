"""Python's own FTP client, plain and inside TLS."""

import ftplib
import io

from house import HOST, PASSWORD, context, equal, port, raises

ALICE = "alice@example.org"


def plain():
    ftp = ftplib.FTP()
    ftp.connect(HOST, port("ftp"), timeout=20)
    ftp.login(ALICE, PASSWORD)
    return ftp


def secure():
    ftp = ftplib.FTP_TLS(context=context())
    ftp.connect("localhost", port("ftp"), timeout=20)
    ftp.login(ALICE, PASSWORD)
    ftp.prot_p()
    return ftp


def content(ftp, command):
    pieces = []
    ftp.retrbinary(command, pieces.append)
    return b"".join(pieces)


for begin in (plain, secure):
    ftp = begin()
    equal(ftp.pwd(), "/")
    equal(ftp.mkd('fo"lder'), '/fo"lder')
    ftp.cwd('fo"lder')
    equal(ftp.pwd(), '/fo"lder')
    for size in (0, 100, 1_000_000):
        data = bytes(range(256)) * (size // 256)
        ftp.storbinary("STOR file", io.BytesIO(data))
        equal(content(ftp, "RETR file"), data)
        ftp.voidcmd("TYPE I")
        equal(ftp.size("file"), len(data))
    pieces = []
    ftp.retrbinary("RETR file", pieces.append, rest=999_000)
    equal(b"".join(pieces), data[999_000:])
    ftp.storlines("STOR lines", io.BytesIO(b"one\r\ntwo\r\n"))
    lines = []
    ftp.retrlines("RETR lines", lines.append)
    equal(lines, ["one", "two"])
    ftp.storbinary("APPE lines", io.BytesIO(b"three\n"))
    equal(content(ftp, "RETR lines"), b"one\ntwo\nthree\n")
    equal(sorted(ftp.nlst()), ["file", "lines"])
    facts = dict(ftp.mlsd())
    equal({name: facts[name]["type"] for name in ("file", "lines")}, {"file": "file", "lines": "file"})
    equal(facts["lines"]["size"], "14")
    ftp.voidcmd("MFMT 20200102030405 lines")
    equal(ftp.sendcmd("MDTM lines"), "213 20200102030405")
    ftp.rename("lines", "renamed")
    ftp.delete("renamed")
    raises(ftplib.error_perm, lambda: ftp.delete("renamed"), "550")
    ftp.delete("file")
    ftp.cwd("..")
    ftp.rmd('fo"lder')
    for active in (True, False):
        ftp.set_pasv(not active)
        ftp.storbinary("STOR file", io.BytesIO(b"content"))
        equal(content(ftp, "RETR file"), b"content")
    ftp.delete("file")
    ftp.quit()
