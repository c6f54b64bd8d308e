-- Whom other sites have taken from one. KEYS[1]: the stream of them. ARGV: the last entry that is known ('' for none), for how
-- many ms an entry counts, most entries that are kept, most of a page.
-- Answers {1, last entry, client, client, …}, or {0, last entry} if some were not kept that should be here.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local known = tonumber(string.match(ARGV[1], '^%d+') or '')
local oldest = now - tonumber(ARGV[2])
-- A clock that went back would hide what comes.
local isKnown = known and known >= oldest and known <= now
local from = isKnown and '(' .. ARGV[1] or string.format('%.0f', oldest)
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
  if tonumber(string.match(first, '^%d+')) > (isKnown and known or oldest) then
    return {0, redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]}
  end
end
local reply = {1, ARGV[1]}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[4])) do
  reply[2] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
