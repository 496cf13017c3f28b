-- stream.lua - records into the streams of a topic: all of a batch, or none.
--
-- KEYS   1 topic (hash)  2 ends (hash)
-- ARGV   1 what: make, low, append
--        make    2 id  3 partitions  4 max  5 retention; what is there stays
--        low     2... partitions; answers the first offset kept of each
--        append  2 writer  3 batch, then of each record: its partition, how
--                many words follow, and these: fields and values
-- Append answers "BATCH OFFSET...", also when it is asked a second time: a
-- writer has one batch under way, so the last answer is all that is kept.
-- Errors: UNKNOWN, there is no such topic; NOPARTITION N; TOOLARGE N BYTES MAX.
-- What it does is written to the log as one transaction: it is there as a whole
-- after a restart, or not at all (settle.c, for a log that is torn in it).

local TOPIC, ENDS = KEYS[1], KEYS[2]
local DAY_MS = '86400000'
local PARTS = 16 -- of the retention: so much longer is kept at most

if redis.replicate_commands then -- Redis 6
    redis.replicate_commands()
end

local function stream_of(partition)
    return TOPIC .. ':' .. partition
end

local function make()
    if redis.call('EXISTS', TOPIC) == 1 then
        return 0
    end
    redis.call('HSET', TOPIC, 'id', ARGV[2], 'partitions', ARGV[3], 'max',
        ARGV[4], 'retention', ARGV[5])
    return 1
end

local function low()
    local out = {}
    for i = 2, #ARGV do
        local first = redis.call('XRANGE', stream_of(ARGV[i]), '-', '+',
            'COUNT', 1)[1]
        local id = first and string.match(first[1], '^(%d+)-')
        out[#out + 1] = id and string.format('%d', tonumber(id) - 1)
            or redis.call('HGET', ENDS, ARGV[i]) or '0'
    end
    return out
end

-- An error, or nil where each record fits.
local function misfit(partitions, max)
    local i = 4
    while i < #ARGV do
        local partition, words = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
        local bytes = 0
        for k = i + 2, i + 1 + words do
            bytes = bytes + #ARGV[k]
        end
        if partition >= partitions then
            return 'NOPARTITION ' .. ARGV[i]
        elseif max > 0 and bytes > max then
            return string.format('TOOLARGE %s %d %d', ARGV[i], bytes, max)
        end
        i = i + 2 + words
    end
end

-- Marks stand in a list, "MS OFFSET" each: before OFFSET all was appended by MS.
local function trim(partition, offset, now, keep)
    local key = stream_of(partition) .. ':at'
    local newest = redis.call('LINDEX', key, -1)
    if not newest
        or tonumber(string.match(newest, '^%d+')) + keep / PARTS <= now then
        redis.call('RPUSH', key, string.format('%d %d', now, offset))
    end
    local oldest, cut = redis.call('LINDEX', key, 0), nil
    while oldest do
        local ms, before = string.match(oldest, '^(%d+) (%d+)$')
        if tonumber(ms) + keep > now then
            break
        end
        cut = before
        redis.call('LPOP', key)
        oldest = redis.call('LINDEX', key, 0)
    end
    if cut then
        redis.call('XTRIM', stream_of(partition), 'MINID',
            string.format('%d-0', tonumber(cut) + 1))
    end
end

local function append()
    local topic = redis.call('HMGET', TOPIC, 'id', 'partitions', 'max',
        'retention')
    if not topic[1] then
        return redis.error_reply('UNKNOWN there is no such topic')
    end
    local writer = TOPIC .. ':w:' .. topic[1] .. ':' .. ARGV[2]
    local last = redis.call('GET', writer)
    if last and string.match(last, '^%d+') == ARGV[3] then
        return last
    end
    local why = misfit(tonumber(topic[2]), tonumber(topic[3]))
    if why then
        return redis.error_reply(why)
    end

    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local stamp, keep = string.format('%d', now), tonumber(topic[4])
    local ends, answer, i = {}, {ARGV[3]}, 4
    while i < #ARGV do
        local partition, words = ARGV[i], tonumber(ARGV[i + 1])
        local at = ends[partition]
            or tonumber(redis.call('HGET', ENDS, partition) or '0')
        redis.call('XADD', stream_of(partition), string.format('%d-0', at + 1),
            't', stamp, unpack(ARGV, i + 2, i + 1 + words))
        answer[#answer + 1] = string.format('%d', at)
        ends[partition] = at + 1
        i = i + 2 + words
    end
    local words = {}
    for partition, at in pairs(ends) do
        words[#words + 1] = partition
        words[#words + 1] = string.format('%d', at)
        if keep > 0 then
            trim(partition, at, now, keep)
        end
    end
    redis.call('HSET', ENDS, unpack(words))
    answer = table.concat(answer, ' ')
    redis.call('SET', writer, answer, 'PX', DAY_MS)
    return answer
end

if ARGV[1] == 'make' then
    return make()
elseif ARGV[1] == 'low' then
    return low()
end
return append()
