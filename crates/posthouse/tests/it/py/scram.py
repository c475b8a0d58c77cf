"""SCRAM-SHA-256 (RFC 7677), written out, because Python's client does not know it."""

import base64
import hashlib
import hmac
import os
import smtplib
import sys

from house import HOST, PASSWORD, context, equal, port

USER = "bob@example.org"


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def scram(smtp):
    nonce = b64(os.urandom(12))
    bare = f"n={USER},r={nonce}"
    code, reply = smtp.docmd("AUTH", "SCRAM-SHA-256 " + b64("n,," + bare))
    equal(code, 334, reply)
    server_first = base64.b64decode(reply).decode()
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    assert fields["r"].startswith(nonce) and fields["r"] != nonce, server_first
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = mac(salted, "Client Key")
    without_proof = "c=biws,r=" + fields["r"]
    whole = ",".join([bare, server_first, without_proof])
    signature = mac(hashlib.sha256(client_key).digest(), whole)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    code, reply = smtp.docmd(b64(without_proof + ",p=" + b64(proof)))
    if code == 334:
        verifier = base64.b64decode(reply).decode()
        equal(verifier, "v=" + b64(mac(mac(salted, "Server Key"), whole)), "the server proves itself too")
        code, reply = smtp.docmd("")
    equal(code, 235, reply)


service = sys.argv[1]
# How many connections only log in, before one sends.
only_log_in = int(sys.argv[2]) if len(sys.argv) > 2 else 0


def connect():
    if service == "submissions":
        return smtplib.SMTP_SSL(HOST, port(service), context=context())
    client = smtplib.SMTP(HOST, port(service))
    client.starttls(context=context())
    return client


for _ in range(only_log_in):
    with connect() as smtp:
        smtp.ehlo()
        scram(smtp)
with connect() as smtp:
    smtp.ehlo()
    assert "SCRAM-SHA-256" in smtp.esmtp_features["auth"].split(), smtp.esmtp_features
    scram(smtp)
    smtp.sendmail(USER, ["alice@example.org"], b"From: bob@example.org\r\nSubject: scram\r\n\r\n")
