-- Tells that an instance lives and what it sees, and reads the same of all others.
--
-- KEYS  the members: a hash of instance to "expiry in ms, space, hints".
-- ARGV  microseconds to go by (0: the server's own time), instance, lifetime in ms (0: it leaves), hints
-- Reply ms of the server, number of instances, then instance and hints of each other one.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(ARGV[1]) > 0 then now = math.floor(tonumber(ARGV[1]) / 1000) end
local key, me, life = KEYS[1], ARGV[2], tonumber(ARGV[3])
if life > 0 then
  redis.call('HSET', key, me, string.format('%.0f %s', now + life, ARGV[4]))
else
  redis.call('HDEL', key, me)
end
local all = redis.call('HGETALL', key)
local reply, n = { now, 0 }, 0
for i = 1, #all, 2 do
  local expiry, hints = string.match(all[i + 1], '^(%d+) (.*)$')
  if not expiry or tonumber(expiry) <= now then
    redis.call('HDEL', key, all[i])
  else
    n = n + 1
    if all[i] ~= me then
      reply[#reply + 1] = all[i]
      reply[#reply + 1] = hints
    end
  end
end
reply[2] = n
redis.call('PEXPIRE', key, 60000)
return reply
