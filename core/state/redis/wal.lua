-- The register of a site's logs. KEYS[2]: one field per log. ARGV from 4: 'mark', name, mark; or 'finished', name; or 'list'.
-- Answers {writes}, and for 'list' also {name, mark, name, mark, …}.
if ARGV[4] == 'list' then
  local fields = redis.call('HGETALL', KEYS[2])
  table.insert(fields, 1, writes)
  return fields
end
if ARGV[4] == 'mark' then redis.call('HSET', KEYS[2], ARGV[5], ARGV[6]) else redis.call('HDEL', KEYS[2], ARGV[5]) end
return {writes}
