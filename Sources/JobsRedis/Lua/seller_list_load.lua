#!lua flags=allow-oom
-- seller_list_load: replaces the seller list and its backup copy, unless a newer load is there.
-- KEYS[1] list   KEYS[2] origin   KEYS[3] reset   KEYS[4] loaded ("cycle stamp" of the last load)
-- ARGV[1] cycle   ARGV[2] stamp   ARGV[3] version of the shares   ARGV[4] tokens for the list, n
-- ARGV[5 … 4+n] those tokens   ARGV[5+n …] tokens of the whole open cycle
-- Output: 1 loaded, 0 a newer load was there.
local cycle = tonumber(ARGV[1])
local stamp = tonumber(ARGV[2])
local loaded = redis.call('GET', KEYS[4])
if loaded then
    local at, of = string.match(loaded, '^(%d+) (%d+)$')
    at = tonumber(at)
    of = tonumber(of)
    if at and (at > cycle or (at == cycle and of >= stamp)) then return 0 end
end
local open = tonumber(ARGV[4])
-- unpack takes a bounded number of values: 1,000 a call.
local function fill(key, from, to)
    redis.call('DEL', key)
    for first = from, to, 1000 do
        redis.call('RPUSH', key, unpack(ARGV, first, math.min(first + 999, to)))
    end
end
fill(KEYS[1], 5, 4 + open)
fill(KEYS[2], 5 + open, #ARGV)
redis.call('SET', KEYS[4], ARGV[1] .. ' ' .. ARGV[2])
local reset = tonumber(redis.call('GET', KEYS[3]) or '')
if reset and reset <= tonumber(ARGV[3]) then redis.call('DEL', KEYS[3]) end
return 1
