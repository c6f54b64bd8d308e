-- Put in front of every script that writes for a site. KEYS[1]: the site's lease. ARGV[1]: the writer's fencing token.
-- ARGV[2], ARGV[3]: a lane and a number in it, so that what was sent again is not overtaken by its first try; '' for none.
-- Answers {0} if somebody else has the lease, {-1} if it comes too late; otherwise the script goes on, and answers how
-- manieth write of this site it is, so that the writer sees when Redis has lost some.
local lane, order = 'order:' .. ARGV[2], tonumber(ARGV[3])
local fence = redis.call('HMGET', KEYS[1], 'token', lane)
local token = tonumber(fence[1]) or 0
if token > tonumber(ARGV[1]) then return {0} end
if ARGV[2] ~= '' then
  if token == tonumber(ARGV[1]) and order < (tonumber(fence[2]) or 0) then return {-1} end
  redis.call('HSET', KEYS[1], lane, order)
end
if token < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
local writes = redis.call('HINCRBY', KEYS[1], 'writes', 1)
