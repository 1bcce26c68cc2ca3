-- exchange: acknowledges up to 256 jobs and claims up to 256 in one step (allow-oom).
-- ARGV: session, lane (ready | suspect), how many to take, first free slot number, n, then n slots that simply
--   succeeded (no key, no result), then per other settlement: slot, outcome, a, b, c
--     done: result (or ''), error code (or ''), error message | retry: delay ms, code, message | snooze: delay ms
--     dead: code, message | release: back to the front
-- Output: {paused 0|1, waiting (parked ones with room among them), suspects with room, time, then per claim: slot, header, args}; the header's words are
--   id attempt max_attempts timeout_ms created_at queued_at has_key traceparent kind, 0 or - where there is none.
-- FENCED, and nothing done, when the session is gone. A slot that is gone (job cancelled meanwhile) is passed over.
-- A job over its kind's limit is parked (limits.lua) and another taken in its place.

-- Jobs parked in one call; the next goes on.
local MOST_PARKED = 512
-- Suspects looked at for one that has room.
local SUSPECTS_LOOKED_AT = 16

-- Finished jobs in buckets of 5 s, for the queue's rate.
local function note_rate(keys, t, n)
  if n == 0 then return end
  local bucket = math.floor(t / 5000)
  local field = 'rate:' .. bucket % 13
  local known, value = string.match(redis.call('HGET', keys[COUNTERS], field) or '', '^(%d+) (%d+)$')
  if known == tostring(bucket) then n = n + value end
  redis.call('HSET', keys[COUNTERS], field, bucket .. ' ' .. n)
end

-- `freed`: kinds that have room now, as names; nil when nothing is limited.
local function free(freed, b, ids)
  if not freed then return end
  for kind in pairs(uncount(b, ids) or {}) do freed[kind] = true end
end

-- `crashes`: some job here has a crash count.
local function settle_plain(keys, b, inflight, argv, n, t, freed, crashes)
  if n == 0 then return 0 end
  local ids = redis.call('HMGET', inflight, unpack(argv, 6, 5 + n))
  -- As text once: a number would be formatted by each call.
  local at = string.format('%.0f', t)
  local scored = {}
  for i = 1, n do
    local id = ids[i]
    if id then
      redis.call('HSET', b .. 'job:' .. id, 'state', 'succeeded', 'finished_at', at)
      scored[#scored + 1] = at
      scored[#scored + 1] = id
    end
  end
  if #scored == 0 then return 0 end
  redis.call('HDEL', inflight, unpack(argv, 6, 5 + n))
  redis.call('ZADD', keys[DONE], unpack(scored))
  if freed then
    local ended = {}
    for i = 2, #scored, 2 do ended[#ended + 1] = scored[i] end
    free(freed, b, ended)
  end
  if crashes then
    for i = 2, #scored, 2 do redis.call('HDEL', keys[CRASHES], scored[i]) end
  end
  return #scored / 2
end

local function settle_one(keys, b, inflight, slot, outcome, x, y, z, t, freed, crashes)
  local id = redis.call('HGET', inflight, slot)
  if not id then return 0 end
  redis.call('HDEL', inflight, slot)
  local job = b .. 'job:' .. id
  if outcome == 'release' then
    give_back(keys, b, { id }, t)
    return 0
  end
  free(freed, b, { id })
  if outcome == 'snooze' then
    local due = t + tonumber(x)
    redis.call('HINCRBY', job, 'attempt', -1)
    redis.call('HSET', job, 'state', 'retrying', 'run_at', due)
    redis.call('ZADD', keys[DELAYED], due, id)
    return 0
  end
  if crashes then redis.call('HDEL', keys[CRASHES], id) end
  if outcome == 'retry' then
    local due = t + tonumber(x)
    redis.call('HSET', job, 'state', 'retrying', 'run_at', due, 'error_code', y, 'error_message', z)
    redis.call('ZADD', keys[DELAYED], due, id)
    return 0
  end
  local h = redis.call('HMGET', job, 'key', 'error_code')
  release_key(b, id, h[1])
  if outcome == 'dead' then
    redis.call('HSET', job, 'state', 'dead', 'finished_at', t, 'error_code', x, 'error_message', y)
    redis.call('ZADD', keys[DEAD], t, id)
    count(keys, 'died', 1)
    return 0
  end
  local at = string.format('%d', t)
  if y ~= '' then
    redis.call('HSET', job, 'state', 'succeeded', 'finished_at', at, 'error_code', y, 'error_message', z)
  elseif x ~= '' then
    redis.call('HSET', job, 'state', 'succeeded', 'finished_at', at, 'result', x)
  else
    redis.call('HSET', job, 'state', 'succeeded', 'finished_at', at)
  end
  -- What an earlier run left behind.
  if h[2] and y == '' then redis.call('HDEL', job, 'error_code', 'error_message') end
  redis.call('ZADD', keys[DONE], at, id)
  return 1
end

-- Claims jobs whose ids were taken out of a list. `take`: what this call has taken so far; see take_jobs.
local function claim(keys, b, popped, take)
  local t, reply, places, slots = take.t, take.reply, take.places, take.slots
  local native, cancelled, discarded = 0, 0, 0
  local at = string.format('%.0f', t)
  local parked
  for i = 1, #popped do
    local id = popped[i]
    local first = string.byte(id, 1)
    local h = first ~= 123 and redis.call('HMGET', b .. 'job:' .. id, 'kind', 'args', 'state', 'attempt',
      'max_attempts', 'timeout_ms', 'created_at', 'queued_at', 'key', 'traceparent')
    if not h or not h[1] then
      local kind, args, key
      take.adopted = take.adopted + 1
      id, kind, args, key = adopt(keys, b, id, t, take.seed .. take.adopted)
      h = id and { kind, args, 'queued', '0', false, false, t, false, key, false }
    else
      native = native + 1
    end
    local place = places and h and h[3] == 'queued' and place_of(places, b, h[1], t)
    if place and place.room <= 0 then
      parked = parked or {}
      parked[h[1]] = parked[h[1]] or {}
      table.insert(parked[h[1]], id)
    elseif h and h[3] == 'queued' then
      -- As text once: a number would be formatted by each use, and as a float.
      local attempt = h[4] == '0' and '1' or string.format('%d', h[4] + 1)
      local slot = string.format('%d', take.slot)
      redis.call('HSET', b .. 'job:' .. id, 'state', 'running', 'attempt', attempt, 'started_at', at,
        'holder', slot .. ' ' .. take.session)
      slots[#slots + 1] = slot
      slots[#slots + 1] = id
      reply[#reply + 1] = take.slot
      reply[#reply + 1] = id .. ' ' .. attempt .. ' ' .. (h[5] or '0') .. ' ' .. (h[6] or '0') .. ' ' .. h[7] .. ' '
        .. (h[8] or h[7]) .. (h[9] and ' 1 ' or ' 0 ') .. (h[10] or '-') .. ' ' .. h[1]
      reply[#reply + 1] = h[2]
      take.slot = take.slot + 1
      if place then
        place.room = place.room - 1
        place.taken = place.taken + 1
        if place.counts then place.counted = place.counted + redis.call('HSET', COUNTED, b .. id, h[1]) end
      end
    elseif h and h[3] == 'cancelled' then
      redis.call('HDEL', b .. 'job:' .. id, 'tombstone')
      cancelled = cancelled + 1
    elseif h and h[3] == 'discarded' then
      leave_name(b .. 'job:' .. id)
      discarded = discarded + 1
    elseif h then
      -- A second entry of a job that is elsewhere: another program pushed a known id. It counts for nothing.
      native = native - 1
    end
  end
  for kind, ids in pairs(parked or {}) do
    park(b, kind, ids, t)
    take.parked = take.parked + #ids
  end
  count(keys, 'cancelled', cancelled)
  count(keys, 'discarded', discarded)
  return native
end

-- Parked jobs for which there is room come first: they have waited longest.
local function claim_parked(keys, b, last, take)
  local kinds = redis.call('SMEMBERS', b .. 'parked')
  table.sort(kinds)
  for _, kind in ipairs(kinds) do
    local place = place_of(take.places, b, kind, take.t)
    while take.slot <= last and (not place or place.room > 0) do
      local n = last - take.slot + 1
      local ids = redis.call('RPOP', b .. 'parked:' .. kind, place and math.min(n, place.room) or n)
      if not ids then break end
      claim(keys, b, ids, take)
    end
    forget_if_empty(b, kind)
  end
end

-- The first suspect whose kind has room, or nil. Others stay where they are.
local function open_suspect(keys, b, t, places)
  local ids = redis.call('LRANGE', keys[SUSPECT], -SUSPECTS_LOOKED_AT, -1)
  for i = #ids, 1, -1 do
    local h = redis.call('HMGET', b .. 'job:' .. ids[i], 'state', 'kind')
    if h[1] ~= 'queued' then return ids[i] end
    local place = places[h[2]]
    if place and place.room > 0 or not place and (room_of(h[2], t)) > 0 then return ids[i], h[2] end
  end
  return nil
end

local function claim_suspects(keys, b, n, take)
  for _ = 1, n do
    local id, kind = open_suspect(keys, b, take.t, take.places)
    if not id then return end
    redis.call('LREM', keys[SUSPECT], -1, id)
    local place = kind and place_of(take.places, b, kind, take.t)
    -- The turn of other queues does not concern it.
    if place then place.room = math.max(1, place.room) end
    claim(keys, b, { id }, take)
  end
end

-- `limited`: some kind has a limit, or jobs are parked here.
local function take_jobs(keys, b, session, inflight, lane, n, slot, t, reply, limited)
  local take = { session = session, slot = slot, slots = {}, t = t, reply = reply, places = limited and {},
    seed = session .. ':' .. slot .. ':', adopted = 0, parked = 0 }
  local last = slot + n - 1
  if not limited then
    local popped = redis.call('RPOP', keys[lane], n)
    if not popped then return end
    local native = claim(keys, b, popped, take)
    if lane == READY then count(keys, 'waiting', -native) end
  elseif lane == SUSPECT then
    claim_suspects(keys, b, n, take)
  else
    claim_parked(keys, b, last, take)
    -- As many as are asked for, whatever they turn out to be, and one more for each that is parked.
    local native, looks = 0, last - take.slot + 1
    while looks > 0 and take.parked < MOST_PARKED do
      local popped = redis.call('RPOP', keys[READY], looks)
      if not popped then break end
      local before = take.parked
      native = native + claim(keys, b, popped, take)
      looks = looks - #popped + take.parked - before
    end
    count(keys, 'waiting', -native)
  end
  if #take.slots > 0 then redis.call('HSET', inflight, unpack(take.slots)) end
  for kind, place in pairs(take.places or {}) do
    if place and place.taken > 0 then
      if place.counted > 0 then redis.call('HINCRBY', RUNNING, kind, place.counted) end
      if place.window then note_starts(STARTS .. kind, place.taken, place.window, t) end
    end
  end
end

local function exchange(keys, argv)
  local session, lane, take, slot, plain = argv[1], argv[2], tonumber(argv[3]), tonumber(argv[4]), tonumber(argv[5])
  if not redis.call('ZSCORE', keys[SESSIONS], session) then return fenced() end
  local b, t = base(keys), now()
  local inflight = b .. 'inflight:' .. session
  -- One look for all that is out of the ordinary.
  local special = redis.call('EXISTS', keys[PAUSED], LIMITS, COUNTED, b .. 'parked') > 0
  local freed = special and {} or nil
  local crashes = #argv > 5 and redis.call('EXISTS', keys[CRASHES]) == 1
  local finished = settle_plain(keys, b, inflight, argv, plain, t, freed, crashes)
  for i = 6 + plain, #argv, 5 do
    finished = finished
      + settle_one(keys, b, inflight, argv[i], argv[i + 1], argv[i + 2], argv[i + 3], argv[i + 4], t, freed, crashes)
  end
  count(keys, 'succeeded', finished)
  note_rate(keys, t, finished)
  local paused = special and redis.call('EXISTS', keys[PAUSED]) or 0
  local limited = special and redis.call('EXISTS', LIMITS, b .. 'parked') > 0
  local reply = { paused, 0, 0, t }
  if paused == 0 and take > 0 then
    take_jobs(keys, b, session, inflight, lane == 'suspect' and SUSPECT or READY, take, slot, t, reply, limited)
  end
  local open = 0
  if special then
    for _, kind in ipairs(redis.call('SMEMBERS', b .. 'parked')) do freed[kind] = true end
    wake_all(freed, t)
    local _
    _, open = parked_of(b, t)
  end
  reply[2] = redis.call('LLEN', keys[READY]) + open
  reply[3] = redis.call('LLEN', keys[SUSPECT])
  -- Suspects that must wait for their kind must not make the others wait for a quiet moment.
  if limited and reply[3] > 0 and not open_suspect(keys, b, t, {}) then reply[3] = 0 end
  return reply
end
