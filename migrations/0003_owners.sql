-- What owners' objects have decided, for people to list. Never read to admit a request or to decide about a key.
-- An owner that never decided anything has no row: it is active, and is known by its keys.
CREATE TABLE owners (
  owner    TEXT    PRIMARY KEY NOT NULL,
  standing TEXT    NOT NULL CHECK (standing IN ('active', 'suspended', 'revoked')),
  revision INTEGER NOT NULL               -- of the decision; of two that arrive the higher one wins
) STRICT, WITHOUT ROWID;
