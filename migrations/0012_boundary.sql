-- A record says how far a control key reaches with the keys that it makes; of those that are there already, nothing was said.
UPDATE keys SET record = json_set(record, '$.boundary', json('null')) WHERE status <> 'purged';
