-- The connection among its audience's users that a message was addressed to; null: to all of theirs.
ALTER TABLE message ADD COLUMN addressee BLOB;
