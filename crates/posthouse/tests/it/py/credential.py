"""What is stored of an account's password: credential.py FILE ADDRESS."""

import sqlite3
import sys

database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
query = "SELECT password, coalesce(scram, '-') FROM account WHERE address = ?"
print(*database.execute(query, (sys.argv[2],)).fetchone())
