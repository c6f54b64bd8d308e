-- Takes, renews or releases the exclusive lease of a site: holder, until (ms, by the clock of Redis), token, writes, ahead (ms
-- the holder's clock is before that of Redis).
-- KEYS[1]: the lease. ARGV: what to do, holder, life in ms, the holder's token (0: none yet), '1' if an expired lease may be taken,
-- the holder's clock (ms since the epoch).
-- Answers {0, holder, ms it is still good for} if it is somebody else's, else {writes, token}. Nothing here expires by itself:
-- the token has to outlive its holder.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
local holder, left, stored = lease[1] or '', (tonumber(lease[2]) or 0) - now, tonumber(lease[3]) or 0
local token = tonumber(ARGV[4])
-- We have taken it, and the answer was lost.
if token == 0 and holder == ARGV[2] then token = stored end
if token > 0 then
  -- A smaller token than ours: Redis has lost what came after. It is still our lease.
  if stored > token then return {0, holder, math.max(left, 0)} end
elseif holder ~= '' and (left > 0 or ARGV[5] ~= '1') then
  return {0, holder, math.max(left, 0)}
else
  token = math.max(stored + 1, now)
  redis.call('HDEL', KEYS[1], 'order:state', 'order:wals')
end
local text = string.format('%.0f', token)
if ARGV[1] == 'release' then
  redis.call('HSET', KEYS[1], 'token', text, 'holder', '', 'until', string.format('%.0f', now))
else
  redis.call('HSET', KEYS[1], 'token', text, 'holder', ARGV[2], 'until', string.format('%.0f', now + tonumber(ARGV[3])),
    'ahead', string.format('%.0f', tonumber(ARGV[6]) - now))
end
return {redis.call('HINCRBY', KEYS[1], 'writes', 1), text}
