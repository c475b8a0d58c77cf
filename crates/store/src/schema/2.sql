-- The file areas of accounts and groups. One number names an area: an account's own has the account's
-- number, a shared folder's has the share's, negated.
INSERT INTO counter (name, value) VALUES ('share', 0);

CREATE TABLE file_share (
    share_id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    quota_bytes INTEGER,
    used_bytes INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
);

CREATE TABLE file_share_member (
    account_id INTEGER NOT NULL,
    share_id INTEGER NOT NULL,
    may_write INTEGER NOT NULL,
    PRIMARY KEY (account_id, share_id)
) WITHOUT ROWID;
CREATE INDEX file_share_member_by_share ON file_share_member (share_id, account_id);

-- A tree: parent 0 is the root, which has no row. Without a blob it is a folder. A folder's children lie
-- together in the order of their names, so that a list of a million is read in one pass.
CREATE TABLE file_entry (
    area_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    blob_id INTEGER,
    size_bytes INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    sha256 BLOB,
    PRIMARY KEY (area_id, parent_id, name)
) WITHOUT ROWID;
CREATE UNIQUE INDEX file_entry_by_id ON file_entry (area_id, entry_id);

-- What arrived of an upload that was cut, under the name that the whole would have had.
CREATE TABLE file_part (
    area_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    file TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (area_id, parent_id, name)
) WITHOUT ROWID;
CREATE INDEX file_part_by_time ON file_part (at_ms);

-- An account without a row has the usual settings.
CREATE TABLE ftp_profile (
    account_id INTEGER NOT NULL PRIMARY KEY,
    is_plain_allowed INTEGER NOT NULL,
    has_epsv INTEGER NOT NULL,
    makes_parents INTEGER NOT NULL,
    data_binding INTEGER NOT NULL,
    active_to_control INTEGER NOT NULL,
    rate_down INTEGER,
    rate_up INTEGER
);
