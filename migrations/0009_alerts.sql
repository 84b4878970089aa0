-- What was suspicious about the use of keys, for people to look into. Never read to admit a request.
-- Each row comes from an event `key.alerted`, in the same transaction, and gains only what people say of it here.
CREATE TABLE alerts (
  id                 TEXT    PRIMARY KEY NOT NULL,  -- made of the key's id and the event's sequence: a second delivery is nothing
  key_id             TEXT    NOT NULL,
  owner              TEXT,                          -- of the key; NULL for a key without one
  sequence           INTEGER NOT NULL,              -- of the event
  alert              TEXT    NOT NULL,              -- which detector: retired-secret-used | ...
  action             TEXT    NOT NULL,              -- what was done in the same step: alert | suspend
  at_ms              INTEGER NOT NULL,              -- epoch milliseconds, by the clock of the key's object
  request_id         TEXT    NOT NULL,              -- of the request in which it was seen
  ip                 TEXT,
  user_agent         TEXT,
  country            TEXT,
  evidence           TEXT    NOT NULL,              -- JSON, by detector
  acknowledged_at_ms INTEGER,                       -- NULL: nobody has looked into it yet
  acknowledged_by    TEXT,                          -- `admin`, or the id of a control key
  note               TEXT
) STRICT;

-- Newest first, alone or with one filter. All end in the same order, so that pages meet.
CREATE INDEX alerts_newest ON alerts (at_ms, key_id, sequence);
CREATE INDEX alerts_of_key ON alerts (key_id, at_ms, sequence);
CREATE INDEX alerts_of_owner ON alerts (owner, at_ms, key_id, sequence);
CREATE INDEX alerts_of_kind ON alerts (alert, at_ms, key_id, sequence);
-- What is still to be looked into: few.
CREATE INDEX alerts_open ON alerts (at_ms, key_id, sequence) WHERE acknowledged_at_ms IS NULL;

-- A record says what is suspicious about its key; of those that are there already, what usually is.
UPDATE keys SET record = json_set(record, '$.suspicion', json('null')) WHERE status <> 'purged';
