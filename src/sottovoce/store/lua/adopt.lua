-- A session that lives on its node, recorded anew whatever the limit is, unless another node has claimed it.
local member, created, ttl, pin, record, public, owner, fence, status, expires = unpack(ARGV)
local held = redis.call('HMGET', session, 'fence', 'owner')
if held[1] and (tonumber(held[1]) > tonumber(fence) or (held[1] == fence and held[2] ~= owner)) then return FENCED end
write(member, created, ttl, pin, record, public, owner, fence, status, expires)
return DONE
