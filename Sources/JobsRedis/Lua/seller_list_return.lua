#!lua flags=allow-oom
-- seller_list_return: puts tokens back to the front of the seller list, in their order.
-- KEYS[1] list   KEYS[2] loaded ("cycle stamp" of the last load)
-- ARGV[1 … n] tokens, cycle:position:user, all of one cycle
-- Output: 1 put back, 0 dropped: a newer cycle is loaded, so these slots are spent.
local loaded = redis.call('GET', KEYS[2])
local newest = loaded and tonumber(string.match(loaded, '^(%d+) '))
local cycle = tonumber(string.match(ARGV[1], '^(%d+):'))
if newest and cycle and cycle < newest then return 0 end
for place = #ARGV, 1, -1 do redis.call('LPUSH', KEYS[1], ARGV[place]) end
return 1
