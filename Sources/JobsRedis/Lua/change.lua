-- What people do to one job. Each answers `ok`, `missing`, or `state NAME` when the job's state does not allow it.

-- cancel: from scheduled, queued, retrying and running. ARGV: id.
-- A waiting one stays in its list as a tombstone, which counts as waiting until it is popped. A running one leaves its
-- slot, so its late acknowledgement changes nothing, and its session is told.
local function cancel(keys, argv)
  local id = argv[1]
  local b, t = base(keys), now()
  local job = b .. 'job:' .. id
  local h = redis.call('HMGET', job, 'state', 'key', 'holder')
  local state = h[1]
  if not state or state == 'discarded' then return 'missing' end
  if state == 'scheduled' or state == 'retrying' then
    redis.call('ZREM', keys[DELAYED], id)
    count(keys, 'cancelled', 1)
  elseif state == 'queued' then
    redis.call('HSET', job, 'tombstone', 1)
  elseif state == 'running' then
    local slot, session = string.match(h[3], '^(%d+) (.*)$')
    redis.call('HDEL', b .. 'inflight:' .. session, slot)
    redis.call('RPUSH', b .. 'cancels:' .. session, slot .. ' ' .. id)
    redis.call('PEXPIRE', b .. 'cancels:' .. session, 3600000)
    count(keys, 'cancelled', 1)
    wake_all(uncount(b, { id }), t)
  else
    return 'state ' .. state
  end
  redis.call('HSET', job, 'state', 'cancelled', 'finished_at', t)
  redis.call('ZADD', keys[DONE], t, id)
  redis.call('HDEL', keys[CRASHES], id)
  release_key(b, id, h[2])
  return 'ok'
end

-- Back to the queue from dead, cancelled or retrying. Answers as above, or `key ID` when ID holds the job's key now.
local function revive(keys, b, id, t)
  local job = b .. 'job:' .. id
  local h = redis.call('HMGET', job, 'state', 'key', 'tombstone')
  local state, key = h[1], h[2]
  if not state or state == 'discarded' then return 'missing' end
  if state ~= 'dead' and state ~= 'cancelled' and state ~= 'retrying' then return 'state ' .. state end
  if key then
    local holder = holder_of_key(b, key)
    if holder and holder ~= id then return 'key ' .. holder end
    redis.call('SET', b .. 'unique:' .. key, id)
  end
  if state == 'retrying' then
    redis.call('ZREM', keys[DELAYED], id)
  else
    redis.call('HDEL', job, 'error_code', 'error_message', 'finished_at', 'started_at', 'tombstone', 'progress')
    redis.call('HSET', job, 'attempt', 0)
    redis.call('ZREM', state == 'dead' and keys[DEAD] or keys[DONE], id)
    if state == 'cancelled' and not h[3] then count(keys, 'cancelled', -1) end
  end
  redis.call('HSET', job, 'state', 'queued', 'queued_at', t)
  if not h[3] then
    -- One that crashed twice runs alone, however it comes back.
    if crash_count(keys, id) >= SUSPECT_CRASHES then
      redis.call('LPUSH', keys[SUSPECT], id)
    else
      push_back(keys, { id })
    end
  end
  return 'ok'
end

-- retry: ARGV: id.
local function retry(keys, argv) return revive(keys, base(keys), argv[1], now()) end

-- discard: from all states but running. ARGV: id.
local function discard(keys, argv)
  local id = argv[1]
  local b = base(keys)
  local job = b .. 'job:' .. id
  local h = redis.call('HMGET', job, 'state', 'key', 'tombstone')
  local state = h[1]
  if not state or state == 'discarded' then return 'missing' end
  if state == 'running' then return 'state running' end
  release_key(b, id, h[2])
  redis.call('HDEL', keys[CRASHES], id)
  if state == 'scheduled' or state == 'retrying' then
    redis.call('ZREM', keys[DELAYED], id)
    count(keys, 'discarded', 1)
  elseif state == 'dead' then
    redis.call('ZREM', keys[DEAD], id)
    count(keys, 'discarded', 1)
  else
    redis.call('ZREM', keys[DONE], id)
  end
  if state == 'queued' or h[3] then
    redis.call('HSET', job, 'state', 'discarded')
  else
    leave_name(job)
  end
  return 'ok'
end

-- bulk: retries or discards dead jobs, a page of 200 a call. ARGV: retry | discard, kind or '', offset, died before ms
--   (0 = now). Output: {changed, next offset or -1 at the end, died before ms}
local function bulk(keys, argv)
  local b, t = base(keys), now()
  local offset, before = tonumber(argv[3]), tonumber(argv[4])
  -- Jobs that die again meanwhile are not touched twice.
  if before == 0 then before = t end
  local ids = redis.call('ZRANGE', keys[DEAD], '-inf', before, 'BYSCORE', 'LIMIT', offset, 200)
  local changed = 0
  for _, id in ipairs(ids) do
    local kind = redis.call('HGET', b .. 'job:' .. id, 'kind')
    local answer
    if argv[2] == '' or kind == argv[2] then
      if argv[1] == 'retry' then answer = revive(keys, b, id, t) else answer = discard(keys, { id }) end
    end
    if answer == 'ok' then changed = changed + 1 else offset = offset + 1 end
  end
  return { changed, #ids < 200 and -1 or offset, before }
end
