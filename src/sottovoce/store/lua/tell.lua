-- Tell a node that a session was erased or claimed. KEYS: lease, inbox. ARGV: the session and its fence, milliseconds.
redis.call('SADD', KEYS[2], ARGV[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 1
