-- How many bytes a cut upload took over from the file that it was to replace: those who append have all of them.
ALTER TABLE file_part ADD COLUMN base_bytes INTEGER NOT NULL DEFAULT 0;
