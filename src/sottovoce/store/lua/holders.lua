-- Of every live session: its name, owner, fence, and when it has to be over. What has no record any more is let go of.
local prefix, answer = ARGV[1], {}
for _, member in ipairs(redis.call('ZRANGE', live, 0, -1)) do
  local held = redis.call('HMGET', prefix .. member, 'owner', 'fence', 'expires')
  if held[1] then
    for _, each in ipairs({member, held[1], held[2], held[3]}) do answer[#answer + 1] = each end
  else
    free(member)
  end
end
return answer
