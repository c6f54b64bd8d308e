-- Writes or deletes sessions. KEYS[2]: index of clients, KEYS[3]: due wills, KEYS[4…]: one hash per session.
-- ARGV from 4, per session: client, '1' to forget what is there first, record ('' for none) [epoch, expires at, will due at],
-- number of subscriptions to put {filter, options}, number of filters to remove {filter}. Times in ms, '' for none.
local at = 3
local function word()
  at = at + 1
  return ARGV[at]
end
for k = 4, #KEYS do
  local key, client, forget, record = KEYS[k], word(), word(), word()
  if forget == '1' then redis.call('DEL', key) end
  local epoch, expires, due
  if record ~= '' then epoch, expires, due = word(), word(), word() end
  local puts = tonumber(word())
  for _ = 1, puts do
    local filter = word()
    redis.call('HSET', key, 'sub:' .. filter, word())
  end
  for _ = 1, tonumber(word()) do redis.call('HDEL', key, 'sub:' .. word()) end
  if record ~= '' then
    -- A will that another site has published is not due again in the same epoch.
    local popped = redis.call('HGET', key, 'popped')
    if popped and tonumber(popped) < tonumber(epoch) then
      redis.call('HDEL', key, 'popped')
      popped = false
    end
    redis.call('HSET', key, 'record', record, 'epoch', epoch)
    if due ~= '' and not popped then redis.call('ZADD', KEYS[3], due, client) else redis.call('ZREM', KEYS[3], client) end
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
