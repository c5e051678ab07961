-- Goes before every other script of this folder. The keys of a session's steps share one hash tag, its namespace's;
-- `index` is of another, so a cluster's scripts do without it. Everything has a time to live, in milliseconds.
local GONE, FENCED, DONE = 0, -1, 1
local ns, live, ended, session, tasks, index = unpack(KEYS)

local function outlive(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end

local function over()
  local status = redis.call('HGET', session, 'status')
  return status == 'closed' or status == 'error'
end

-- Why the writer with that fence may not write; nil if it may. An empty fence is nobody's, and may.
local function refused(fence)
  local held = redis.call('HGET', session, 'fence')
  if not held then return GONE end
  if fence ~= '' and held ~= fence then return FENCED end
  return nil
end

local function write(member, created, ttl, pin, record, public, owner, fence, status, expires)
  redis.call('HSET', session, 'record', record, 'owner', owner, 'fence', fence, 'status', status, 'expires', expires)
  redis.call('PEXPIRE', session, ttl)
  redis.call('ZADD', live, created, member)
  outlive(live, ttl)
  redis.call('HSETNX', ns, 'pin', pin)
  if public ~= '' then redis.call('HSET', ns, 'public', public) end
  outlive(ns, ttl)
  if index then redis.call('SET', index, string.match(ns, '{.*}'), 'PX', ttl) end
end

local function free(member)
  redis.call('ZREM', live, member)
  if redis.call('ZCARD', live) == 0 then redis.call('DEL', ns) end
end

-- What there was of tasks: their entries in the index are left to the caller.
local function drop_tasks(answer)
  for _, task in ipairs(redis.call('HKEYS', tasks)) do answer[#answer + 1] = task end
  redis.call('DEL', tasks)
  return answer
end
