-- Writes or deletes retained messages. KEYS[2]: index of topics, KEYS[3…]: one string per topic.
-- ARGV from 4, per topic: 'tenant:topic', message ('' to delete), when the key expires in ms ('' for never).
local at = 4
for k = 3, #KEYS do
  local topic, message, expires = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  at = at + 3
  if message == '' then
    redis.call('DEL', KEYS[k])
    redis.call('ZREM', KEYS[2], topic)
  else
    if expires == '' then redis.call('SET', KEYS[k], message) else redis.call('SET', KEYS[k], message, 'PXAT', expires) end
    redis.call('ZADD', KEYS[2], 0, topic)
  end
end
return {writes}
