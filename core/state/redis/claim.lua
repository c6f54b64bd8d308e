-- Raises the epoch of a client and notes its owner. KEYS[2]: its owner. ARGV from 4: the highest epoch known to whoever asks,
-- edge, core, ms after which the owner is forgotten. Answers {writes, epoch, edge before, core before}.
local before = redis.call('HMGET', KEYS[2], 'epoch', 'edge', 'core')
local epoch = string.format('%.0f', math.max(tonumber(before[1]) or 0, tonumber(ARGV[4])) + 1)
redis.call('HSET', KEYS[2], 'epoch', epoch, 'edge', ARGV[5], 'core', ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return {writes, epoch, before[2] or '', before[3] or ''}
