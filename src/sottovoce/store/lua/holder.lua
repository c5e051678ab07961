-- Who holds a session: owner, fence, whether it is over, milliseconds to live. Nothing if it is gone.
local held = redis.call('HMGET', session, 'owner', 'fence')
if not held[1] then return {} end
return {held[1], held[2], over() and 1 or 0, redis.call('PTTL', session)}
