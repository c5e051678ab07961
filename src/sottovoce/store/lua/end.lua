-- The place is free and the tasks go; the bare record stays for a while. Answers the outcome, then the tasks.
local member, fence, status, ttl, now = unpack(ARGV)
local why = refused(fence)
if why then return {why} end
free(member)
redis.call('HSET', session, 'status', status)
redis.call('PEXPIRE', session, ttl)
if index then redis.call('PEXPIRE', index, ttl) end
redis.call('ZREMRANGEBYSCORE', ended, '-inf', now)
redis.call('ZADD', ended, now + ttl, member)
outlive(ended, ttl)
return drop_tasks({DONE})
