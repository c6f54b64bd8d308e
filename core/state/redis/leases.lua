-- How sites are. KEYS: their leases. Answers per lease {ms for which it has been over, negative while it is good, '' if it never
-- was there; ms the clock of its holder is before that of Redis}, and last the time by the clock of Redis in ms.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local replies = {}
for k = 1, #KEYS do
  local lease = redis.call('HMGET', KEYS[k], 'until', 'ahead')
  replies[k] = {lease[1] and string.format('%.0f', now - tonumber(lease[1])) or '', lease[2] or '0'}
end
replies[#KEYS + 1] = string.format('%.0f', now)
return replies
