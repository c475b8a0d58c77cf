"""What the scripts here share: where the server is, and TLS that trusts its certificate."""

import os
import ssl

HOST = "localhost"
PASSWORD = os.environ["PASSWORD"]


def port(service):
    return int(os.environ["PORT_" + service.upper()])


def context():
    return ssl.create_default_context(cafile=os.environ["CERTIFICATE"])


def equal(got, expected, what=""):
    assert got == expected, f"{what}: expected {expected!r}, got {got!r}"


def raises(kind, call, *words):
    """Calls it, which must raise; the error's text must hold the words."""
    try:
        got = call()
    except kind as error:
        for word in words:
            assert word in str(error), f"no {word!r} in {error}"
        return error
    raise AssertionError(f"nothing was raised, but {got!r} returned")
