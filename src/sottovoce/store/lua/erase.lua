-- Nothing is left but the tasks' entries in the index. Answers the outcome, then the tasks.
local member, fence = unpack(ARGV)
local why = refused(fence)
if why == FENCED then return {why} end
free(member)
redis.call('ZREM', ended, member)
redis.call('DEL', session)
if index then redis.call('DEL', index) end
return drop_tasks({why or DONE})
