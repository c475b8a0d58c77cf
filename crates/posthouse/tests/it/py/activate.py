"""Starts a program the way systemd does with sockets: activate.py NAME=PORT... -- PROGRAM ARGUMENTS."""

import os
import socket
import sys

split = sys.argv.index("--")
names = []
sockets = []
for pair in sys.argv[1:split]:
    name, port = pair.split("=")
    listener = socket.create_server(("127.0.0.1", int(port)))
    names.append(name)
    # Out of the way of the numbers that they get below.
    sockets.append(os.dup2(listener.fileno(), 100 + len(names)))
for number, listener in enumerate(sockets, start=3):
    os.dup2(listener, number, inheritable=True)
    os.set_inheritable(listener, False)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(sockets))
os.environ["LISTEN_FDNAMES"] = ":".join(names)
os.execv(sys.argv[split + 1], sys.argv[split + 1 :])
