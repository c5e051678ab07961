local fence, status = unpack(ARGV)
local why = refused(fence)
if why then return why end
if not over() then redis.call('HSET', session, 'status', status) end
return DONE
