-- The session's next fence, for its new owner; 0 if somebody else was first, or it does not live.
local owner, expected = unpack(ARGV)
if redis.call('HGET', session, 'fence') ~= expected or over() then return 0 end
redis.call('HSET', session, 'owner', owner)
return redis.call('HINCRBY', session, 'fence', 1)
