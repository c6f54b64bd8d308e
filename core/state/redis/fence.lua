-- Put in front of every script that writes for a site. KEYS[1]: the site's lease. ARGV[1]: the writer's fencing token.
-- ARGV[2]: number of the commit this belongs to, 0 for none: one that was sent again is not overtaken by its first try.
-- Answers {0} if somebody else has the lease, {-1} if it comes too late; otherwise the script goes on, and answers how
-- manieth write of this site it is, so that the writer sees when Redis has lost some.
local fence = redis.call('HMGET', KEYS[1], 'token', 'commit')
local token, commit = tonumber(fence[1]) or 0, tonumber(ARGV[2])
if token > tonumber(ARGV[1]) then return {0} end
if commit > 0 then
  if token == tonumber(ARGV[1]) and commit < (tonumber(fence[2]) or 0) then return {-1} end
  redis.call('HSET', KEYS[1], 'commit', ARGV[2])
end
if token < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
local writes = redis.call('HINCRBY', KEYS[1], 'writes', 1)
