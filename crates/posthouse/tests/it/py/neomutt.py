"""neomutt on a terminal of its own: shows the first letter, files it, and quits: neomutt.py FOLDER."""

import os
import pty
import select
import signal
import shutil
import sys
import time

from house import PASSWORD, port

LIMIT_S = 40

folder = sys.argv[1]
if not shutil.which("neomutt"):
    sys.exit("neomutt cannot be run: install it (apt-get install neomutt, or scripts/test-deps)")
settings = f"""
set folder = "imaps://localhost:{port("imaps")}/"
set spoolfile = "+INBOX"
set imap_user = "alice@example.org"
set imap_pass = "{PASSWORD}"
set certificate_file = "{os.environ['CERTIFICATE']}"
set ssl_force_tls = yes
set pipe_decode = yes
set confirmappend = no
set confirmcreate = no
set delete = yes
set quit = yes
set wait_key = no
set record = ""
set header_cache = ""
push "<pipe-message>cat > {folder}/shown<enter><copy-message>=Kept<enter><quit>"
"""
with open(f"{folder}/neomuttrc", "w") as file:
    file.write(settings)
os.environ.update(HOME=folder, TERM="xterm", LC_ALL="C.UTF-8", LINES="24", COLUMNS="100")
# Without locale in the process the subject could not be shown; with certificate_file nothing is asked.
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("neomutt", ["neomutt", "-n", "-F", f"{folder}/neomuttrc"])
deadline = time.monotonic() + LIMIT_S
screen = b""
while time.monotonic() < deadline:
    ready, _, _ = select.select([terminal], [], [], 0.2)
    if ready:
        try:
            got = os.read(terminal, 4096)
        except OSError:
            got = b""
        if not got:
            break
        screen += got
else:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.exit(f"neomutt did not end; its screen: {screen[-3000:]!r}")
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, screen[-3000:]
