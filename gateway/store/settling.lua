-- Settle what a replica says of one limiter with all others (gateway/upstream/calls/shared_pace.py).
--
-- KEYS[1]  the account: limit, guessed, told, window, fresh, reset, next, until, refused, known,
--          clean, span, and "r:" .. replica = "holds wants said"; times in seconds by this clock
-- KEYS[2]  the owner's limiters, an entry for each route that one is known to count: "g" (general)
--          or "e", the route, the limiter's name
-- ARGV     what `arguments_of` (gateway/store/allowances.py) makes
-- gives    what `given_of` reads

local PLENTY, KEPT_BACK, MUCH, CLEAN_WINDOWS = 0.1, 0.5, 0.5, 2
local LAPSE_S, LOTS, TOGETHER_S, LASTS_S, MAX_NAMES = 5, 50, 0.02, 120, 256

local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local me, name, kind, routes = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local a = {}
for i = 5, #ARGV do a[i - 4] = tonumber(ARGV[i]) end
local holds, turns, useful_s, wants, until_s, patient = a[1], a[2], a[3], a[4], a[5], a[6] == 1
local untold, believed, believes_guessed = a[7], a[8], a[9] == 1
local told_limit, remaining, window, slack_s, told_reset_s = a[10], a[11], a[12], a[13], a[14]
local has_refusal, refused_limit, served, wait_s, is_said, span = a[15] == 1, a[16], a[17], a[18], a[19] == 1, a[20]

-- what is known of it, and of the other replicas
local it, gone = {}, {}
local held, others, awaited = holds, 0, false
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local field, value = stored[i], stored[i + 1]
  if field:sub(1, 2) == 'r:' then
    local its_holds, its_wants, said = value:match('^(%S+) (%S+) (%S+)$')
    if now - tonumber(said) > LAPSE_S then
      gone[#gone + 1] = field
    elseif field:sub(3) == me then
      awaited = awaited or tonumber(its_wants) > 0
    else
      held = held + tonumber(its_holds)
      others = others + tonumber(its_wants)
    end
  else
    it[field] = tonumber(value)
  end
end
awaited = awaited or others > 0
local function known(field, default)
  if it[field] == nil then it[field] = default end
end
for _, field in ipairs({ 'limit', 'guessed', 'told', 'fresh', 'reset', 'next', 'until', 'refused', 'known', 'clean' }) do
  known(field, 0)
end
known('window', -1)
known('span', 60)

if it.limit == 0 and believes_guessed and believed > 0 then
  it.limit, it.guessed, it.told, it.reset, it.next = believed, 1, believed, now + it.span, now
end

-- a new window, by the clock
if it.limit > 0 and now >= it.reset then
  if it.guessed == 1 then
    it.clean = it.told - held < 1 and it.clean + 1 or 0
    if it.clean > CLEAN_WINDOWS then it.limit = it.limit + math.max(math.floor(it.limit / 10), 1) end
  end
  it.told, it.reset, it.next = it.limit, now + it.span, now
  it.fresh, it.refused, it.known = 1, 0, 0
end

-- what the upstream told
local is_news = false
if told_limit > 0 then
  local is_first = it.limit == 0
  it.limit, it.guessed = told_limit, 0
  if it.refused == 0 and not (window >= 0 and told_reset_s <= 0) then
    if is_first or window > it.window + slack_s then
      it.told, it.reset = remaining, now + told_reset_s
      it.next = is_first and now or math.min(it.next, now)
      it.window, it.known, it.fresh = window, 0, 0
    elseif window < 0 or (it.fresh == 0 and window >= it.window - slack_s) then
      it.told, it.fresh = math.min(it.told, remaining), 0
    end
    if it.known == 0 and (is_first or it.told <= MUCH * it.limit) then
      it.known, is_news = 1, true
    end
  end
end
if it.guessed == 1 and it.refused == 1 then
  it.limit = it.limit + untold
else
  it.told = it.told - untold
end

-- a 429
if has_refusal then
  local is_first = it.limit == 0 or (it.refused == 0 and it.told - held >= 1)
  if refused_limit > 0 then
    it.limit, it.guessed = refused_limit, 0
  elseif it.limit == 0 then
    it.limit, it.guessed = served > 0 and served or 1, 1
  elseif it.guessed == 1 and not is_first then
    it.limit = it.limit + served
  elseif it.guessed == 1 then
    local seen = math.floor(it.limit - it.told)
    it.limit = seen > 0 and seen or math.max(math.floor(it.limit / 2), 1)
  end
  is_news = is_news or it.refused == 0
  if is_said or is_first then it.reset, it.span = now + wait_s, span end
  it.told, it.refused, it.clean, it.window, it.fresh, it.next = 0, 1, 0, -1, 0, it.reset
end

-- turns
local given, after_s = 0, 0
if it.limit == 0 then
  given = turns
else
  local reserve, left = PLENTY * it.limit, it.told - held
  -- there was none left; calls under way were counted twice, or turns given back
  if left >= 1 and it.next >= it.reset then it.next = now end
  local usable = (patient and left <= KEPT_BACK * reserve) and 0 or left
  local due = math.max(now, it.next)
  if turns > 0 and usable >= 1 and due - now <= useful_s then
    local last = it.reset
    if others > 0 or wants > 1 then
      it['until'] = math.max(it['until'] > now and it['until'] or 0, now + until_s)
      last = math.max(math.min(last, it['until']), due)
    end
    local gap_s = math.max(last - due, 0) / left
    given = 1
    if left - reserve >= 1 and not awaited and it.next <= now then
      local above = math.floor(left - reserve)
      local lot = wants > turns and 0 or math.max(math.floor((above - turns) / LOTS), 0)
      given = math.min(turns + lot, above)
      gap_s = gap_s / given
    elseif gap_s < TOGETHER_S then
      local together = gap_s > 0 and math.floor(TOGETHER_S / gap_s) or turns
      given = math.max(math.floor(math.min(together, turns, usable)), 1)
    end
    after_s = due - now
    left = left - given
    if left > reserve and wants <= given and others == 0 then
      it.next = due
    elseif left < 1 then
      it.next = it.reset
    else
      it.next = due + given * gap_s
    end
  end
end

-- keep it
local kept = { 'r:' .. me, string.format('%d %d %.6f', holds + given, math.max(wants - given, 0), now) }
for field, value in pairs(it) do
  kept[#kept + 1] = field
  kept[#kept + 1] = string.format('%.6f', value)
end
-- this one may have been silent for long itself
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
redis.call('HSET', KEYS[1], unpack(kept))
local lasts_s = math.ceil(math.max(it.reset - now, 0)) + LASTS_S
redis.call('EXPIRE', KEYS[1], lasts_s)
if redis.call('SCARD', KEYS[2]) < MAX_NAMES then
  for route in routes:gmatch('%S+') do
    redis.call('SADD', KEYS[2], kind .. ' ' .. route .. ' ' .. name)
  end
end
redis.call('EXPIRE', KEYS[2], lasts_s)

local function exact(number) return string.format('%.6f', number) end
return {
  given, exact(after_s), exact(math.max(it.next - now, 0)), exact(math.max(it.reset - now, 0)),
  it.limit, exact(it.told - held - given), exact(it.told), others, it.guessed, is_news and 1 or 0,
}
