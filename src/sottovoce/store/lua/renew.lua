-- One call for all sessions of a node: its lease, and what others have told it. KEYS: lease, inbox. ARGV: milliseconds,
-- then what it has heeded. Answers whether the lease was still there, then what others have told.
local lease, inbox = KEYS[1], KEYS[2]
for place = 2, #ARGV do redis.call('SREM', inbox, ARGV[place]) end
local there = redis.call('EXISTS', lease)
redis.call('SET', lease, '1', 'PX', ARGV[1])
local answer = {there}
for _, member in ipairs(redis.call('SMEMBERS', inbox)) do answer[#answer + 1] = member end
return answer
