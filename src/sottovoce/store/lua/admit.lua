-- A new session, if its namespace is pinned to its key (or to none) and has room: 1 admitted, 2 another key, 3 full.
local member, created, ttl, pin, record, public, owner, fence, status, expires, limit, pinning = unpack(ARGV)
if redis.call('HGET', session, 'owner') == owner then return 1 end -- asked again: the first answer was lost
local pinned = redis.call('HGET', ns, 'pin')
if pinning == '1' and pinned and pinned ~= pin then return 2 end
if redis.call('ZCARD', live) >= tonumber(limit) then return 3 end
write(member, created, ttl, pin, record, public, owner, fence, status, expires)
return 1
