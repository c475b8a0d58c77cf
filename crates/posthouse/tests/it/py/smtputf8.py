"""Addresses and headers in UTF-8 (RFC 6531), as Python's own client sends them."""

import smtplib

from house import HOST, equal, port

with smtplib.SMTP(HOST, port("smtp"), local_hostname="client.example.net") as smtp:
    smtp.ehlo()
    assert smtp.has_extn("smtputf8")
    message = "Subject: Grüße aus dem Posthaus\r\n\r\nHallo\r\n".encode()
    refused = smtp.sendmail(
        "jürgen@example.net",
        ["jörg@example.org", "alice@example.org"],
        message,
        mail_options=["SMTPUTF8", "BODY=8BITMIME"],
    )
    equal(refused, {})
    # Without the extension such an address is none.
    equal(smtp.docmd("MAIL", "FROM:<>")[0], 250)
    code, text = smtp.docmd("RCPT", "TO:<nobody@example.org>")
    equal(code, 550, text)
