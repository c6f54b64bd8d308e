-- A page of what an index names, in its order. KEYS[1]: the index. ARGV: where to begin as ZRANGEBYLEX takes it, most members,
-- bytes after which the page ends, what comes before and after a member in its key, the command that reads such a key.
-- Answers {member, value, member, value, …}; the next page begins after the last member, an empty one is the last.
local page, bytes = {}, 0
for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  local value = redis.call(ARGV[6], ARGV[4] .. member .. ARGV[5])
  page[#page + 1] = member
  page[#page + 1] = value
  if type(value) == 'table' then
    for _, part in ipairs(value) do bytes = bytes + #part end
  elseif value then
    bytes = bytes + #value
  end
  if bytes >= tonumber(ARGV[3]) then break end
end
return page
