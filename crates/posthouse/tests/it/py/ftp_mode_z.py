"""Transfers in MODE Z (draft-preston-ftpext-deflate), both ways."""

import ftplib
import io
import zlib

from house import HOST, PASSWORD, equal, port, raises

ftp = ftplib.FTP()
ftp.connect(HOST, port("ftp"), timeout=20)
ftp.login("alice@example.org", PASSWORD)


def content(command):
    pieces = []
    ftp.retrbinary(command, pieces.append)
    return b"".join(pieces)


for data in (b"", b"small " * 10, b"large and repeated " * 1_000_000):
    ftp.voidcmd("MODE Z")
    ftp.storbinary("STOR file", io.BytesIO(zlib.compress(data)))
    equal(zlib.decompress(content("RETR file")), data)
    ftp.voidcmd("MODE S")
    equal(content("RETR file"), data)
ftp.voidcmd("MODE Z")
assert b" file\r\n" in zlib.decompress(content("MLSD"))
raises(ftplib.error_temp, lambda: ftp.storbinary("STOR broken", io.BytesIO(b"not compressed")))
ftp.quit()
