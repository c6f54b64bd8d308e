-- What a site tells of a client: its will is taken, what other sites had is settled, the session is over. KEYS[2]: its owner.
-- ARGV from 4: client, site, what comes before and after a site in the key of what it is owed, epoch of the will ('' for none),
-- who takes it, epoch of the session that is over ('' for none), ms after which what is left of it is forgotten, the
-- site whose record has the will, sites that are settled. A taker is a site, the token of its holder and a number, with a dot between.
-- Answers {writes, '1' if the will is theirs}.
local key, client, site = KEYS[2], ARGV[4], ARGV[5]
local will, taker, over, kept = tonumber(ARGV[8]), ARGV[9], tonumber(ARGV[10]), ARGV[11]
local owner = redis.call('HMGET', key, 'epoch', 'site', 'over', 'from', 'willed', 'taker')
local epoch, at, from = tonumber(owner[1]), owner[2] or '', owner[4] or ''
local mine = ''
local function holderOf(name) return string.match(name or '', '^([^.]*)%.([^.]*)') end
if will and will >= (epoch or 0) then
  local willed = tonumber(owner[5]) or 0
  if will > willed then
    redis.call('HSET', key, 'epoch', ARGV[8], 'willed', ARGV[8], 'taker', taker, 'traced', '1')
    mine = '1'
    if not epoch then
      redis.call('HSET', key, 'over', '1')
      redis.call('PEXPIRE', key, kept)
    end
  elseif will == willed and taker == owner[6] then
    mine = '1' -- The answer to its first try was lost.
  elseif will == willed then
    local of, token = holderOf(owner[6])
    local asks, its = holderOf(taker)
    if of == ARGV[12] and not (of == asks and token == its) then
      redis.call('HSET', key, 'taker', taker)
      mine = '1' -- Whoever took it died before it had written that it is published.
    end
  end
end
-- Only by whom it lives: another site that has claimed it since asks for all of it itself, and there may be more by now.
if #ARGV > 12 and from ~= '' and at == site then
  local settled, others = {}, ''
  for i = 13, #ARGV do settled[ARGV[i]] = true end
  for other in string.gmatch(from, '([^,]+),') do
    if not settled[other] then others = others .. other .. ',' end
  end
  if others == '' then redis.call('HDEL', key, 'from') else redis.call('HSET', key, 'from', others) end
  from = others
end
if over and epoch and at == site and epoch <= over and not owner[3] then
  if from == '' and redis.call('HGET', key, 'traced') ~= '1' then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'over', '1')
    redis.call('PEXPIRE', key, kept)
  end
end
if at ~= site or from == '' then redis.call('ZREM', ARGV[6] .. site .. ARGV[7], client) end
return {writes, mine}
