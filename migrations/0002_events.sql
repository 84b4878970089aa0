-- What happened to keys, for people to read. Never read to admit a request: the key's own object decides.
CREATE TABLE events (
  key_id     TEXT    NOT NULL,
  sequence   INTEGER NOT NULL,            -- given by the key's object: 1, 2, 3 ... without gaps
  type       TEXT    NOT NULL,            -- key.created | key.rotated | key.revoked | ...
  at_ms      INTEGER NOT NULL,            -- epoch milliseconds, by that object's clock
  actor      TEXT    NOT NULL,            -- `admin`, or the id of the key that asked
  request_id TEXT    NOT NULL,            -- the request that asked; also in its answer and in the log
  ip         TEXT,
  user_agent TEXT,
  country    TEXT,
  detail     TEXT    NOT NULL,            -- JSON, by type
  -- The outbox delivers at least once. This key turns the second delivery into nothing,
  -- and a gap in `sequence` into something a query can find.
  PRIMARY KEY (key_id, sequence)
) STRICT, WITHOUT ROWID;
