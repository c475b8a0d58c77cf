-- Zones, their journals and their keys. What records look like in bytes is not known here.
INSERT INTO counter (name, value) VALUES ('zone', 0), ('zone-change', 0);

-- change is the number of the last change, from a counter over all zones: whoever knows a number asks
-- for all zones above it. base_change is the change that zone_base holds.
CREATE TABLE zone (
    zone_id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    change INTEGER NOT NULL,
    base_change INTEGER NOT NULL,
    base_size_bytes INTEGER NOT NULL,
    base_digest BLOB NOT NULL,
    due_ms INTEGER,
    settings TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX zone_by_change ON zone (change);
CREATE INDEX zone_by_due ON zone (due_ms) WHERE due_ms IS NOT NULL;

-- The whole content as of base_change, in parts; each is zstd, or, in its own length, as it is.
CREATE TABLE zone_base (
    zone_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (zone_id, part)
);

-- The journal: what each change did. Those above base_change make the present content.
CREATE TABLE zone_change (
    zone_id INTEGER NOT NULL,
    change INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    serial_before INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    undone INTEGER,
    what TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (zone_id, change)
);

-- Who may fetch (role 1), gives (2), or changes (3) a zone, or is told of changes (4).
CREATE TABLE zone_peer (
    zone_id INTEGER NOT NULL,
    role INTEGER NOT NULL,
    address TEXT NOT NULL,
    tsig_key TEXT NOT NULL,
    PRIMARY KEY (zone_id, role, address, tsig_key)
) WITHOUT ROWID;

-- What was seen from outside, latest only.
CREATE TABLE zone_seen (
    zone_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (zone_id, subject)
) WITHOUT ROWID;

CREATE TABLE tsig_key (
    name TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Key pairs whose public half stands in the DNS, by the name they serve: a zone (purpose 1), a mail domain's
-- DKIM (2), a host's certificate (3). The zone may be elsewhere.
CREATE TABLE name_key (
    name TEXT NOT NULL,
    purpose INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    public BLOB NOT NULL,
    secret BLOB NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (name, purpose, key_id)
);

-- Where the rolls of these keys stand.
CREATE TABLE name_roll (
    name TEXT NOT NULL,
    purpose INTEGER NOT NULL,
    due_ms INTEGER,
    state TEXT NOT NULL,
    PRIMARY KEY (name, purpose)
);
