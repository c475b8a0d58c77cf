"""A message with UTF-8 in its header, to alice."""

import smtplib

from house import HOST, port

with smtplib.SMTP(HOST, port("smtp")) as smtp:
    smtp.ehlo()
    message = "From: José <jose@example.net>\r\nSubject: Grüße\r\n\r\nHallo\r\n".encode()
    smtp.sendmail("jose@example.net", ["alice@example.org"], message, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
