-- Reads hashes. KEYS: them. ARGV: the fields; none for all. Answers a list of what HMGET, or HGETALL, answers.
local replies = {}
for k = 1, #KEYS do
  replies[k] = #ARGV > 0 and redis.call('HMGET', KEYS[k], unpack(ARGV)) or redis.call('HGETALL', KEYS[k])
end
return replies
