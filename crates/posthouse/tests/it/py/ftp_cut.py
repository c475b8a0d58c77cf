"""An FTPS server (implicit TLS) whose data connections end without close_notify, as a cut one would.

Environment: PORT, CERTIFICATE, KEY, FACTS (what MLST tells of a file, as `size=5;`); DATA_CERTIFICATE and
DATA_KEY if somebody else is at the port of the data connection.
"""

import os
import socket
import ssl
import threading

BODY = b"x" * 100_000

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
data_context = context
if "DATA_KEY" in os.environ:
    data_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    data_context.load_cert_chain(os.environ["DATA_CERTIFICATE"], os.environ["DATA_KEY"])


def cut(data):
    """Sends the body and then the end of TCP alone."""
    tls = data_context.wrap_socket(data.accept()[0], server_side=True)
    tls.sendall(BODY)
    with socket.socket(fileno=tls.detach()) as bare:
        bare.shutdown(socket.SHUT_WR)


def serve(connection):
    control = context.wrap_socket(connection, server_side=True)
    data = None
    control.sendall(b"220 ready\r\n")
    for line in control.makefile("rb"):
        verb = line.split()[0].decode()
        reply = {
            "USER": "230 in",
            "FEAT": "211-x\r\n MLST type*;size*;modify*;perm*;unix.mode*;\r\n211 x",
            "PWD": '257 "/"',
            "MLST": "250-x\r\n type=file;%s x\r\n250 x" % os.environ["FACTS"],
            "PBSZ": "200 ok",
            "PROT": "200 ok",
            "TYPE": "200 ok",
        }.get(verb, "502 no")
        if verb == "EPSV":
            data = socket.create_server(("127.0.0.1", 0))
            reply = "229 (|||%d|)" % data.getsockname()[1]
        if verb == "RETR":
            control.sendall(b"150 go\r\n")
            cut(data)
            reply = "226 done"
        control.sendall(reply.encode() + b"\r\n")


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
