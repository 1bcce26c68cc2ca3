local function offer(name, callback, flags)
  redis.register_function({ function_name = 'paidan_' .. name .. '_VERSION', callback = callback, flags = flags })
end

-- Without allow-oom a function is refused whole when memory is full, and then nothing could drain.
local drains = { 'allow-oom' }
local looks = { 'no-writes' }
offer('enqueue', enqueue, {})
offer('exchange', exchange, drains)
offer('open', open, drains)
offer('beat', beat, drains)
offer('cancellations', cancellations, drains)
offer('release', release, drains)
offer('progress', progress, drains)
offer('checkpoint', checkpoint, drains)
offer('reap', reap, drains)
offer('promote', promote, drains)
offer('prune', prune, drains)
offer('cancel', cancel, drains)
offer('retry', retry, drains)
offer('discard', discard, drains)
offer('bulk', bulk, drains)
offer('job', job, looks)
offer('page', page, looks)
offer('queue', queue, looks)
offer('census', census, looks)
offer('register', register, drains)
offer('unregister', unregister, drains)
offer('workers', workers, looks)
