-- What can be seen. Nothing here writes, and no call's cost grows with the length of a queue.
local FIELDS = { 'kind', 'state', 'args', 'attempt', 'max_attempts', 'created_at', 'run_at', 'started_at',
  'finished_at', 'result', 'error_code', 'error_message', 'progress', 'timeout_ms', 'key' }

-- job: ARGV: id. Output: values of FIELDS, or false.
local function job(keys, argv)
  local h = redis.call('HMGET', base(keys) .. 'job:' .. argv[1], unpack(FIELDS))
  if not h[1] or h[2] == 'discarded' then return false end
  return h
end

-- page: jobs of one place by position, filtered. ARGV: place (ready parked suspect inflight delayed dead done), offset,
--   how many to look at (≤ 200), state or '', kind or ''. A page ends early at 1 MiB.
-- Output: {next offset or -1, then per job: id, {values of FIELDS}}
local function page(keys, argv)
  local b = base(keys)
  local place, offset, limit, state, kind = argv[1], tonumber(argv[2]), tonumber(argv[3]), argv[4], argv[5]
  local ids = {}
  if place == 'ready' or place == 'suspect' then
    -- From the right: the next to run first.
    local list = redis.call('LRANGE', b .. place, -offset - limit, -offset - 1)
    for i = #list, 1, -1 do ids[#ids + 1] = list[i] end
  elseif place == 'inflight' then
    local skip = offset
    for _, session in ipairs(redis.call('ZRANGE', keys[SESSIONS], 0, -1)) do
      local n = redis.call('HLEN', b .. 'inflight:' .. session)
      if skip >= n then
        skip = skip - n
      elseif #ids < limit then
        local _, some = in_flight(b, session, skip + limit - #ids)
        for i = skip + 1, #some do ids[#ids + 1] = some[i] end
        skip = 0
      end
    end
  elseif place == 'parked' then
    local skip, kinds = offset, redis.call('SMEMBERS', b .. 'parked')
    table.sort(kinds)
    for _, kind in ipairs(kinds) do
      local n = redis.call('LLEN', b .. 'parked:' .. kind)
      if skip >= n then
        skip = skip - n
      elseif #ids < limit then
        local list = redis.call('LRANGE', b .. 'parked:' .. kind, -skip - (limit - #ids), -skip - 1)
        for i = #list, 1, -1 do ids[#ids + 1] = list[i] end
        skip = 0
      end
    end
  elseif place == 'delayed' then
    ids = redis.call('ZRANGE', keys[DELAYED], offset, offset + limit - 1)
  else
    ids = redis.call('ZRANGE', b .. place, offset, offset + limit - 1, 'REV')
  end
  local reply, bytes = { -1 }, 0
  for i = 1, #ids do
    local h = string.byte(ids[i], 1) ~= 123 and redis.call('HMGET', b .. 'job:' .. ids[i], unpack(FIELDS))
    -- A tombstone is listed among the done.
    local here = h and h[1] and (place == 'done' or h[2] ~= 'cancelled') and h[2] ~= 'discarded'
    if here and (state == '' or h[2] == state) and (kind == '' or h[1] == kind) then
      reply[#reply + 1] = ids[i]
      reply[#reply + 1] = h
      bytes = bytes + #(h[3] or '') + #(h[10] or '')
      if bytes >= 1048576 then
        reply[1] = offset + i
        return reply
      end
    end
  end
  if #ids == limit then reply[1] = offset + limit end
  return reply
end

local function running(keys, b)
  local n = 0
  for _, session in ipairs(redis.call('ZRANGE', keys[SESSIONS], 0, -1)) do
    n = n + redis.call('HLEN', b .. 'inflight:' .. session)
  end
  return n
end

-- Age of the first job of a list that is none of those cancelled or pushed by others, among the next ten to run.
local function age_of(b, list, t)
  local front = redis.call('LRANGE', list, -10, -1)
  for i = #front, 1, -1 do
    local h = string.byte(front[i], 1) ~= 123
      and redis.call('HMGET', b .. 'job:' .. front[i], 'state', 'queued_at', 'created_at')
    if h and h[1] == 'queued' then return math.max(0, t - (h[2] or h[3])) end
  end
  return 0
end

-- queue: Output: {paused 0|1, depth, oldest age ms, running, finished in the last minute, suspects, delayed, dead}
local function queue(keys, argv)
  local b, t = base(keys), now()
  local suspects = redis.call('LLEN', keys[SUSPECT])
  local age = age_of(b, keys[READY], t)
  for _, kind in ipairs(redis.call('SMEMBERS', b .. 'parked')) do
    age = math.max(age, age_of(b, b .. 'parked:' .. kind, t))
  end
  local finished, bucket = 0, math.floor(t / 5000)
  for i = 0, 12 do
    local known, n = string.match(redis.call('HGET', keys[COUNTERS], 'rate:' .. i) or '', '^(%d+) (%d+)$')
    -- The last 12 whole buckets; the one that is filling would make the rate saw-toothed.
    if known and tonumber(known) < bucket and tonumber(known) >= bucket - 12 then finished = finished + n end
  end
  local depth = redis.call('LLEN', keys[READY]) + parked_of(b) + suspects
  return { redis.call('EXISTS', keys[PAUSED]), depth, age, running(keys, b), finished, suspects,
    redis.call('ZCARD', keys[DELAYED]), redis.call('ZCARD', keys[DEAD]) }
end

-- census: Output: {enqueued, succeeded, cancelled, discarded, waiting, delayed, in flight, suspect, dead, foreign}
-- enqueued = the three of finished + waiting + delayed + in flight + suspect + dead; foreign is outside the sum.
local function census(keys, argv)
  local c = redis.call('HMGET', keys[COUNTERS], 'enqueued', 'succeeded', 'cancelled', 'discarded', 'waiting')
  for i = 1, 5 do c[i] = tonumber(c[i] or '0') end
  local length = redis.call('LLEN', keys[READY])
  return { c[1], c[2], c[3], c[4], math.min(length, c[5]) + parked_of(base(keys)), redis.call('ZCARD', keys[DELAYED]),
    running(keys, base(keys)), redis.call('LLEN', keys[SUSPECT]), redis.call('ZCARD', keys[DEAD]),
    math.max(0, length - c[5]) }
end
