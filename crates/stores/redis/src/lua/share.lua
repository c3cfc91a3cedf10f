-- Reports what an instance has used of some accounts, and leases it more.
--
-- KEYS  the accounts, one hash each: `s` is the packed state, `t:NAME` the total of a counter,
--       `b:NAME` what of that total was told by instances after the server had lost its own.
-- ARGV  microseconds to go by (0: the server's own time), instance, instances seen, channel, lifetime of a lease in ms,
--       word: `spends`, and for each account the turn of the last exchange: nothing is asked, but from here on it goes by its promise,
--         which counts as used if nothing more is heard of it;
--       or `shares`, and for each account:
--       turn of this exchange, whether it goes by its promise, generation known, reports acknowledged, number of this report (0: none), seed (0, 1),
--       number of limits, and for each of them
--         name, kind (w: any 60 s, c: counter, g: gauge), limit,
--         length of the window in ms (0: none), its end if it began now, the end after that,
--         held, wanted by calls that wait, wanted in all, what is kept of the promise, whether more of it is wanted,
--         n, and n times: second (0: now), amount (less than 0: given back);
--         with a seed: total, begin, end, n, and n times: second, amount, last ms
-- Reply ms of the server, then for each account: status (0 fine, 1 the server knows less than the
--       instance: seed, 2 a later exchange came before this one), generation, last report, its second, instances that share, and for each limit: held, promised,
--       held by others, promised to others, total, base, begin, end,
--       flat list of second, amount, last ms

local time = redis.call('TIME')
local told = tonumber(ARGV[1])
if told > 0 then
  time = { string.format('%.0f', math.floor(told / 1e6)), string.format('%.0f', told % 1e6) }
end
local sec = tonumber(time[1])
local now = sec * 1000 + math.floor(tonumber(time[2]) / 1000)
-- A minute; how long a promise outlasts a lease: who is slow goes on by it; how long a silent
-- instance counts as one that may come back; how long one is remembered; 400 days.
local SPAN, HOLD, SLOW, KEEP, FOREVER = 60000, 800, 4000, 600000, 34560000000
local at = 1
local function arg() at = at + 1 return ARGV[at] end
local function num() return tonumber(arg()) end
local function text(n) return string.format('%.0f', n) end

local me, members, channel, life, word = arg(), num(), arg(), num(), arg()
local reply, yield = { now }, {}

local function read(seeded)
  local m = { name = arg(), kind = arg(), limit = num(), len = num(), e1 = num(), e2 = num(),
    held = num(), must = num(), want = num(), keep = num(), safe = num(), entries = {} }
  for i = 1, num() do m.entries[i] = { num(), arg() } end
  if seeded then
    m.total, m.begin, m.stop, m.base = arg(), num(), num(), {}
    for i = 1, num() * 3 do m.base[i] = num() end
  end
  return m
end

-- Windows: flat lists of second, amount, last ms, oldest first.
local function add(w, s, amount, last)
  local i = #w - 2
  while i >= 1 and w[i] > s do i = i - 3 end
  if i >= 1 and w[i] == s then
    w[i + 1] = math.max(w[i + 1] + amount, 0)
    if amount > 0 and last > w[i + 2] then w[i + 2] = last end
    return true
  elseif amount > 0 then
    local j = i >= 1 and i + 3 or 1
    table.insert(w, j, last) table.insert(w, j, amount) table.insert(w, j, s)
    return true
  end
  return false
end

local function prune(w)
  local kept = {}
  for i = 1, #w, 3 do
    if w[i + 2] + SPAN > now and w[i + 1] > 0 then
      local n = #kept
      kept[n + 1], kept[n + 2], kept[n + 3] = w[i], w[i + 1], w[i + 2]
    end
  end
  return kept
end

local function sum(w)
  local all = 0
  for i = 2, #w, 3 do all = all + w[i] end
  return all
end

local function window(st, name)
  st.w[name] = st.w[name] or {}
  st.b[name] = st.b[name] or {}
  return st.w[name], st.b[name]
end

-- A use of so many at second `s`, 0 for now; in `last` ms.
local function use(key, st, m, s, amount)
  local n = tonumber(amount)
  if n == 0 or m.kind == 'g' then return end
  if m.kind == 'w' then
    local w, b = window(st, m.name)
    if s == 0 or s > sec then
      add(w, sec, n, now)
    elseif not add(w, s, n, s * 1000 + 999) then
      add(b, s, n, 0)
    end
    return
  end
  local c = st.c[m.name] or {}
  local when = (s == 0 or s > sec) and now or s * 1000 + 999
  if not c.b then
    if n < 0 or (c.z and when < c.z) then return end
    local stop = 0
    if m.len > 0 then stop = when + m.len
    elseif m.e1 > now then stop = m.e1
    elseif m.e2 > now then stop = m.e2 end
    if stop > 0 and stop <= now then return end
    st.c[m.name] = { b = when, e = stop, z = c.z }
  elseif when < c.b then
    -- Told later than the first use that came in; or of the window before.
    if c.z and when < c.z then return end
    c.b = when
  end
  redis.call('HINCRBY', key, 't:' .. m.name, amount)
end

-- Counters whose window is over begin anew.
local function roll(key, st)
  for name, c in pairs(st.c) do
    if c.b and c.e > 0 and now >= c.e then
      st.c[name] = { z = c.e }
      redis.call('HDEL', key, 't:' .. name, 'b:' .. name)
    end
  end
end

-- What an instance had of its lease (`o`) or its promise (`p`) at this moment, and did not tell of,
-- was used; what that was is noted.
local NOTES = { o = 'u', p = 'v' }
local function stamp(key, st, r, what, moment)
  for name, l in pairs(r.m) do
    local n, s = l[what], math.floor(moment / 1000)
    l[what] = 0
    if n > 0 and l.k ~= 'g' then
      use(key, st, { name = name, kind = l.k, len = l.l, e1 = l.e, e2 = 0 }, s, text(n))
      l[NOTES[what]] = { n, s, st.c[name] and st.c[name].b or 0 }
    end
  end
end

-- What is out on a lease that nobody renewed was used; and what was promised to who went by it.
local function sweep(key, st)
  for id, r in pairs(st.i) do
    if r.e <= now and not r.d then
      r.d = true
      stamp(key, st, r, 'o', r.e)
    end
    if r.e + HOLD <= now then
      if r.s then stamp(key, st, r, 'p', r.e + HOLD) end
      for _, l in pairs(r.m) do l.p = 0 end
    end
    if r.e + KEEP < now then st.i[id] = nil end
  end
end

-- It is back: what it has is its own again, and was not used.
local function unstamp(key, st, rec)
  for name, l in pairs(rec.m) do
    for what, note in pairs(NOTES) do
      local n, s, begin = unpack(l[note] or {})
      local c = st.c[name]
      if n and l.k == 'w' then
        local w, b = window(st, name)
        if not add(w, s, -n, 0) then add(b, s, -n, 0) end
      elseif n and c and c.b and c.b == begin then
        local left = redis.call('HINCRBY', key, 't:' .. name, text(-n))
        if left == 0 and redis.call('HEXISTS', key, 'b:' .. name) == 0 then
          -- It was the first use of a window, and was none.
          st.c[name] = { z = c.z }
        end
      end
      if n then l[what], l[note] = l[what] + n, nil end
    end
  end
end

local function total(key, name)
  local t = redis.call('HMGET', key, 't:' .. name, 'b:' .. name)
  return t[1] or '0', t[2] or '0'
end

-- All that is known becomes the base of a new generation.
local function renew(key, st)
  local new = { g = time[1] .. '.' .. time[2], i = {}, w = {}, b = {}, c = {} }
  if st then
    for name, w in pairs(st.w) do
      for i = 1, #w, 3 do
        local b = st.b[name] or {}
        add(b, w[i], w[i + 1], w[i + 2])
        st.b[name] = b
      end
    end
    new.b = st.b
    for name, c in pairs(st.c) do
      new.c[name] = c
      local t = total(key, name)
      redis.call('HINCRBY', key, 'b:' .. name, t)
      redis.call('HDEL', key, 't:' .. name)
    end
  end
  return new
end

local function seed(key, st, m)
  if m.kind == 'w' then
    local _, b = window(st, m.name)
    for i = 1, #m.base, 3 do
      local s, amount, last = m.base[i], m.base[i + 1], m.base[i + 2]
      local known = 0
      for j = 1, #b, 3 do if b[j] == s then known = b[j + 1] end end
      if amount > known then add(b, s, amount - known, last) end
    end
  elseif m.kind == 'c' and m.begin > 0 and (m.stop == 0 or m.stop > now) then
    local c = st.c[m.name]
    if not c or not c.b then
      c = { b = m.begin, e = m.stop }
      st.c[m.name] = c
    end
    c.b = math.min(c.b, m.begin)
    local _, known = total(key, m.name)
    if tonumber(m.total) > tonumber(known) then
      redis.call('HSET', key, 'b:' .. m.name, m.total)
    end
  end
end

local function lease(key, st, rec, m, live)
  local others, promised = 0, 0
  for id, r in pairs(st.i) do
    local l = r.m[m.name]
    if id ~= me and l then others, promised = others + l.o, promised + l.p end
  end
  local ahead = math.max(1, math.floor(m.limit / (8 * live)))
  local want = math.min(m.want, m.must + ahead)
  local used, t, b, base = 0, '0', '0', {}
  if m.kind == 'w' then
    local w, old = window(st, m.name)
    w, old = prune(w), prune(old)
    st.w[m.name], st.b[m.name] = w, old
    used = sum(w) + sum(old)
    for i = 1, #w do base[i] = w[i] end
    for i = 1, #old, 3 do add(base, old[i], old[i + 1], old[i + 2]) end
  elseif m.kind == 'c' then
    t, b = total(key, m.name)
    used = tonumber(t) + tonumber(b)
    -- Beyond what a double holds exactly, it is rounded against us.
    if used > 9e15 then used = used * (1 + 1e-15) end
  end
  local l = rec.m[m.name]
  local free = m.limit - used - others
  local room = math.floor(free - promised)
  -- What it goes on counting on stays its own, whether it hears of this or not.
  local mine = math.min(m.held + m.keep, l.o + l.p)
  local all = math.max(room, mine)
  l.o = math.max(0, math.min(want, all))
  if l.o < m.must and promised + others > 0 then yield[key] = true end
  local rest = math.max(0, all - l.o)
  l.p = math.max(mine - l.o, math.min(m.keep, rest))
  if m.safe == 1 then
    -- Half is for whoever joins, or needs more: alone too.
    l.p = math.max(l.p, math.min(rest, math.floor((free - l.o) / (2 * live))))
  end
  l.k, l.l, l.e = m.kind, m.len, m.e1 > now and m.e1 or m.e2
  local c = st.c[m.name] or {}
  return { text(l.o), text(l.p), text(others), text(promised), t, b, c.b or 0, c.e or 0, base }
end

if word == 'spends' then
  for _, key in ipairs(KEYS) do
    local turn, raw = num(), redis.call('HGET', key, 's')
    local st = raw and cmsgpack.unpack(raw) or nil
    local rec = st and st.i[me]
    if rec and turn >= (rec.n or 0) then
      rec.s = turn
      redis.call('HSET', key, 's', cmsgpack.pack(st))
    end
  end
  return reply
end

for _, key in ipairs(KEYS) do
  local turn, spends, gen, acked, number, seeding, count = num(), num(), arg(), num(), num(), num(), num()
  local limits = {}
  for i = 1, count do limits[i] = read(seeding == 1) end
  local raw = redis.call('HGET', key, 's')
  local st = raw and cmsgpack.unpack(raw) or nil
  local rec = st and st.i[me]
  local behind = st and st.g == gen and acked > 0 and (not rec or rec.q < acked)
  local lost = gen ~= '' and (not st or st.g ~= gen or behind)
  if rec and turn <= (rec.n or 0) then
    reply[#reply + 1] = { 2 }
  elseif lost and seeding == 0 then
    reply[#reply + 1] = { 1 }
  else
    if not st or behind then st = renew(key, st) rec = nil end
    roll(key, st)
    sweep(key, st)
    if lost then for _, m in ipairs(limits) do seed(key, st, m) end end
    rec = rec or { q = lost and acked or 0, a = 0, m = {} }
    st.i[me] = rec
    unstamp(key, st, rec)
    for _, m in ipairs(limits) do
      rec.m[m.name] = rec.m[m.name] or { o = 0, p = 0, k = m.kind, l = m.len, e = m.e1 }
    end
    if number > rec.q then
      for _, m in ipairs(limits) do
        local l = rec.m[m.name]
        for _, entry in ipairs(m.entries) do
          use(key, st, m, entry[1], entry[2])
          -- The lease was used first, then what was promised.
          local n = math.max(0, tonumber(entry[2]))
          local of = math.min(n, l.o)
          l.o, l.p = l.o - of, math.max(0, l.p - (n - of))
        end
      end
      rec.q, rec.a = number, sec
    end
    rec.e, rec.d, rec.n = now + life, nil, turn
    -- An earlier word that it spends may have come before this.
    rec.s = (spends == 1 or (rec.s or 0) >= turn) and turn or nil
    -- The asker may not know yet how many there are.
    local live = 1
    for id, r in pairs(st.i) do
      if id ~= me and r.e + SLOW > now then live = live + 1 end
    end
    live = math.max(live, members)
    local out = { 0, st.g, rec.q, rec.a, live }
    for i, m in ipairs(limits) do out[5 + i] = lease(key, st, rec, m, live) end
    local ttl = KEEP
    for _, c in pairs(st.c) do
      if c.b then ttl = math.max(ttl, c.e == 0 and FOREVER or c.e - now + KEEP) end
    end
    redis.call('HSET', key, 's', cmsgpack.pack(st))
    redis.call('PEXPIRE', key, text(ttl))
    reply[#reply + 1] = out
  end
end
for key in pairs(yield) do redis.call('PUBLISH', channel, 'yield ' .. me .. ' ' .. key) end
return reply
