-- Finding keys by more than their owner and status.
ALTER TABLE keys ADD COLUMN environment TEXT NOT NULL DEFAULT 'live';  -- live | test
ALTER TABLE keys ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';      -- the name in lower case, of any script
UPDATE keys SET name_folded = lower(name), record = json_set(record, '$.environment', 'live', '$.ownerSuspended', json('false'));

CREATE INDEX keys_in_environment ON keys (environment, created_at_ms, id, expires_at_ms);
CREATE INDEX keys_with_pepper ON keys (pepper, created_at_ms, id, expires_at_ms);
CREATE INDEX keys_named ON keys (name_folded, created_at_ms, id);
-- Which peppers keys depend on that may still be used: asked by readiness, and few at any time of a rotation.
CREATE INDEX keys_alive ON keys (pepper, expires_at_ms) WHERE status IN ('active', 'suspended');
