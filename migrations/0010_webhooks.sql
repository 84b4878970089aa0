-- Endpoints that want to be told of events, for people to list and for the Worker to know whom to wake. What an endpoint
-- is, its secrets and its messages, is in an object of its own; no secret is ever here.
CREATE TABLE webhooks (
  id            TEXT    PRIMARY KEY NOT NULL,
  owner         TEXT,                        -- NULL: it is told of every owner's keys
  status        TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
  revision      INTEGER NOT NULL,            -- of two that the object tells the higher one wins
  created_at_ms INTEGER NOT NULL,
  record        TEXT    NOT NULL             -- the rest, as JSON
) STRICT;
CREATE INDEX webhooks_newest ON webhooks (created_at_ms, id);
CREATE INDEX webhooks_of_owner ON webhooks (owner, created_at_ms, id);

-- In which order events arrived here, which is not the order in which they happened: each key's object delivers by
-- itself, and one that could not for an hour delivers late. Whoever reads on from an arrival misses nothing.
CREATE TABLE stream (
  arrival       INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, also when the newest rows are gone
  key_id        TEXT    NOT NULL,
  sequence      INTEGER NOT NULL,
  owner         TEXT,
  arrived_at_ms INTEGER NOT NULL
) STRICT;

-- In the very transaction that adds the event, and once: a delivery that repeats an event inserts nothing. As long as
-- nobody wants to be told it costs nothing.
CREATE TRIGGER events_arrive AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM webhooks)
BEGIN
  INSERT INTO stream (key_id, sequence, owner, arrived_at_ms)
  VALUES (NEW.key_id, NEW.sequence, NEW.owner, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
