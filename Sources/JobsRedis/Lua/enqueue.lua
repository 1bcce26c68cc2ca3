-- enqueue: takes in a batch of jobs, all or none. Refused when memory is full (no allow-oom flag).
-- KEYS: ready list of each queue concerned.
-- ARGV: per job: index of its queue in KEYS, id, kind, args, n, then n pairs of option name and value.
--   Options: max_attempts, timeout_ms, traceparent (kept as they are); key; delay_ms; run_at;
--   idem (user:key), idem_hash (of the body), idem_ms (how long it is remembered), idem_wait (ms that the caller waits).
-- Output: per job its id and outcome: created (with a space and its time of creation) | id | key | idempotency (the id is the older job's; with a space and the
--   time until which the first request waited, if it did) | mismatch (same idempotency key, another body). With a
--   mismatch nothing is written and what would be new is `refused`.

local KEPT = { 'max_attempts', 'timeout_ms', 'traceparent', 'key' }

local function enqueue(keys, argv)
  local t = now()
  -- As text once: a number would be formatted by each use, and as a float.
  local at = string.format('%d', t)
  local jobs, answer = {}, {}
  local new_ids, new_keys, new_idems = {}, {}, {}
  local refused = false
  local i = 1
  while i <= #argv do
    local ready = keys[tonumber(argv[i])]
    local job = { ready = ready, id = argv[i + 1], kind = argv[i + 2], args = argv[i + 3] }
    local n = tonumber(argv[i + 4])
    job.has_options = n > 0
    for o = i + 5, i + 4 + 2 * n, 2 do job[argv[o]] = argv[o + 1] end
    i = i + 5 + 2 * n

    local b = string.sub(ready, 1, -6)
    job.hash = b .. 'job:' .. job.id
    local older, outcome
    if job.idem then
      job.idem = b .. 'idem:' .. job.idem
      local known = new_idems[job.idem] or redis.call('GET', job.idem)
      if known then
        local known_id, waited, known_hash = string.match(known, '^(%S+) (%d+) (.*)$')
        if known_hash ~= job.idem_hash then
          outcome = 'mismatch'
        else
          older, outcome = known_id, waited == '0' and 'idempotency' or 'idempotency ' .. waited
        end
      end
    end
    if not outcome and (new_ids[job.hash] or redis.call('EXISTS', job.hash) == 1) then older, outcome = job.id, 'id' end
    if not outcome and job.key then
      job.unique = b .. 'unique:' .. job.key
      older = new_keys[job.unique] or holder_of_key(b, job.key)
      if older then outcome = 'key' end
    end
    if outcome == 'mismatch' then refused = true end
    if not outcome then
      outcome = 'created'
      job.created = true
      new_ids[job.hash] = true
      if job.key then new_keys[job.unique] = job.id end
    end
    -- A repeat by id or key binds its idempotency key too: the next repeat must find the same job.
    if job.idem and outcome ~= 'mismatch' then
      local wait = tonumber(job.idem_wait or '0')
      job.bound = (older or job.id) .. ' ' .. string.format('%.0f', wait > 0 and t + wait or 0) .. ' ' .. job.idem_hash
      new_idems[job.idem] = new_idems[job.idem] or job.bound
    end
    job.answer = older or job.id
    answer[#answer + 1] = job.answer
    answer[#answer + 1] = outcome
    jobs[#jobs + 1] = job
  end
  if refused then
    for o = 2, #answer, 2 do if answer[o] == 'created' then answer[o] = 'refused' end end
    return answer
  end

  local waiting, created = {}, {}
  for _, job in ipairs(jobs) do
    if job.idem then
      redis.call('SET', job.idem, job.bound, 'PX', job.idem_ms, 'NX')
    end
    if job.created then
      created[job.ready] = (created[job.ready] or 0) + 1
      local run_at = tonumber(job.run_at or '0')
      if job.delay_ms then run_at = t + tonumber(job.delay_ms) end
      local later = run_at > t
      local row = { 'kind', job.kind, 'args', job.args, 'state', later and 'scheduled' or 'queued', 'attempt', '0',
        'created_at', at }
      if job.has_options then
        for _, name in ipairs(KEPT) do
          if job[name] then
            row[#row + 1] = name
            row[#row + 1] = job[name]
          end
        end
      end
      if later then
        row[#row + 1] = 'run_at'
        row[#row + 1] = run_at
      end
      redis.call('HSET', job.hash, unpack(row))
      if job.unique then redis.call('SET', job.unique, job.id) end
      if later then
        redis.call('ZADD', string.sub(job.ready, 1, -6) .. 'delayed', run_at, job.id)
      else
        local ids = waiting[job.ready] or {}
        ids[#ids + 1] = job.id
        waiting[job.ready] = ids
      end
    end
  end
  for ready, n in pairs(created) do
    local counters = string.sub(ready, 1, -6) .. 'counters'
    redis.call('HINCRBY', counters, 'enqueued', n)
    push_back({ [READY] = ready, [COUNTERS] = counters }, waiting[ready] or {})
  end
  local made = 'created ' .. at
  for o = 2, #answer, 2 do if answer[o] == 'created' then answer[o] = made end end
  return answer
end
