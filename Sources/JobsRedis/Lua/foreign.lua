-- What another program pushed into a ready list: a JSON object {"kind", "args", "id"?, "key"?}.
-- Its members are cut out as bytes: cjson would turn [] into {}, round big integers and refuse 1e400.

-- Index behind the string whose opening quote is at i, or nil.
local function after_string(s, i)
  i = i + 1
  while true do
    local p = string.find(s, '["\\]', i)
    if not p then return nil end
    if string.byte(s, p) == 34 then return p + 1 end
    i = p + 2
  end
end

-- Index behind the value that begins at i, or nil.
local function after_value(s, i)
  local c = string.byte(s, i)
  if c == 34 then return after_string(s, i) end
  if c ~= 123 and c ~= 91 then return string.match(s, '^[%w+.-]+()', i) end
  local depth = 0
  while true do
    local p = string.find(s, '["%[%]{}]', i)
    if not p then return nil end
    local d = string.byte(s, p)
    if d == 34 then
      i = after_string(s, p)
      if not i then return nil end
    else
      depth = depth + ((d == 123 or d == 91) and 1 or -1)
      i = p + 1
      if depth == 0 then return i end
    end
  end
end

-- The text of a raw JSON string; nil for anything else.
local function text(raw)
  if not raw or string.byte(raw, 1) ~= 34 then return nil end
  if not string.find(raw, '\\', 1, true) then return string.sub(raw, 2, -2) end
  local ok, list = pcall(cjson.decode, '[' .. raw .. ']')
  return ok and list[1] or nil
end

-- Name → raw bytes of each top-level member, or nil when this is no JSON object. Null members are left out.
local function members(s)
  local i = string.match(s, '^%s*{%s*()')
  if not i then return nil end
  local found = {}
  if string.match(s, '^}%s*$', i) then return found end
  while true do
    if string.byte(s, i) ~= 34 then return nil end
    local name_end = after_string(s, i)
    if not name_end then return nil end
    local name = text(string.sub(s, i, name_end - 1))
    local from = string.match(s, '^%s*:%s*()', name_end)
    local to = from and after_value(s, from)
    if not to or not name then return nil end
    local raw = string.sub(s, from, to - 1)
    found[name] = raw ~= 'null' and raw or nil
    if string.match(s, '^%s*}%s*$', to) then return found end
    i = string.match(s, '^%s*,%s*()', to)
    if not i then return nil end
  end
end

-- Gives a foreign push an identity and a job hash. `seed` makes the id of one that brings none.
-- Returns id, kind, args, key; or nil when it repeats a known id or key (dropped), or is unusable (then it is dead).
local function adopt(keys, b, value, t, seed)
  local m = members(value)
  local code, problem = 'bad_args', nil
  local kind, args, id, key
  if not m then
    problem = 'the pushed value is not a JSON object'
  else
    kind, args, id, key = text(m.kind), m.args or '{}', text(m.id), text(m.key)
    if not kind then
      code, problem = 'unknown_kind', 'the pushed object has no kind'
    elseif #kind > 64 or not string.match(kind, '^[%w._-]+$') then
      code, problem, kind = 'unknown_kind', 'kind must be 1 to 64 letters, digits, ., _ or -', ''
    elseif #args > MAX_ARGUMENTS then
      problem = 'args are larger than 64 KiB: store them and pass an id'
    elseif m.id and not (id and #id <= 64 and string.match(id, '^[%w_-]+$')) then
      problem = 'id must be 1 to 64 letters, digits, _ or -'
    elseif m.key and not (key and #key > 0 and #key <= 200) then
      problem = 'key must be a string of 1 to 200 bytes'
    end
  end
  if not problem then
    if id and redis.call('EXISTS', b .. 'job:' .. id) == 1 then return nil end
    if key and holder_of_key(b, key) then return nil end
  end
  if problem or not id then id = string.sub(redis.sha1hex(seed .. ':' .. t), 1, 26) end
  count(keys, 'enqueued', 1)
  local job = b .. 'job:' .. id
  if problem then
    redis.call('HSET', job, 'kind', kind or '', 'args', '{}', 'state', 'dead', 'attempt', 0, 'created_at', t,
      'finished_at', t, 'error_code', code, 'error_message', problem, 'raw', string.sub(value, 1, MAX_ARGUMENTS))
    redis.call('ZADD', keys[DEAD], t, id)
    count(keys, 'died', 1)
    return nil
  end
  redis.call('HSET', job, 'kind', kind, 'args', args, 'state', 'queued', 'attempt', 0, 'created_at', t)
  if key then
    redis.call('HSET', job, 'key', key)
    redis.call('SET', b .. 'unique:' .. key, id)
  end
  return id, kind, args, key
end
