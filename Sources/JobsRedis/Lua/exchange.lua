-- exchange: acknowledges up to 256 jobs and claims up to 256 in one step (allow-oom).
-- ARGV: session, lane (ready | suspect), how many to take, first free slot number, n, then n slots that simply
--   succeeded (no key, no result), then per other settlement: slot, outcome, a, b, c
--     done: result (or ''), error code (or ''), error message | retry: delay ms, code, message | snooze: delay ms
--     dead: code, message | release: back to the front
-- Output: {paused 0|1, waiting, suspects, time, then per claim: slot, header, args}; the header's words are
--   id attempt max_attempts timeout_ms created_at queued_at has_key traceparent kind, 0 or - where there is none.
-- FENCED, and nothing done, when the session is gone. A slot that is gone (job cancelled meanwhile) is passed over.

-- Finished jobs in buckets of 5 s, for the queue's rate.
local function note_rate(keys, t, n)
  if n == 0 then return end
  local bucket = math.floor(t / 5000)
  local field = 'rate:' .. bucket % 13
  local known, value = string.match(redis.call('HGET', keys[COUNTERS], field) or '', '^(%d+) (%d+)$')
  if known == tostring(bucket) then n = n + value end
  redis.call('HSET', keys[COUNTERS], field, bucket .. ' ' .. n)
end

local function settle_plain(keys, b, inflight, argv, n, t)
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
  if redis.call('EXISTS', keys[CRASHES]) == 1 then
    for i = 2, #scored, 2 do redis.call('HDEL', keys[CRASHES], scored[i]) end
  end
  return #scored / 2
end

local function settle_one(keys, b, inflight, slot, outcome, x, y, z, t)
  local id = redis.call('HGET', inflight, slot)
  if not id then return 0 end
  redis.call('HDEL', inflight, slot)
  local job = b .. 'job:' .. id
  if outcome == 'release' then
    give_back(keys, b, { id }, t)
    return 0
  end
  if outcome == 'snooze' then
    local due = t + tonumber(x)
    redis.call('HINCRBY', job, 'attempt', -1)
    redis.call('HSET', job, 'state', 'retrying', 'run_at', due)
    redis.call('ZADD', keys[DELAYED], due, id)
    return 0
  end
  redis.call('HDEL', keys[CRASHES], id)
  if outcome == 'retry' then
    local due = t + tonumber(x)
    redis.call('HSET', job, 'state', 'retrying', 'run_at', due, 'error_code', y, 'error_message', z)
    redis.call('ZADD', keys[DELAYED], due, id)
    return 0
  end
  release_key(b, id, redis.call('HGET', job, 'key'))
  if outcome == 'dead' then
    redis.call('HSET', job, 'state', 'dead', 'finished_at', t, 'error_code', x, 'error_message', y)
    redis.call('ZADD', keys[DEAD], t, id)
    count(keys, 'died', 1)
    return 0
  end
  redis.call('HSET', job, 'state', 'succeeded', 'finished_at', t)
  if x ~= '' then redis.call('HSET', job, 'result', x) end
  if y ~= '' then redis.call('HSET', job, 'error_code', y, 'error_message', z)
  else redis.call('HDEL', job, 'error_code', 'error_message') end
  redis.call('ZADD', keys[DONE], t, id)
  return 1
end

local function take_jobs(keys, b, session, inflight, lane, n, slot, t, reply)
  local popped = redis.call('RPOP', keys[lane], n)
  if not popped then return end
  local native, cancelled, discarded = 0, 0, 0
  local at = string.format('%.0f', t)
  local slots = {}
  for i = 1, #popped do
    local id = popped[i]
    local first = string.byte(id, 1)
    local h = first ~= 123 and redis.call('HMGET', b .. 'job:' .. id, 'kind', 'args', 'state', 'attempt',
      'max_attempts', 'timeout_ms', 'created_at', 'queued_at', 'key', 'traceparent')
    if not h or not h[1] then
      local kind, args, key
      id, kind, args, key = adopt(keys, b, id, t, session .. ':' .. (slot + i))
      h = id and { kind, args, 'queued', '0', false, false, t, false, key, false }
    else
      native = native + 1
    end
    if h and h[3] == 'queued' then
      local attempt = h[4] + 1
      redis.call('HSET', b .. 'job:' .. id, 'state', 'running', 'attempt', attempt, 'started_at', at,
        'holder', slot .. ' ' .. session)
      slots[#slots + 1] = slot
      slots[#slots + 1] = id
      reply[#reply + 1] = slot
      reply[#reply + 1] = table.concat({ id, attempt, h[5] or 0, h[6] or 0, h[7], h[8] or h[7], h[9] and 1 or 0,
        h[10] or '-', h[1] }, ' ')
      reply[#reply + 1] = h[2]
      slot = slot + 1
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
  if #slots > 0 then redis.call('HSET', inflight, unpack(slots)) end
  if lane == READY then count(keys, 'waiting', -native) end
  count(keys, 'cancelled', cancelled)
  count(keys, 'discarded', discarded)
end

local function exchange(keys, argv)
  local session, lane, take, slot, plain = argv[1], argv[2], tonumber(argv[3]), tonumber(argv[4]), tonumber(argv[5])
  if not redis.call('ZSCORE', keys[SESSIONS], session) then return fenced() end
  local b, t = base(keys), now()
  local inflight = b .. 'inflight:' .. session
  local finished = settle_plain(keys, b, inflight, argv, plain, t)
  for i = 6 + plain, #argv, 5 do
    finished = finished
      + settle_one(keys, b, inflight, argv[i], argv[i + 1], argv[i + 2], argv[i + 3], argv[i + 4], t)
  end
  count(keys, 'succeeded', finished)
  note_rate(keys, t, finished)
  local paused = redis.call('EXISTS', keys[PAUSED])
  local reply = { paused, 0, 0, t }
  if paused == 0 and take > 0 then
    take_jobs(keys, b, session, inflight, lane == 'suspect' and SUSPECT or READY, take, slot, t, reply)
  end
  reply[2] = redis.call('LLEN', keys[READY])
  reply[3] = redis.call('LLEN', keys[SUSPECT])
  return reply
end
