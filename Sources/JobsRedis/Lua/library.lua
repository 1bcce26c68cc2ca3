#!lua name=paidan_VERSION
-- The queue's state changes, one function each. VERSION (format number and hash of the text) is filled in when loading,
-- in the library's name and in each function's: function names are global, and two releases may run side by side.
--
-- KEYS of every function on one queue, in this order; job hashes, in-flight hashes, unique keys and idempotency keys
-- are reached by prefix within the same hash tag; limits of kinds count over all queues (limits.lua). Times are
-- milliseconds of Redis TIME. JSON is never encoded here.
local READY, SUSPECT, SESSIONS, DELAYED, DEAD, DONE, CRASHES, PAUSED, COUNTERS = 1, 2, 3, 4, 5, 6, 7, 8, 9

local MAX_ARGUMENTS = 65536
local POISON_CRASHES = 3
local SUSPECT_CRASHES = 2

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- "paidan:{Q}:" from the name of its ready list
local function base(keys) return string.sub(keys[READY], 1, -6) end

local function count(keys, field, by)
  if by ~= 0 then redis.call('HINCRBY', keys[COUNTERS], field, by) end
end

-- Native entries of the ready list are counted, so that LLEN minus this is what other programs have pushed.
local function push_back(keys, ids)
  for i = 1, #ids, 1000 do redis.call('LPUSH', keys[READY], unpack(ids, i, math.min(i + 999, #ids))) end
  count(keys, 'waiting', #ids)
end

-- To the front: takers take from the right, so the id that shall run first goes last.
local function push_front(keys, ids)
  for i = 1, #ids, 1000 do redis.call('RPUSH', keys[READY], unpack(ids, i, math.min(i + 999, #ids))) end
  count(keys, 'waiting', #ids)
end

-- Compare and delete: the key may have been taken over by another job.
local function release_key(b, id, key)
  if key and redis.call('GET', b .. 'unique:' .. key) == id then redis.call('DEL', b .. 'unique:' .. key) end
end

-- The id that holds a unique key, or nil; a holder whose hash is gone holds nothing.
local function holder_of_key(b, key)
  local id = redis.call('GET', b .. 'unique:' .. key)
  if id and redis.call('EXISTS', b .. 'job:' .. id) == 1 then return id end
  return nil
end

-- A discarded job's name is remembered for a day: an outbox that has it, and no receipt, would send it again.
local function leave_name(job)
  redis.call('UNLINK', job)
  redis.call('HSET', job, 'state', 'discarded')
  redis.call('PEXPIRE', job, 86400000)
end

local function crash_count(keys, id)
  return tonumber(redis.call('HGET', keys[CRASHES], id) or '0')
end

local function fenced() return redis.error_reply('FENCED this session is gone: open a new one') end
