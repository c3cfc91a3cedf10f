-- Keeps the longest cooldown of some deployments, and tells all instances of it.
--
-- KEYS  the cooldowns: a hash of deployment to "until in ms, space, kind".
-- ARGV  microseconds to go by (0: the server's own time), instance, channel, then deployment, milliseconds from now, kind of each
-- Reply the number of those that are longer than what was known.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(ARGV[1]) > 0 then now = math.floor(tonumber(ARGV[1]) / 1000) end
local key, longer = KEYS[1], 0
for i = 4, #ARGV, 3 do
  local id, till, kind = ARGV[i], now + tonumber(ARGV[i + 1]), ARGV[i + 2]
  local known = redis.call('HGET', key, id)
  known = known and tonumber(string.match(known, '^%d+')) or 0
  if till > known and till > now then
    longer = longer + 1
    redis.call('HSET', key, id, string.format('%.0f %s', till, kind))
    redis.call('PUBLISH', ARGV[3], string.format('cool %s %.0f %.0f %s %s', ARGV[2], now, till, kind, id))
  end
end
local last = now + 1000
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local till = tonumber(string.match(all[i + 1], '^%d+')) or 0
  if till <= now then redis.call('HDEL', key, all[i]) end
  if till > last then last = till end
end
redis.call('PEXPIREAT', key, string.format('%.0f', last))
return longer
