-- Every session of which a record is left: name, record, status, name, …
local prefix, now, answer = ARGV[1], ARGV[2], {}
redis.call('ZREMRANGEBYSCORE', ended, '-inf', now)
for _, set in ipairs({live, ended}) do
  for _, member in ipairs(redis.call('ZRANGE', set, 0, -1)) do
    local kept = redis.call('HMGET', prefix .. member, 'record', 'status')
    if kept[1] then
      for _, each in ipairs({member, kept[1], kept[2]}) do answer[#answer + 1] = each end
    end
  end
end
return answer
