-- A task, new or changed; its field begins with its number, since a hash keeps no order. `index` is the task's here.
local fence, task, sealed, place = unpack(ARGV)
local why = refused(fence)
if why then return why end
if over() then return DONE end
local before = redis.call('HGET', tasks, task)
local number = before and string.match(before, '^%d+') or redis.call('HINCRBY', session, 'tasks', 1)
local ttl = redis.call('PTTL', session)
redis.call('HSET', tasks, task, number .. ':' .. sealed)
outlive(tasks, ttl)
if index then redis.call('SET', index, place, 'PX', ttl) end
return DONE
