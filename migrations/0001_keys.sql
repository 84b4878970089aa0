-- Keys as people list and search them. Never read to admit a request: the key's own object decides.
-- A row is what the object last said of its key. It may be late, and says by `revision` how late.
CREATE TABLE keys (
  id            TEXT    PRIMARY KEY NOT NULL,
  owner         TEXT,                        -- NULL: the key belongs to nobody in particular
  name          TEXT    NOT NULL,
  status        TEXT    NOT NULL CHECK (status IN ('active', 'suspended', 'revoked', 'purged')),
                                             -- `expired` is no status to store: it begins without anybody writing;
                                             -- `purged` is a tombstone: nothing personal is left
  pepper        TEXT    NOT NULL,            -- which pepper tagged the present secret
  version       INTEGER NOT NULL,            -- how many secrets the key has had
  revision      INTEGER NOT NULL,            -- sequence of the last change; of two deliveries the higher one wins
  created_at_ms INTEGER NOT NULL,            -- epoch milliseconds, by the clock of the key's object
  expires_at_ms INTEGER,                     -- NULL: no end
  record        TEXT    NOT NULL             -- the rest, as JSON; no secret, no digest, no counter
) STRICT;

-- Every list is newest first, by creation and then id, so that keys of the same millisecond have one order too.
CREATE INDEX keys_newest ON keys (created_at_ms, id);
CREATE INDEX keys_of_owner ON keys (owner, created_at_ms, id);
-- Ends in the expiry so that active and expired keys are told apart without reading their rows.
CREATE INDEX keys_with_status ON keys (status, created_at_ms, id, expires_at_ms);
