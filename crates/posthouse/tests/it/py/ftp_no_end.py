"""Sends all bytes of a file under TLS, and then the end of TCP alone: for the server the upload was cut.

Argument: the file. It goes to `file`.
"""

import ftplib
import socket
import sys

from house import PASSWORD, context, port

ftp = ftplib.FTP_TLS(context=context())
ftp.connect("localhost", port("ftp"), timeout=20)
ftp.login("alice@example.org", PASSWORD)
ftp.prot_p()
ftp.voidcmd("TYPE I")
data = ftp.transfercmd("STOR file")
with open(sys.argv[1], "rb") as file:
    data.sendall(file.read())
with socket.socket(fileno=data.detach()) as bare:
    bare.shutdown(socket.SHUT_WR)
try:
    print(ftp.voidresp())
    sys.exit("the server took it for whole")
except ftplib.error_temp as error:
    assert "426" in str(error), error
