-- What keys were used for, by the hour, for people to read. Never read to admit a request: the key's own object counts.
-- A row is what the object last said of one hour. It may be late, and says by `changes` how late.
CREATE TABLE usage (
  key_id           TEXT    NOT NULL,
  start_ms         INTEGER NOT NULL,            -- epoch milliseconds; the beginning of an hour of UTC
  owner            TEXT,                        -- of the key; NULL for a key without one, and after a purge
  changes          INTEGER NOT NULL,            -- grows with whatever is counted; of two deliveries the higher one wins
  admitted         INTEGER NOT NULL,
  units            INTEGER NOT NULL,            -- charged, less what was given back; may be below 0
  refused          TEXT    NOT NULL,            -- JSON: reason -> how often
  routes           TEXT    NOT NULL,            -- JSON: route -> admissions
  last_admitted_ms INTEGER,
  PRIMARY KEY (key_id, start_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_hour ON usage (start_ms);
CREATE INDEX usage_of_owner ON usage (owner, start_ms);
