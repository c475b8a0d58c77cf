-- Three index entries per delivery become one.
--
-- What came and never changed since is found by its UID, for UIDs are given in the order of modseqs;
-- only what changed afterwards is listed by modseq. Rows from before this step all count as changed.
ALTER TABLE placement ADD COLUMN added_modseq INTEGER NOT NULL DEFAULT 0;
DROP INDEX placement_by_modseq;
CREATE INDEX placement_by_modseq ON placement (account_id, mailbox_id, modseq) WHERE modseq <> added_modseq;
-- A message stands in one mailbox at a time: nobody asks where.
DROP INDEX placement_by_message;

-- What a trace is found by lies with its first event, a line each, until the writer has a moment to list it:
-- three entries in random places are most of what a delivery would otherwise change.
ALTER TABLE trace_event ADD COLUMN keys TEXT;
CREATE INDEX trace_event_unlisted ON trace_event (trace_id, n) WHERE keys IS NOT NULL;

-- How long a message is for those who cannot read UTF-8 in its header; nothing for nearly all.
ALTER TABLE message ADD COLUMN ascii_size_bytes INTEGER;
CREATE INDEX message_by_ascii_size ON message (account_id, message_id) WHERE ascii_size_bytes IS NOT NULL;
