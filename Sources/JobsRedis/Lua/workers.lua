-- Registered processes: ZSET process → end of its registration, HASH process → what it says about itself (bytes).
-- KEYS: paidan:workers, paidan:workers:info

-- register: ARGV: process, time to live ms, info. Output: 1. Registrations that ended a day ago are forgotten.
local function register(keys, argv)
  local t = now()
  redis.call('ZADD', keys[1], t + tonumber(argv[2]), argv[1])
  redis.call('HSET', keys[2], argv[1], argv[3])
  local old = redis.call('ZRANGE', keys[1], '-inf', t - 86400000, 'BYSCORE', 'LIMIT', 0, 100)
  for _, process in ipairs(old) do
    redis.call('ZREM', keys[1], process)
    redis.call('HDEL', keys[2], process)
  end
  return 1
end

-- unregister: ARGV: process.
local function unregister(keys, argv)
  redis.call('ZREM', keys[1], argv[1])
  redis.call('HDEL', keys[2], argv[1])
  return 1
end

-- workers: Output: info of each process whose registration has not ended.
local function workers(keys, argv)
  local live = redis.call('ZRANGE', keys[1], '(' .. now(), '+inf', 'BYSCORE', 'LIMIT', 0, 1000)
  local reply = {}
  for i = 1, #live do reply[i] = redis.call('HGET', keys[2], live[i]) or '' end
  return reply
end
