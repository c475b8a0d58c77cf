"""A maildrop of three messages, read by Python's own client."""

import poplib

from house import HOST, PASSWORD, context, equal, port, raises

ALICE = "alice@example.org"


def session():
    pop3 = poplib.POP3_SSL(HOST, port("pop3s"), context=context())
    pop3.user(ALICE)
    pop3.pass_(PASSWORD)
    return pop3


pop3 = session()
count, size = pop3.stat()
equal(count, 3)
_, listing, _ = pop3.list()
sizes = [int(line.split()[1]) for line in listing]
equal(sum(sizes), size)
for number in (1, 2, 3):
    _, lines, _ = pop3.retr(number)
    equal(lines[-4:], [b"", b".one", b"..two", b"three"])
    assert f"Subject: {number}".encode() in lines
    equal(sum(len(line) + 2 for line in lines), sizes[number - 1], "the size is what is sent")
    _, head, _ = pop3.top(number, 0)
    equal(head, lines[:-3])
    _, head, _ = pop3.top(number, 2)
    equal(head, lines[:-1])

pop3.dele(2)
raises(poplib.error_proto, lambda: pop3.retr(2), "-ERR")
raises(poplib.error_proto, lambda: pop3.dele(2), "-ERR")
raises(poplib.error_proto, lambda: pop3.retr(4), "-ERR")
raises(poplib.error_proto, lambda: pop3.retr(0), "-ERR")
equal([line.split()[0] for line in pop3.uidl()[1]], [b"1", b"3"], "numbers do not shift")
pop3.rset()
equal(pop3.stat(), (3, size))
pop3.dele(2)
pop3.quit()

pop3 = session()
equal(pop3.stat()[0], 2)
assert b"Subject: 3" in pop3.retr(2)[1]
capabilities = pop3.capa()
assert "TOP" in capabilities and "STLS" not in capabilities, capabilities
pop3.quit()

clear = poplib.POP3(HOST, port("pop3"))
raises(poplib.error_proto, lambda: clear.user(ALICE), "-ERR")
clear.stls(context=context())
clear.user(ALICE)
clear.pass_(PASSWORD)
equal(clear.stat()[0], 2)
clear.quit()
