-- Limits of kinds, over all queues and processes: how many run at the same time, how many start within a window.
--
-- paidan:limits         HASH kind → "CONCURRENCY RATE WINDOW" (0 = none; ms); only kinds that have a limit
-- paidan:counted        HASH "paidan:{Q}:ID" → kind: jobs in flight that count against a concurrency limit
-- paidan:running        HASH kind → how many of those; changed together with `counted` and never alone
-- paidan:starts:KIND    LIST of the starts within the window, newest first
-- paidan:parked:KIND    ZSET "paidan:{Q}:" → ms of its last turn: queues where jobs of the kind are parked
-- paidan:{Q}:parked     SET of kinds with parked jobs here; paidan:{Q}:parked:KIND LIST of ids, takers take from the right
--
-- A job that is over its kind's limit when it is popped is parked, and taken from there, before the ready list, by the
-- first claim after there is room. So nothing is popped and pushed back again, and a new limit counts at once.
-- What wakes idle workers is the ready list: whenever room comes up, `wake` moves the youngest parked job to the front
-- of each ready list that is empty. (The youngest, so that the others stay in order and so does this one if it is parked
-- again.)
local LIMITS, COUNTED, RUNNING = 'paidan:limits', 'paidan:counted', 'paidan:running'
local STARTS, PARKED = 'paidan:starts:', 'paidan:parked:'
local UNLIMITED = 1000000000

-- How many starts the window still has room for, and ms until the next has when there is none. Forgets old ones: the
-- list never holds more than `limit`. Two starts that are exactly a window apart are within one window.
local function window_room(key, limit, window, t)
  local newest = redis.call('LINDEX', key, 0)
  if not newest then return limit, 0 end
  if tonumber(newest) > t then
    -- The clock was set back: all of them count from now, else they would stand in the way for as long as it was.
    local n = redis.call('LLEN', key)
    redis.call('DEL', key)
    for _ = 1, n do redis.call('LPUSH', key, string.format('%.0f', t)) end
    redis.call('PEXPIRE', key, window + 1)
  end
  while tonumber(redis.call('LINDEX', key, -1) or t) < t - window do
    local old = redis.call('LRANGE', key, -256, -1)
    local gone = 0
    while gone < #old and tonumber(old[#old - gone]) < t - window do gone = gone + 1 end
    redis.call('RPOP', key, gone)
  end
  local n = redis.call('LLEN', key)
  if n < limit then return limit - n, 0 end
  return 0, redis.call('LINDEX', key, limit - 1) + window + 1 - t
end

local function note_starts(key, n, window, t)
  local at = string.format('%.0f', t)
  for _ = 1, n do redis.call('LPUSH', key, at) end
  redis.call('PEXPIRE', key, window + 1)
end

-- permit: notes one more in the sliding window of a key of the queue's, if it has room.
-- ARGV: key, limit, window ms. Output: 0 when noted, else ms to wait.
local function permit(keys, argv)
  local key, limit, window, t = base(keys) .. 'rate:' .. argv[1], tonumber(argv[2]), tonumber(argv[3]), now()
  local room, wait = window_room(key, limit, window, t)
  if room <= 0 then return math.max(1, wait) end
  note_starts(key, 1, window, t)
  return 0
end

-- Concurrency, rate and window of a kind, or nil when it has no limit.
local function limits_of(kind)
  local text = redis.call('HGET', LIMITS, kind)
  if not text then return nil end
  local c, r, w = string.match(text, '^(%d+) (%d+) (%d+)$')
  return tonumber(c), tonumber(r), tonumber(w)
end

-- How many more of the kind may be claimed now, and ms until its window frees if it is that.
local function room_of(kind, t)
  local c, r, w = limits_of(kind)
  if not c then return UNLIMITED, 0 end
  local room, wait = UNLIMITED, 0
  if r > 0 then room, wait = window_room(STARTS .. kind, r, w, t) end
  if c > 0 then
    local places = c - (redis.call('HGET', RUNNING, kind) or 0)
    -- An end will wake it, not the clock.
    if places <= 0 then wait = 0 end
    room = math.min(room, places)
  end
  return room, wait
end

local function forget_if_empty(b, kind)
  if redis.call('EXISTS', b .. 'parked:' .. kind) == 0 then
    redis.call('SREM', b .. 'parked', kind)
    redis.call('ZREM', PARKED .. kind, b)
  end
end

-- Parks ids of one kind, the first to run first.
local function park(b, kind, ids, t)
  redis.call('LPUSH', b .. 'parked:' .. kind, unpack(ids))
  redis.call('SADD', b .. 'parked', kind)
  redis.call('ZADD', PARKED .. kind, 'NX', t, b)
end

-- See above; looks at one entry a queue. Returns ms until it is worth another try, if time alone will bring it.
local function wake(kind, t)
  local queues = redis.call('ZRANGE', PARKED .. kind, 0, -1)
  if #queues == 0 then return 0 end
  local room, wait = room_of(kind, t)
  if room <= 0 then return wait end
  for _, b in ipairs(queues) do
    if redis.call('EXISTS', b .. 'paused') == 0 and redis.call('LLEN', b .. 'ready') == 0 then
      local id = redis.call('LPOP', b .. 'parked:' .. kind)
      if id then
        redis.call('RPUSH', b .. 'ready', id)
        redis.call('HINCRBY', b .. 'counters', 'waiting', 1)
      end
      forget_if_empty(b, kind)
    end
  end
  return 0
end

-- `kinds`: names as keys, or nil.
local function wake_all(kinds, t)
  for kind in pairs(kinds or {}) do wake(kind, t) end
end

-- Takes jobs that leave their slots off what is running. Returns the kinds that have room now, or nil.
local function uncount(b, ids)
  if #ids == 0 or redis.call('EXISTS', COUNTED) == 0 then return nil end
  local freed
  for from = 1, #ids, 1000 do
    local names = {}
    for i = from, math.min(from + 999, #ids) do names[#names + 1] = b .. ids[i] end
    local kinds = redis.call('HMGET', COUNTED, unpack(names))
    for i = 1, #names do
      local kind = kinds[i]
      -- The same id may stand in the list twice: what counts is what was removed.
      if kind and redis.call('HDEL', COUNTED, names[i]) == 1 then
        if redis.call('HINCRBY', RUNNING, kind, -1) <= 0 then redis.call('HDEL', RUNNING, kind) end
        freed = freed or {}
        freed[kind] = true
      end
    end
  end
  return freed
end

-- Parked jobs of a queue, and how many of them there is room for.
local function parked_of(b, t)
  local all, open = 0, 0
  for _, kind in ipairs(redis.call('SMEMBERS', b .. 'parked')) do
    local n = redis.call('LLEN', b .. 'parked:' .. kind)
    all = all + n
    if t then open = open + math.min(n, math.max(0, (room_of(kind, t)))) end
  end
  return all, open
end

-- What a claim may still take of a kind; false = as much as it likes. One look a call, then counted in `places`.
-- A queue takes its turn with the others that hold parked jobs of the kind: who is not the longest without one leaves a
-- place, once, and both are woken.
local function place_of(places, b, kind, t)
  local place = places[kind]
  if place ~= nil then return place end
  place = false
  local c, r, w = limits_of(kind)
  if c then
    place = { room = room_of(kind, t), taken = 0, counted = 0, counts = c > 0, window = r > 0 and w }
    if place.room > 0 then
      for _, other in ipairs(redis.call('ZRANGE', PARKED .. kind, 0, -1)) do
        if other == b or redis.call('EXISTS', other .. 'paused') == 0 then
          redis.call('ZADD', PARKED .. kind, 'XX', t, other)
          if other ~= b then place.room = place.room - 1 end
          break
        end
      end
    end
  end
  places[kind] = place
  return place
end

-- Forgets what is counted and does not run: another release, which knows nothing of counting, has taken it back.
local function uncount_strays()
  local counted = redis.call('HGETALL', COUNTED)
  for i = 1, #counted, 2 do
    local b, id = string.match(counted[i], '^(paidan:{[^}]*}:)(.*)$')
    if b and redis.call('HGET', b .. 'job:' .. id, 'state') ~= 'running' then uncount(b, { id }) end
  end
end

-- limit: sets what kinds may do; those not named keep what they have. Jobs in flight of a kind that is new among the
-- limited are counted (each is looked at, once a changed configuration).
-- KEYS: ready list of each queue. ARGV: per kind: name, concurrency, rate, window ms (0 = none). Output: kinds changed.
local function limit(keys, argv)
  local t, changed, counting = now(), {}, {}
  local n, recount = 0, false
  uncount_strays()
  for i = 1, #argv, 4 do
    local kind = argv[i]
    local text = argv[i + 1] .. ' ' .. argv[i + 2] .. ' ' .. argv[i + 3]
    if argv[i + 1] == '0' and argv[i + 2] == '0' then text = nil end
    if text ~= (redis.call('HGET', LIMITS, kind) or nil) then
      if text then redis.call('HSET', LIMITS, kind, text) else redis.call('HDEL', LIMITS, kind) end
      changed[kind] = true
      n = n + 1
      if argv[i + 1] ~= '0' then
        counting[kind] = true
        recount = true
      end
    end
  end
  if recount then
    for _, ready in ipairs(keys) do
      local b = string.sub(ready, 1, -6)
      for _, session in ipairs(redis.call('ZRANGE', b .. 'sessions', 0, -1)) do
        for _, id in ipairs(redis.call('HVALS', b .. 'inflight:' .. session)) do
          local kind = redis.call('HGET', b .. 'job:' .. id, 'kind')
          if kind and counting[kind] and redis.call('HSETNX', COUNTED, b .. id, kind) == 1 then
            redis.call('HINCRBY', RUNNING, kind, 1)
          end
        end
      end
    end
  end
  wake_all(changed, t)
  return n
end

-- pause: no more claims. Output: 1.
local function pause(keys, argv)
  redis.call('SET', keys[PAUSED], 1)
  return 1
end

-- resume: claims go on. Output: 1.
local function resume(keys, argv)
  local b, t = base(keys), now()
  redis.call('DEL', keys[PAUSED])
  for _, kind in ipairs(redis.call('SMEMBERS', b .. 'parked')) do wake(kind, t) end
  return 1
end
