-- By which dialect something came; null: by none (operators), or before this was kept.
ALTER TABLE message ADD COLUMN dialect TEXT;
ALTER TABLE entry ADD COLUMN by_dialect TEXT;

-- JSON object: for each dialect, the signal type under which its people last chatted here.
ALTER TABLE room ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';

-- What dialects keep beside the logs: see RecordStore.
CREATE TABLE record (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  project INTEGER NOT NULL,
  value TEXT NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_expiring ON record (expires_at) WHERE expires_at IS NOT NULL;
