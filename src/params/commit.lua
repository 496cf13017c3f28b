-- commit.lua - one commit: model, offsets, devices and counters, or nothing.
--
-- KEYS   1 state (text)  2 model (string)  3 first (hash)  4 fence (number)
-- ARGV   1 channel of the announcements, which the caller makes
--        2 id of the commit  3 id of the state it was applied to
--        4 writer  5 fence  6 version  7 time_ns  8 digest of the model
--        9 kind of the model  10 model
--       11 number of counters  12 of ranges  13 of devices
--       then counters as NAME, ADD; ranges as TOPIC/PARTITION, TO[/MARK];
--       devices as DEVICE, PARTITION/BOOT/SEQ; the FROM of each range; and
--       last the revision of the stages that made it.
-- With the channel alone it only looks whether its user may do all it does.
--
-- It writes once, by one MSET of absolute values.  A script that wrote twice
-- would stand between MULTI and EXEC in the append-only file, and a server
-- that was killed while it wrote them cuts the file behind the MULTI: what
-- comes after is then run, or lost, with a commit that never was.  PUBLISH
-- counts as a second command where there are replicas.
--
-- Offsets and ids are compared as text: a Lua number is exact only up to 2^53.

local STATE, MODEL, FIRST, FENCE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local LAYOUT = '2'
local PLACES_MAX = 16
local WRITERS_MAX = 64 -- the newest; a resend comes soon

-- Commands in a script need the user's permission too, each at its own call.
local function permitted()
    local may = redis.acl_check_cmd -- Redis 7
    return not may
        or may('TYPE', STATE) and may('GET', STATE) and may('GET', FENCE)
        and may('HGET', FIRST, 'f') and may('MSET', STATE, '', MODEL, '')
        and may('PUBLISH', ARGV[1], '')
end

if not permitted() then
    return redis.error_reply('NOPERM the commit script may not run all of ' ..
        'TYPE GET HGET MSET PUBLISH on the keys of this run')
end
if #ARGV == 1 then
    return redis.status_reply('OK')
end

local id, base, writer = ARGV[2], ARGV[3], ARGV[4]
local revision = ARGV[#ARGV]

-- Bounds in ARGV of the three lists of pairs, and of the FROMs behind them.
local counters = {first = 14}
counters.last = counters.first + 2 * tonumber(ARGV[11]) - 1
local ranges = {first = counters.last + 1}
ranges.last = ranges.first + 2 * tonumber(ARGV[12]) - 1
local devices = {first = ranges.last + 1}
devices.last = devices.first + 2 * tonumber(ARGV[13]) - 1
local function offset_of(value) -- without its mark
    return value and value:match('^%d+')
end
local function from_of(i) -- of the range whose field is ARGV[i]
    return ARGV[devices.last + 1 + (i - ranges.first) / 2]
end

-- --- what is stored; errors where it is not ours ---

for i, want in ipairs({'string', 'string', 'hash', 'string'}) do
    local got = redis.call('TYPE', KEYS[i]).ok
    if got ~= 'none' and got ~= want then
        return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. got ..
            ' and not a ' .. want)
    end
end

local text = redis.call('GET', STATE) or ''
local body, sum = text:match('^(.*\n)sum (%x+)\n$')
if text ~= '' and (not body or redis.sha1hex(body) ~= sum) then
    return redis.error_reply('WRONGTYPE ' .. STATE ..
        ' does not agree with its digest')
end

-- Lists of names in order, that also know the value of each name.
local kept = {offset = {}, device = {}, writer = {}}
local fact = {}
local function keep(list, name, value)
    if not list[name] then
        list[#list + 1] = name
    end
    list[name] = value
end
for word, value, name in (body or ''):gmatch('(%S+) (%S*) ?([^\n]*)\n') do
    if kept[word] then
        keep(kept[word], name, value)
    else
        fact[word] = value
    end
end
if text ~= '' and fact.layout ~= LAYOUT then
    return redis.error_reply('WRONGTYPE ' .. STATE .. ' has layout ' ..
        tostring(fact.layout) .. ' and not ' .. LAYOUT)
end
for i = counters.first, counters.last, 2 do
    local stored = fact[ARGV[i]] or '0'
    if not stored:match('^%d+$') or #stored > 18 then
        return redis.error_reply('WRONGTYPE field ' .. ARGV[i] .. ' of ' ..
            STATE .. ' is not a count')
    end
end
local fence = tonumber(redis.call('GET', FENCE) or '0')
if not fence then
    return redis.error_reply('WRONGTYPE ' .. FENCE .. ' is not a number')
end
local seen = {}
for i = ranges.first, ranges.last, 2 do
    if seen[ARGV[i]] then
        return redis.error_reply('ERR range ' .. ARGV[i] .. ' is given twice')
    end
    seen[ARGV[i]] = true
end

-- --- refusals; DUP is first: whatever happened since, this call was done ---

if kept.writer[writer] == id then
    return redis.status_reply('DUP')
end
local moves = false
for i = ranges.first, ranges.last, 2 do
    moves = moves or offset_of(ARGV[i + 1]) ~= from_of(i)
end
if not moves then
    return redis.status_reply('EMPTY')
end
if tonumber(ARGV[5]) ~= fence then
    return redis.status_reply('FENCED')
end
for i = ranges.first, ranges.last, 2 do
    -- false, where the partition was never initialised, equals nothing
    local stored = kept.offset[ARGV[i]] or redis.call('HGET', FIRST, ARGV[i])
    if offset_of(stored) ~= from_of(i) then
        return redis.status_reply('OFFSET')
    end
end
if tonumber(fact.revision or '0') > tonumber(revision) then
    return redis.status_reply('REVISED')
end
if (fact.commit or '') ~= base then
    return redis.status_reply('STALE')
end

-- --- the new state ---

for i = ranges.first, ranges.last, 2 do
    keep(kept.offset, ARGV[i], ARGV[i + 1])
end
for i = devices.first, devices.last, 2 do
    keep(kept.device, ARGV[i], ARGV[i + 1])
end
for i, name in ipairs(kept.writer) do
    if name == writer then
        table.remove(kept.writer, i)
        break
    end
end
kept.writer[writer] = nil
keep(kept.writer, writer, id)
while #kept.writer > WRITERS_MAX do
    table.remove(kept.writer, 1)
end

-- Two counts of at most 18 digits, exactly.
local function sum_of(a, b)
    local low = tonumber(a:sub(-9)) + tonumber(b:sub(-9))
    local high = (tonumber(a:sub(1, -10)) or 0) +
        (tonumber(b:sub(1, -10)) or 0) + math.floor(low / 1e9)
    if high == 0 then
        return string.format('%.0f', low)
    end
    return string.format('%.0f%09.0f', high, low % 1e9)
end

-- What every reader wants comes first (state.c reads the head alone).
local out = {'layout ' .. LAYOUT, 'commit ' .. id, 'version ' .. ARGV[6],
    'time_ns ' .. ARGV[7], 'digest ' .. ARGV[8], 'model ' .. ARGV[9]}
if revision ~= '0' then
    out[#out + 1] = 'revision ' .. revision
end
for i = counters.first, counters.last, 2 do
    local name = ARGV[i]
    fact[name] = sum_of(fact[name] or '0', ARGV[i + 1])
    if not name:match('^through') and name ~= 'forged' then
        out[#out + 1] = name .. ' ' .. fact[name]
    end
end
for k = 0, PLACES_MAX - 1 do -- also those that this commit adds nothing to
    local name = 'through.' .. k
    if fact[name] then
        out[#out + 1] = name .. ' ' .. fact[name]
    end
end
if fact.forged then
    out[#out + 1] = 'forged ' .. fact.forged
end
for _, word in ipairs({'offset', 'device', 'writer'}) do
    for _, name in ipairs(kept[word]) do
        out[#out + 1] = word .. ' ' .. kept[word][name] .. ' ' .. name
    end
end
out[#out + 1] = ''
text = table.concat(out, '\n')
redis.call('MSET', STATE, text .. 'sum ' .. redis.sha1hex(text) .. '\n',
    MODEL, ARGV[10])
return redis.status_reply('OK')
