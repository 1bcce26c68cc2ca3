-- Gives jobs that did not end back to the front; the attempt they were claimed with is not spent.
-- `ids` run in this order. Returns nothing.
local function give_back(keys, b, ids, t)
  local freed = uncount(b, ids)
  local crashes = redis.call('EXISTS', keys[CRASHES]) == 1
  local front = {}
  for i = #ids, 1, -1 do
    local id = ids[i]
    local job = b .. 'job:' .. id
    redis.call('HINCRBY', job, 'attempt', -1)
    redis.call('HSET', job, 'state', 'queued', 'queued_at', t)
    if crashes and crash_count(keys, id) >= SUSPECT_CRASHES then
      redis.call('RPUSH', keys[SUSPECT], id)
    else
      front[#front + 1] = id
    end
  end
  push_front(keys, front)
  wake_all(freed, t)
end

-- Ids in flight of a session in the order they were claimed, with their slots; at most `limit`.
local function in_flight(b, session, limit)
  local flat = redis.call('HGETALL', b .. 'inflight:' .. session)
  local rows = {}
  for i = 1, #flat, 2 do rows[#rows + 1] = { tonumber(flat[i]), flat[i + 1] } end
  table.sort(rows, function(x, y) return x[1] < y[1] end)
  local slots, ids = {}, {}
  for i = 1, math.min(#rows, limit) do
    slots[i] = rows[i][1]
    ids[i] = rows[i][2]
  end
  return slots, ids, #rows > limit
end
