-- Zones that were deleted and may come back, the newest of each name. Their content, journals, peers and observations
-- stay where they are; their keys (name_key) have purpose 4. The columns are those of zone, the latest serial that was
-- served under the name, also by a zone made anew, and when it was deleted.
CREATE TABLE zone_gone (
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
    state TEXT NOT NULL,
    last_serial INTEGER NOT NULL,
    gone_ms INTEGER NOT NULL
);
CREATE INDEX zone_gone_by_time ON zone_gone (gone_ms);
