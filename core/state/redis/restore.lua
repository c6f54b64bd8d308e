-- Sessions that live at a site, after Redis has lost writes. KEYS[2…]: owners. ARGV from 4: site, what comes before and after
-- a site in the key of what it is owed, then per owner client and epoch.
-- Answers {writes, client, client, …}: those that another site has in a later epoch, or in the same one. It is told of what is
-- here of them.
local site, before, after = ARGV[4], ARGV[5], ARGV[6]
local reply = {writes}
for k = 2, #KEYS do
  local key, client, epoch = KEYS[k], ARGV[3 + 2 * k], ARGV[4 + 2 * k]
  local owner = redis.call('HMGET', key, 'epoch', 'site', 'over', 'from')
  local known, at, over, from = tonumber(owner[1]) or 0, owner[2] or '', owner[3], owner[4] or ''
  local theirs = at ~= '' and at ~= site
  local lost = theirs and known >= tonumber(epoch)
  local first = ''
  if lost then first = site .. ',' elseif theirs and not over then first = at .. ',' end
  local others = first
  for other in string.gmatch(from, '([^,]+),') do
    if other .. ',' ~= first and (lost or other ~= site) then others = others .. other .. ',' end
  end
  if lost then
    reply[#reply + 1] = client
    if not over then
      redis.call('HSET', key, 'from', others, 'traced', '1')
      redis.call('ZADD', before .. at .. after, 0, client)
    end
  else
    redis.call('HSET', key, 'epoch', string.format('%.0f', math.max(known, tonumber(epoch))), 'site', site)
    redis.call('HDEL', key, 'over')
    redis.call('PERSIST', key)
    if theirs then
      redis.call('HSET', key, 'traced', '1')
      redis.call('ZREM', before .. at .. after, client)
    end
    if others == '' then
      redis.call('HDEL', key, 'from')
    else
      redis.call('HSET', key, 'from', others)
      redis.call('ZADD', before .. site .. after, 0, client)
    end
  end
end
return reply
