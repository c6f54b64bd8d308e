-- A site claims a client: raises the epoch, notes who may still hold something of the session. KEYS[2]: the client's owner.
-- ARGV from 4: client, site, the highest epoch known there, what comes before and after a site in the key of what it is owed,
-- and in the key of whom others have taken from it; of these most that are kept, and for how many ms.
-- Answers {writes, epoch, from, before}; `from` as stored: names of sites with a comma behind each, the one that had it last first;
-- `before`: where it has lived until now.
local client, site = ARGV[4], ARGV[5]
local owner = redis.call('HMGET', KEYS[2], 'epoch', 'site', 'over', 'from')
local before, from = owner[2] or '', owner[4] or ''
local epoch = string.format('%.0f', math.max(tonumber(owner[1]) or 0, tonumber(ARGV[6])) + 1)
local moved = before ~= '' and before ~= site
local others = ''
if moved and not owner[3] then others = before .. ',' end
for other in string.gmatch(from, '([^,]+),') do
  if other ~= site and other ~= before then others = others .. other .. ',' end
end
redis.call('HSET', KEYS[2], 'epoch', epoch, 'site', site)
redis.call('HDEL', KEYS[2], 'over')
redis.call('PERSIST', KEYS[2])
if moved and not owner[3] then
  local taken = ARGV[9] .. before .. ARGV[10]
  redis.call('XADD', taken, 'MAXLEN', '~', ARGV[11], '*', 'client', client)
  redis.call('PEXPIRE', taken, ARGV[12])
end
if moved then
  redis.call('HSET', KEYS[2], 'traced', '1')
  if from ~= '' then redis.call('ZREM', ARGV[7] .. before .. ARGV[8], client) end
end
if others ~= from then
  if others == '' then redis.call('HDEL', KEYS[2], 'from') else redis.call('HSET', KEYS[2], 'from', others) end
end
if others ~= '' then redis.call('ZADD', ARGV[7] .. site .. ARGV[8], 0, client)
elseif from ~= '' then redis.call('ZREM', ARGV[7] .. site .. ARGV[8], client) end
return {writes, epoch, others, owner[3] and '' or before}
