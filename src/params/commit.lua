-- commit.lua - one atomic step: a model and the offsets it covers.
--
-- KEYS   1 state (hash)  2 model (string)  3 offsets (hash)  4 devices (hash)
-- ARGV   1 channel of the announcements
--        2 id, 3 base: ids of this commit and of the state it was applied to
--        4 writer  5 fence  6 version  7 time_ns  8 digest of the model
--        9 kind of the model  10 model
--       11 number of counters  12 of ranges  13 of devices
--       then counters as NAME, ADD; ranges as TOPIC/PARTITION, TO; devices as
--       DEVICE, PARTITION/BOOT/SEQ; and last the FROM of each range.
-- With the channel alone it only looks whether its user may do all it does.
--
-- A script is atomic but nothing is taken back when it fails half-way: all
-- that can be wrong is looked for before the first write.  Offsets and ids
-- are compared as text: a Lua number is exact only up to 2^53.

local STATE, MODEL, OFFSETS, DEVICES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CHANNEL = ARGV[1]

-- Commands in a script need the user's permission too, each at its own call.
local function permitted()
    local may = redis.acl_check_cmd -- Redis 7
    return not may
        or may('TYPE', STATE) and may('HMGET', STATE, 'f')
        and may('HGET', OFFSETS, 'f') and may('SET', MODEL, '')
        and may('HSET', OFFSETS, 'f', '') and may('HSET', DEVICES, 'f', '')
        and may('HSET', STATE, 'f', '') and may('HINCRBY', STATE, 'f', '0')
        and may('PUBLISH', CHANNEL, '')
end

if not permitted() then
    return redis.error_reply('NOPERM the commit script may not run all of ' ..
        'TYPE HGET HMGET SET HSET HINCRBY PUBLISH on the keys of this run')
end
if #ARGV == 1 then
    return redis.status_reply('OK')
end

local id, base, writer = ARGV[2], ARGV[3], ARGV[4]
local fence, version = ARGV[5], ARGV[6]

-- Bounds in ARGV of the three lists of pairs, and of the FROMs behind them.
local counters = {first = 14}
counters.last = counters.first + 2 * tonumber(ARGV[11]) - 1
local ranges = {first = counters.last + 1}
ranges.last = ranges.first + 2 * tonumber(ARGV[12]) - 1
local devices = {first = ranges.last + 1}
devices.last = devices.first + 2 * tonumber(ARGV[13]) - 1
local function from_of(i) -- of the range whose field is ARGV[i]
    return ARGV[devices.last + 1 + (i - ranges.first) / 2]
end

-- Errors: nothing of this happens unless somebody else writes our keys.
for i, want in ipairs({'hash', 'string', 'hash', 'hash'}) do
    local got = redis.call('TYPE', KEYS[i]).ok
    if got ~= 'none' and got ~= want then
        return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. got ..
            ' and not a ' .. want)
    end
end
-- 18 digits: a sum of two such numbers is no overflow for HINCRBY.
for i = counters.first, counters.last, 2 do
    local stored = redis.call('HGET', STATE, ARGV[i]) or '0'
    if not stored:match('^%d+$') or #stored > 18 then
        return redis.error_reply('WRONGTYPE field ' .. ARGV[i] .. ' of ' ..
            STATE .. ' is not a count')
    end
end
local stored = redis.call('HMGET', STATE, 'commit', 'fence', 'last:' .. writer)
local newest = stored[1] or ''
local oldest_fence = tonumber(stored[2] or '0')
if not oldest_fence then
    return redis.error_reply('WRONGTYPE field fence of ' .. STATE ..
        ' is not a number')
end
local seen = {}
for i = ranges.first, ranges.last, 2 do
    if seen[ARGV[i]] then
        return redis.error_reply('ERR range ' .. ARGV[i] .. ' is given twice')
    end
    seen[ARGV[i]] = true
end

-- Refusals.  DUP is first: whatever happened since, this call was done.
if stored[3] == id then
    return redis.status_reply('DUP')
end
local moves = false
for i = ranges.first, ranges.last, 2 do
    moves = moves or ARGV[i + 1] ~= from_of(i)
end
if not moves then
    return redis.status_reply('EMPTY')
end
if tonumber(fence) < oldest_fence then
    return redis.status_reply('FENCED')
end
for i = ranges.first, ranges.last, 2 do
    -- false, where the partition was never initialised, equals nothing
    if redis.call('HGET', OFFSETS, ARGV[i]) ~= from_of(i) then
        return redis.status_reply('OFFSET')
    end
end
if newest ~= base then
    return redis.status_reply('STALE')
end

-- Writes.  Pairs go in pieces, for unpack() is bounded by Lua's stack.
local function store_pairs(key, list)
    for i = list.first, list.last, 1000 do
        redis.call('HSET', key, unpack(ARGV, i, math.min(i + 999, list.last)))
    end
end

redis.call('SET', MODEL, ARGV[10])
store_pairs(OFFSETS, ranges)
store_pairs(DEVICES, devices)
redis.call('HSET', STATE, 'commit', id, 'version', version, 'fence', fence,
    'time_ns', ARGV[7], 'digest', ARGV[8], 'model', ARGV[9],
    'last:' .. writer, id)
for i = counters.first, counters.last, 2 do
    redis.call('HINCRBY', STATE, ARGV[i], ARGV[i + 1])
end
redis.call('PUBLISH', CHANNEL, id .. ' ' .. version)
return redis.status_reply('OK')
