-- promote: moves due jobs to the ready list (to suspect those with two crashes). ARGV: at most how many (≤ 1000).
-- Output: {number moved, ms until the next is due (0 when more are due now) or -1 when none waits}
-- Parked jobs that wait for their kind's window are due when it frees.
local function next_due(keys, t)
  local first = redis.call('ZRANGE', keys[DELAYED], 0, 0, 'WITHSCORES')
  local due = first[2] and math.max(0, first[2] - t) or -1
  for _, kind in ipairs(redis.call('SMEMBERS', base(keys) .. 'parked')) do
    local wait = wake(kind, t)
    if wait > 0 and (due < 0 or wait < due) then due = wait end
  end
  return due
end

local function promote(keys, argv)
  local b, t = base(keys), now()
  local due = redis.call('ZRANGE', keys[DELAYED], '-inf', t, 'BYSCORE', 'LIMIT', 0, argv[1])
  if #due == 0 then return { 0, next_due(keys, t) } end
  local crashes = redis.call('EXISTS', keys[CRASHES]) == 1
  local ready, gone = {}, 0
  for _, id in ipairs(due) do
    local known = redis.call('HEXISTS', b .. 'job:' .. id, 'kind') == 1
    if known then redis.call('HSET', b .. 'job:' .. id, 'state', 'queued', 'queued_at', t) end
    if not known then
      -- Somebody deleted its hash: there is nothing left to run.
      gone = gone + 1
    elseif crashes and crash_count(keys, id) >= SUSPECT_CRASHES then
      redis.call('LPUSH', keys[SUSPECT], id)
    else
      ready[#ready + 1] = id
    end
  end
  redis.call('ZREM', keys[DELAYED], unpack(due))
  push_back(keys, ready)
  count(keys, 'discarded', gone)
  return { #due, next_due(keys, t) }
end

-- prune: forgets jobs that ended long ago, a small step a call.
-- ARGV: age of done ms, age of dead ms, at most how many of each. Output: number looked at (0 = nothing left to do).
local function prune(keys, argv)
  local b, t = base(keys), now()
  local done = redis.call('ZRANGE', keys[DONE], '-inf', t - argv[1], 'BYSCORE', 'LIMIT', 0, argv[3])
  for _, id in ipairs(done) do
    if redis.call('HEXISTS', b .. 'job:' .. id, 'tombstone') == 1 then
      -- Cancelled while waiting and still in the list: the claim that pops it needs its hash.
      redis.call('ZADD', keys[DONE], t, id)
    else
      redis.call('UNLINK', b .. 'job:' .. id)
      redis.call('ZREM', keys[DONE], id)
    end
  end
  local dead = redis.call('ZRANGE', keys[DEAD], '-inf', t - argv[2], 'BYSCORE', 'LIMIT', 0, argv[3])
  for _, id in ipairs(dead) do
    redis.call('UNLINK', b .. 'job:' .. id)
    redis.call('ZREM', keys[DEAD], id)
  end
  count(keys, 'discarded', #dead)
  return #done + #dead
end
