-- How long a message is with every line ended by CRLF, where that is not its size; nothing for nearly all.
-- -1 for messages from before this step: they are measured when that is first asked for.
ALTER TABLE message ADD COLUMN crlf_size_bytes INTEGER DEFAULT -1;
CREATE INDEX message_by_crlf_size ON message (account_id, message_id) WHERE crlf_size_bytes IS NOT NULL;
