-- reap: takes back the jobs of sessions whose lease has ended, at most 256 a call.
-- A crash is counted only if the session's process is no longer registered and Redis has been up for a lease:
-- After a time in which no worker was heard, Redis may have been frozen and every lease have ended: processes that live
-- have 5 s to come back and take their jobs with them (`open`) before anything is counted.
-- first crash → ready, second → suspect, third → dead `poison`; uncounted ones go back to the front.
-- KEYS: the queue's, then paidan:workers. ARGV: lease ms. (A session is named PROCESS.NUMBER.)
-- Output: {more 0|1, sessions ended, jobs given back, then id and kind of each poisoned job}
local WORKERS = 10

local function up_for(lease)
  local seconds = string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')
  return not seconds or seconds * 1000 >= lease
end

local COME_BACK = 5000

-- True while live processes may still be on their way back.
local function is_stalled(keys, lease, t)
  local beaten = tonumber(redis.call('HGET', keys[COUNTERS], 'beaten_at') or '')
  local stalled = tonumber(redis.call('HGET', keys[COUNTERS], 'stalled_at') or '0')
  if beaten and stalled < beaten and t - beaten > lease * 2 / 3 then
    stalled = t
    redis.call('HSET', keys[COUNTERS], 'stalled_at', t)
  end
  -- A clock that was set back is no stall.
  return stalled <= t and t - stalled < math.max(COME_BACK, lease / 3 + 1000)
end

local function reap(keys, argv)
  local lease = tonumber(argv[1])
  local b, t = base(keys), now()
  local left, ended, back = 256, 0, 0
  local reply = { 0, 0, 0 }
  local settled, stalled
  local lost, left_alone = {}, 0
  for _, session in ipairs(redis.call('ZRANGE', keys[SESSIONS], '-inf', t, 'BYSCORE', 'LIMIT', 0, 16)) do
    if settled == nil then settled, stalled = up_for(lease), is_stalled(keys, lease, t) end
    local process = string.match(session, '^(.*)%.%d+$') or session
    local registered = redis.call('ZSCORE', keys[WORKERS], process)
    local counted = settled and not (registered and tonumber(registered) > t)
    if counted and stalled then
      left_alone = left_alone + 1
    else
      lost[#lost + 1] = { session, counted }
    end
  end
  for _, pair in ipairs(lost) do
    local session, counted = pair[1], pair[2]
    local slots, ids, more = in_flight(b, session, left)
    left = left - #ids
    if not counted then
      give_back(keys, b, ids, t)
      back = back + #ids
    else
      local innocent = {}
      for _, id in ipairs(ids) do
        local job = b .. 'job:' .. id
        local n = redis.call('HINCRBY', keys[CRASHES], id, 1)
        if n < POISON_CRASHES then
          innocent[#innocent + 1] = id
        else
          redis.call('HDEL', keys[CRASHES], id)
          wake_all(uncount(b, { id }), t)
          local h = redis.call('HMGET', job, 'key', 'kind')
          release_key(b, id, h[1])
          redis.call('HSET', job, 'state', 'dead', 'finished_at', t, 'error_code', 'poison', 'error_message',
            'its process ended ' .. n .. ' times while it ran, without progress in between')
          redis.call('ZADD', keys[DEAD], t, id)
          count(keys, 'died', 1)
          reply[#reply + 1] = id
          reply[#reply + 1] = h[2] or ''
        end
      end
      give_back(keys, b, innocent, t)
      back = back + #innocent
    end
    if more then
      for i = 1, #slots do redis.call('HDEL', b .. 'inflight:' .. session, slots[i]) end
      reply[1] = 1
      break
    end
    redis.call('UNLINK', b .. 'inflight:' .. session, b .. 'cancels:' .. session)
    redis.call('ZREM', keys[SESSIONS], session)
    ended = ended + 1
  end
  if left_alone == 0 and redis.call('ZCOUNT', keys[SESSIONS], '-inf', t) > 0 then reply[1] = 1 end
  count(keys, 'lost_sessions', ended)
  reply[2], reply[3] = ended, back
  return reply
end
