-- Takes due wills, so that nobody else does: at most once per session and epoch. KEYS[2]: due wills of a site.
-- ARGV from 4: now in ms, how many at most, what comes before and after a client in the key of its session.
-- Answers {writes, how many were due, client, record, client, record, …}; of those whose session is gone nothing is left.
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])
local taken = {writes, #due}
for _, client in ipairs(due) do
  redis.call('ZREM', KEYS[2], client)
  local key = ARGV[6] .. client .. ARGV[7]
  local session = redis.call('HMGET', key, 'record', 'epoch')
  if session[1] then
    redis.call('HSET', key, 'popped', session[2])
    taken[#taken + 1] = client
    taken[#taken + 1] = session[1]
  end
end
return taken
