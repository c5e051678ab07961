-- Live sessions, newest first: `count` of them behind a time, and whichever are as old as the last of those.
-- Answers name, record, status, name, …
local prefix, newest, count = unpack(ARGV)

local function members()
  local most, answer = tonumber(count), {}
  if newest ~= '+inf' then most = most + redis.call('ZCOUNT', live, newest, newest) end
  local found = redis.call('ZRANGE', live, newest, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, most, 'WITHSCORES')
  local last = found[#found]
  if not last then return answer end
  for place = 1, #found, 2 do
    if found[place + 1] ~= last then answer[#answer + 1] = found[place] end
  end
  for _, member in ipairs(redis.call('ZRANGE', live, last, last, 'BYSCORE')) do answer[#answer + 1] = member end
  return answer
end

local answer, whole
repeat
  answer, whole = {}, true
  for _, member in ipairs(members()) do
    local kept = redis.call('HMGET', prefix .. member, 'record', 'status')
    if kept[1] then
      for _, each in ipairs({member, kept[1], kept[2]}) do answer[#answer + 1] = each end
    else
      free(member) -- its record has expired; another one may take its place on the page
      whole = false
    end
  end
until whole
return answer
