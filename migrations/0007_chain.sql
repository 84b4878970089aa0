-- The history of each key is a chain: who knows the hash of the newest event, and the key's object does, can tell
-- whether a row was altered, removed or inserted. What is hashed and how: src/key/chain.ts.
ALTER TABLE events ADD COLUMN hash TEXT;       -- NULL: from before the chain, until the key's object tells it again

-- Where a key's history begins whose older events were deleted because of their age: the rest still verifies.
CREATE TABLE anchors (
  key_id   TEXT    PRIMARY KEY NOT NULL,
  sequence INTEGER NOT NULL,              -- of the newest event that was deleted
  hash     TEXT    NOT NULL               -- of that event
) STRICT, WITHOUT ROWID;

-- Where work that is done a part at a time goes on, and what it found.
CREATE TABLE chores (
  name  TEXT PRIMARY KEY NOT NULL,
  state TEXT NOT NULL                     -- JSON, by name
) STRICT, WITHOUT ROWID;
