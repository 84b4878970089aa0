-- Who has read what of the control API, by the minute: one row for each actor and operation, however often it was asked.
-- For people; nothing is decided by it. Deleted by age, like what alerts say of people.
CREATE TABLE reads (
  minute_ms  INTEGER NOT NULL,  -- when the minute began, epoch milliseconds, by the clock of the Worker
  actor      TEXT    NOT NULL,  -- `admin`, `operator:<name>`, or the id of a control key
  operation  TEXT    NOT NULL,  -- as the reference calls it: listKeys | listEvents | ...
  reads      INTEGER NOT NULL,
  -- Of one of them:
  key_id     TEXT,              -- the key or webhook that was asked about; NULL for a list
  request_id TEXT    NOT NULL,
  ip         TEXT,
  country    TEXT,
  PRIMARY KEY (minute_ms, actor, operation)
) STRICT, WITHOUT ROWID;
