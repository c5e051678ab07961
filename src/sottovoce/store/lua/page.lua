-- Live sessions, newest first: `count` of them behind a time, and whichever are as old as the last of those.
-- Answers name, record, status, name, …
local prefix, newest, count = unpack(ARGV)
local most, answer = tonumber(count), {}
if newest ~= '+inf' then most = most + redis.call('ZCOUNT', live, newest, newest) end
local found = redis.call('ZRANGE', live, newest, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, most, 'WITHSCORES')
local members, last = {}, nil
for place = 1, #found, 2 do
  if found[place + 1] ~= found[#found] then members[#members + 1] = found[place] end
  last = found[place + 1]
end
if last then
  for _, member in ipairs(redis.call('ZRANGE', live, last, last, 'BYSCORE')) do members[#members + 1] = member end
end
for _, member in ipairs(members) do
  local kept = redis.call('HMGET', prefix .. member, 'record', 'status')
  if kept[1] then
    for _, each in ipairs({member, kept[1], kept[2]}) do answer[#answer + 1] = each end
  end
end
return answer
