"""The scripts of leases (`gateway.store.leases`), as the store runs them.

Of each subject there are three keys of one hash tag:

    state   the number of the last round that was granted and of the last that was told, when they
            began, when the next is due, the index, and the parts that it names
    lease   who reads, for so long
    wants   by poller: until when it wants something, and what

All times are the store's, in microseconds. A number is larger than any before, also where the store
has lost all: it is no smaller than the time. Index, parts and wants are sealed for the credential.
"""

from __future__ import annotations

from typing import Final

from gateway.store.script import Script

__all__ = ["CLAIM", "LEAVE", "LOOK", "NEWS", "PUT", "RENEW", "TELL"]

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""
# KEYS: state, lease, wants. ARGV: who asks, what it wants, how long that is kept (ms), and for a
# claim how old a good round is (-1 for any age), how long the lease is held (ms), and since when a
# good round began.
_STANDING: Final = (
    _NOW
    + """
redis.call('HSET', KEYS[3], ARGV[1], string.format('%016.0f', now + ARGV[3] * 1000) .. ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
local told = redis.call('HMGET', KEYS[1], 'number', 'began', 'told', 'told_began', 'due', 'index')
local holder = redis.call('GET', KEYS[2])
local under_way = holder and told[1] and told[1] ~= told[3]
"""
)
_LOOK: Final = """
local rest = math.max((tonumber(told[5]) or 0) - now, 0)
if holder then rest = math.max(redis.call('PTTL', KEYS[2]), 0) * 1000 end
return {0, tonumber(told[3]) or 0, tonumber(told[4]) or 0, now, told[6] or '', rest,
    under_way and now - told[2] or -1}
"""
LOOK: Final = Script(_STANDING + _LOOK)
CLAIM: Final = Script(
    _STANDING
    + """
local good = tonumber(ARGV[4])
local began = tonumber(told[2]) or 0
local is_old = not under_way and (good >= 0 and now - began > good or began < tonumber(ARGV[6]))
if not holder or holder == ARGV[1] or is_old then
  local number = string.format('%.0f', math.max((tonumber(told[1]) or 0) + 1, now))
  redis.call('HSET', KEYS[1], 'number', number, 'began', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5])
  local granted = {tonumber(number)}
  local wants = redis.call('HGETALL', KEYS[3])
  for at = 1, #wants, 2 do
    if tonumber(string.sub(wants[at + 1], 1, 16)) < now then
      redis.call('HDEL', KEYS[3], wants[at])
    elseif wants[at] ~= ARGV[1] then
      granted[#granted + 1] = string.sub(wants[at + 1], 17)
    end
  end
  return granted
end
"""
    + _LOOK
)
# KEYS: lease, state. ARGV: who holds it, for how long, and how long all is kept (ms).
RENEW: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")
# KEYS: state. ARGV: the round's number, a part's name, the part.
PUT: Final = Script("""
if redis.call('HGET', KEYS[1], 'number') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'part ' .. ARGV[2], ARGV[3])
return 1
""")
# KEYS: state, lease. ARGV: who tells, the round's number, its index, when the next is due and when
# that is late (ms from now), how long all is kept (ms), a channel, and the parts that are kept.
TELL: Final = Script(
    _NOW
    + """
local known = redis.call('HMGET', KEYS[1], 'number', 'began')
if known[1] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'told', ARGV[2], 'told_began', known[2], 'index', ARGV[3],
    'due', string.format('%.0f', now + ARGV[4] * 1000))
local kept = {}
for at = 8, #ARGV do kept['part ' .. ARGV[at]] = true end
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 5) == 'part ' and not kept[name] then
    redis.call('HDEL', KEYS[1], name)
  end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6] + ARGV[5])
redis.call('PUBLISH', ARGV[7], ARGV[1])
return 1
"""
)
# KEYS: lease, wants. ARGV: who leaves, a channel.
LEAVE: Final = Script("""
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[2], ARGV[1])
end
return 1
""")

# KEYS: the channel of news. ARGV: news. They are told with their time. It goes with its text: who
# tells claims right afterwards, and that must not overtake it.
NEWS: Final = (
    _NOW
    + """
return redis.call('PUBLISH', KEYS[1], string.format('%016.0f', now) .. ARGV[1])
"""
)
