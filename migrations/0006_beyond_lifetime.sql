-- Keys that somebody lets live longer than their lifetime says: few, and each a decision that a review wants to see.
ALTER TABLE keys ADD COLUMN beyond_lifetime INTEGER NOT NULL DEFAULT 0;   -- 1: yes

-- The rows that are there already. Use moves the end of a session without a cap too: there only the history tells
-- whether somebody has set it. No end at all is later than any.
UPDATE keys SET beyond_lifetime = 1
WHERE status <> 'purged'
  AND record ->> '$.lifetimeSeconds' IS NOT NULL
  AND (expires_at_ms IS NULL
       OR expires_at_ms > created_at_ms + 1000 * coalesce(record ->> '$.maxLifetimeSeconds', record ->> '$.lifetimeSeconds'))
  AND (record ->> '$.kind' <> 'session'
       OR record ->> '$.maxLifetimeSeconds' IS NOT NULL
       OR EXISTS (SELECT 1 FROM events
                  WHERE key_id = keys.id AND type = 'key.amended' AND detail -> '$.expiresAt' IS NOT NULL));

-- Holds such keys only, so that no other key pays for the report with a row.
CREATE INDEX keys_beyond_lifetime ON keys (created_at_ms, id) WHERE beyond_lifetime = 1;
