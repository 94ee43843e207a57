-- The last word of a search is the beginning of one. Without an index of beginnings, that reads all words that begin so, of all
-- rooms: a search for one letter would cost as much as the store is large. The index is filled anew, piece by piece.
DROP TABLE search;
CREATE VIRTUAL TABLE search USING fts5 (
  text, content = '', contentless_delete = 1, prefix = '1 2 3',
  tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'"
);
UPDATE room SET indexed = 0;
INSERT OR IGNORE INTO unindexed (room) SELECT no FROM room;
