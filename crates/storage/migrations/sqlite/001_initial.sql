-- Numbers: a room's number is below 2^31 and a seq below 2^32, so that `key = room << 32 | seq` orders all rows of all
-- rooms in one integer primary key: a room's log lies together, and no second index is needed to read it in order.

CREATE TABLE project (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  secret TEXT NOT NULL,
  previous_secret TEXT,
  previous_until INTEGER,
  settings TEXT NOT NULL,           -- JSON, see rows.rs
  retention INTEGER,                -- microseconds
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user (
  project INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  avatar TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (project, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE room (
  no INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: see doomed
  project INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  title TEXT,
  chat_enabled INTEGER NOT NULL,
  slow_mode INTEGER,                -- microseconds
  private_chat INTEGER NOT NULL,
  retention INTEGER,                -- microseconds
  revision INTEGER NOT NULL,        -- rises with each change of settings or members
  head INTEGER NOT NULL,            -- the log's end is the greater of this and the greatest seq of the rows that are left
  last_at INTEGER NOT NULL,         -- likewise
  floor INTEGER NOT NULL,           -- entries up to it may be gone
  indexed INTEGER NOT NULL,         -- messages up to it are in the search index
  UNIQUE (project, name)
) STRICT;

-- Rooms that were deleted and whose rows are still being removed.
CREATE TABLE doomed (room INTEGER PRIMARY KEY) STRICT;

-- Rooms with messages that are not in the search index yet.
CREATE TABLE unindexed (room INTEGER PRIMARY KEY) STRICT;

CREATE TABLE member (
  room INTEGER NOT NULL,
  user TEXT NOT NULL,
  role INTEGER,
  "groups" TEXT NOT NULL,           -- JSON list
  muted INTEGER NOT NULL,
  muted_until INTEGER,
  banned INTEGER NOT NULL,
  banned_until INTEGER,
  membership INTEGER,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_of ON member (user, room) WHERE membership IS NOT NULL;

-- Every audience but the whole room gets a number when it is first spoken to; the whole room is number 0.
CREATE TABLE conversation (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  room INTEGER NOT NULL,
  kind INTEGER NOT NULL,            -- 1 group, 2 users
  audience TEXT NOT NULL,           -- the group's name, or a JSON list of users
  UNIQUE (room, kind, audience)
) STRICT;
CREATE TABLE conversation_user (
  room INTEGER NOT NULL,
  user TEXT NOT NULL,
  conversation INTEGER NOT NULL,
  PRIMARY KEY (room, user, conversation)
) STRICT, WITHOUT ROWID;

-- A message is its own log entry: what posted it is stored nowhere else.
CREATE TABLE message (
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  sender TEXT,                      -- null: the project's server
  sender_name TEXT NOT NULL,
  connection BLOB,
  conversation INTEGER NOT NULL,
  parts TEXT NOT NULL,              -- JSON, see rows.rs
  mentions TEXT,                    -- JSON list, null: none
  reply_to BLOB,
  label TEXT,
  client_id TEXT,
  posted_at INTEGER NOT NULL,
  edited_at INTEGER,
  deleted_at INTEGER,
  pinned_at INTEGER,
  pinned_by TEXT
) STRICT;
CREATE INDEX message_id ON message (id);
CREATE INDEX message_conversation ON message (conversation) WHERE conversation <> 0;
CREATE INDEX message_pinned ON message (key) WHERE pinned_at IS NOT NULL;

-- What was posted under a client id, kept for the dedup window whatever becomes of the message. Client ids before senders:
-- ids that rise with time (UUIDs of version 7) then lie together, and a batch of posts changes few pages.
CREATE TABLE sent (
  room INTEGER NOT NULL,
  sender TEXT NOT NULL,             -- empty: the project's server
  client_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  PRIMARY KEY (room, client_id, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE reaction (
  key INTEGER NOT NULL,             -- the message's
  emoji TEXT NOT NULL,
  user TEXT NOT NULL,
  seq INTEGER NOT NULL,             -- of the entry that added it
  PRIMARY KEY (key, emoji, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX reaction_user ON reaction (user);

-- Log entries other than posted messages. Texts are never in them: an edit's text is read from its message.
CREATE TABLE entry (
  key INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  by_user TEXT,
  by_name TEXT NOT NULL,
  by_connection BLOB,
  conversation INTEGER NOT NULL,
  target INTEGER,                   -- the key of the message that it is about
  target_id BLOB,
  event TEXT NOT NULL               -- JSON, see rows.rs
) STRICT;

CREATE TABLE marker (
  room INTEGER NOT NULL,
  user TEXT NOT NULL,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (room, user, conversation)
) STRICT, WITHOUT ROWID;

-- rowid = message.key. Holds words only, not the texts; M* keeps the vowel signs of Indic scripts inside their words.
CREATE VIRTUAL TABLE search USING fts5 (
  text, content = '', contentless_delete = 1,
  tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'"
);

-- Written by the health check.
CREATE TABLE probe (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL) STRICT;
INSERT INTO probe VALUES (1, 0);
