-- Sessions: one lease for all that a process has in flight in a queue.

-- open: begins a session and takes back at once, uncounted and to the front, what the one before it had in flight.
-- ARGV: session, lease ms, predecessor or ''
-- Output: number of jobs taken back.
local function open(keys, argv)
  local session, lease, before = argv[1], tonumber(argv[2]), argv[3]
  local b, t = base(keys), now()
  local ids = {}
  if before ~= '' and before ~= session then
    local _
    _, ids = in_flight(b, before, 100000)
    give_back(keys, b, ids, t)
    redis.call('UNLINK', b .. 'inflight:' .. before, b .. 'cancels:' .. before)
    redis.call('ZREM', keys[SESSIONS], before)
  end
  redis.call('ZADD', keys[SESSIONS], t + lease, session)
  return #ids
end

-- Notes that a worker lives. When none was heard for most of a lease, it was the workers or Redis itself: `stalled_at`.
local function note_beat(keys, lease, t)
  local before = tonumber(redis.call('HGET', keys[COUNTERS], 'beaten_at') or '')
  if before and t - before > lease * 2 / 3 then redis.call('HSET', keys[COUNTERS], 'stalled_at', t) end
  redis.call('HSET', keys[COUNTERS], 'beaten_at', t)
end

-- beat: moves the lease's end. ARGV: session, lease ms. Output: new end.
local function beat(keys, argv)
  if not redis.call('ZSCORE', keys[SESSIONS], argv[1]) then return fenced() end
  local lease, t = tonumber(argv[2]), now()
  note_beat(keys, lease, t)
  redis.call('ZADD', keys[SESSIONS], t + lease, argv[1])
  return t + lease
end

-- cancellations: claims of this session that were cancelled since the last call. ARGV: session. Output: "slot id" each.
-- (The same job may be claimed again in another slot by then.)
local function cancellations(keys, argv)
  if not redis.call('ZSCORE', keys[SESSIONS], argv[1]) then return fenced() end
  local list = base(keys) .. 'cancels:' .. argv[1]
  local ids = redis.call('LRANGE', list, 0, -1)
  if #ids > 0 then redis.call('DEL', list) end
  return ids
end

-- release: ends a session; what it still has in flight goes back to the front, the attempt not spent.
-- ARGV: session. Output: number of jobs given back (0 when the session is gone already).
local function release(keys, argv)
  if not redis.call('ZSCORE', keys[SESSIONS], argv[1]) then return 0 end
  local b = base(keys)
  local _, ids = in_flight(b, argv[1], 100000)
  give_back(keys, b, ids, now())
  redis.call('UNLINK', b .. 'inflight:' .. argv[1], b .. 'cancels:' .. argv[1])
  redis.call('ZREM', keys[SESSIONS], argv[1])
  return #ids
end

-- progress: ARGV: session, slot, id, done, total. Output: 1, or 0 when the job is no longer in that slot.
local function progress(keys, argv)
  if not redis.call('ZSCORE', keys[SESSIONS], argv[1]) then return fenced() end
  local b = base(keys)
  if redis.call('HGET', b .. 'inflight:' .. argv[1], argv[2]) ~= argv[3] then return 0 end
  redis.call('HSET', b .. 'job:' .. argv[3], 'progress', argv[4] .. ' ' .. argv[5])
  return 1
end

-- checkpoint: the job moved on, its crash count starts again. ARGV: session, id. Output: 1.
local function checkpoint(keys, argv)
  if not redis.call('ZSCORE', keys[SESSIONS], argv[1]) then return fenced() end
  redis.call('HDEL', keys[CRASHES], argv[2])
  return 1
end
