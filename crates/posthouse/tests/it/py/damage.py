"""Changes a stopped server's database behind its back: damage.py FILE STATEMENT."""

import sqlite3
import sys

with sqlite3.connect(sys.argv[1]) as database:
    changed = database.execute(sys.argv[2]).rowcount
assert changed > 0, f"{sys.argv[2]} changed nothing"
