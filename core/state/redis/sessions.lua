-- Writes or deletes sessions. KEYS[2]: index of clients, KEYS[3]: index of those with a will, KEYS[4…]: one hash per session.
-- ARGV from 4, per session: client, '1' to forget what is there first, record ('' for none) [expires at, '1' if it holds a will],
-- number of subscriptions to put {filter, options}, number of filters to remove {filter}. Times in ms, '' for
-- none.
local at = 3
local function word()
  at = at + 1
  return ARGV[at]
end
for k = 4, #KEYS do
  local key, client, forget, record = KEYS[k], word(), word(), word()
  if forget == '1' then redis.call('DEL', key) end
  local expires, will
  if record ~= '' then expires, will = word(), word() end
  local puts = tonumber(word())
  for _ = 1, puts do
    local filter = word()
    redis.call('HSET', key, 'sub:' .. filter, word())
  end
  for _ = 1, tonumber(word()) do redis.call('HDEL', key, 'sub:' .. word()) end
  if record ~= '' then
    redis.call('HSET', key, 'record', record)
    if will == '1' then redis.call('ZADD', KEYS[3], 0, client) else redis.call('ZREM', KEYS[3], client) end
    if expires ~= '' then redis.call('PEXPIREAT', key, expires) else redis.call('PERSIST', key) end
  end
  if record ~= '' or puts > 0 then
    redis.call('ZADD', KEYS[2], 0, client)
  elseif forget == '1' then
    redis.call('ZREM', KEYS[2], client)
    redis.call('ZREM', KEYS[3], client)
  end
end
return {writes}
