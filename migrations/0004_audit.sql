-- What happened to all keys, for whoever looks for something and does not know where.
ALTER TABLE events ADD COLUMN owner TEXT;      -- of the key; NULL for a key without one, and after a purge
UPDATE events SET owner = (SELECT owner FROM keys WHERE keys.id = events.key_id);

-- Newest first, alone or with one filter. The primary key is the end of every index, so that the order is one order.
CREATE INDEX events_newest ON events (at_ms, key_id, sequence);
CREATE INDEX events_of_owner ON events (owner, at_ms, key_id, sequence);
CREATE INDEX events_of_type ON events (type, at_ms, key_id, sequence);
