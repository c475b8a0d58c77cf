"""Sends some of a file and then waits to be killed. Arguments: path, bytes, and which of its connections the
system is to close first."""

import fcntl
import ftplib
import os
import socket
import sys

from house import HOST, PASSWORD, port

path, count, first = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ftp = ftplib.FTP()
ftp.connect(HOST, port("ftp"), timeout=20)
ftp.login("alice@example.org", PASSWORD)
ftp.voidcmd("TYPE I")
data = ftp.transfercmd(f"STOR {path}")
data.sendall(b"n" * count)
# A program's connections are closed in the order of their numbers.
last = ftp.sock if first == "data" else data
moved = fcntl.fcntl(last.fileno(), fcntl.F_DUPFD, 500)
os.close(last.detach())
kept = socket.socket(fileno=moved)
print("sent", flush=True)
sys.stdin.read()
