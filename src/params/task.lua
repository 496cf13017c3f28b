-- task.lua - slices of tasks: who does the next one, that it is still theirs,
-- and what came of it.
--
-- KEYS   1 tasks  2 slices  3 claims (hashes)
-- ARGV   1 word  2 task, then
--        claim  3 worker  4 ttl, ms  5 how often one may be begun
--        renew  3 worker  4 ttl, ms  5 slice
--        leave  3 worker  4 -  5 slice: not done, and not begun either
--        put    3 slice  4 kind: d (done), f (failed)  5 value
--               6 bytes that all values of a task may have  7 value instead
--
-- It writes once (commit.lua says why).  A claim is EXPIRES_MS TRIES WORKER by
-- the server's clock; field TASK has the first slice that nobody had yet.  A
-- worker is MEMBER/WORLD/RANK: where another world of a member is up, the one
-- before is dead.

local word, task = ARGV[1], ARGV[2]

local function of(slice)
    return string.format('%s/%d', task, slice)
end

local function now_ms()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function claim_text(tries, worker)
    return string.format('%d %d %s', now_ms() + ARGV[4], tries, worker)
end

-- The first slice whose worker was silent, how often it was begun, and whether
-- others are at work.
local function find_lost()
    local all, now = redis.call('HGETALL', KEYS[3]), now_ms()
    local member, world = string.match(ARGV[3], '^(.*)/(%x+)/%d+$')
    local lost, tries, busy
    for k = 1, #all, 2 do
        local slice
        if string.sub(all[k], 1, #task + 1) == task .. '/' then
            slice = tonumber(string.sub(all[k], #task + 2))
        end
        if slice and redis.call('HEXISTS', KEYS[2], all[k]) == 0 then
            local expires, n, worker =
                string.match(all[k + 1], '^(%d+) (%d+) (.*)$')
            local m, w = string.match(worker, '^(.*)/(%x+)/%d+$')
            if tonumber(expires) > now and not (m == member and w ~= world)
            then
                busy = true
            elseif not lost or slice < lost then
                lost, tries = slice, tonumber(n)
            end
        end
    end
    return lost, tries, busy
end

local function claim()
    if redis.call('HEXISTS', KEYS[1], task) == 0 or
        redis.call('HEXISTS', KEYS[1], task .. '/state') == 1 then
        return {'over', 0}
    end
    local lost, tries, busy = find_lost()
    local last = tonumber(redis.call('HGET', KEYS[1], task .. '/end'))
    if lost and last and lost >= last then
        lost = nil
    end
    if lost and tries >= tonumber(ARGV[5]) then
        return {'dead', lost}
    end
    if lost then
        redis.call('HSET', KEYS[3], of(lost), claim_text(tries + 1, ARGV[3]))
        return {'do', lost}
    end
    local next = tonumber(redis.call('HGET', KEYS[3], task) or 0)
    if last and next >= last then
        return {busy and 'wait' or 'over', 0}
    end
    redis.call('HSET', KEYS[3], task, string.format('%d', next + 1),
        of(next), claim_text(1, ARGV[3]))
    return {'do', next}
end

local function renew()
    local field = of(ARGV[5])
    local tries, worker = string.match(
        redis.call('HGET', KEYS[3], field) or '', '^%d+ (%d+) (.*)$')
    if worker ~= ARGV[3] or
        redis.call('HEXISTS', KEYS[1], task .. '/state') == 1 then
        return {'lost', 0}
    end
    redis.call('HSET', KEYS[3], field, claim_text(tries, worker))
    return {'do', 0}
end

local function leave()
    local field = of(ARGV[5])
    local tries, worker = string.match(
        redis.call('HGET', KEYS[3], field) or '', '^%d+ (%d+) (.*)$')
    if worker == ARGV[3] then
        redis.call('HSET', KEYS[3], field,
            string.format('0 %d %s', tries - 1, worker))
    end
    return {'do', 0}
end

local function put()
    local field, kind, value = of(ARGV[3]), ARGV[4], ARGV[5]
    if redis.call('HEXISTS', KEYS[2], field) == 1 then
        return {'over', 0}
    end
    local bytes = tonumber(redis.call('HGET', KEYS[2], task .. '/bytes') or 0)
    if kind == 'd' and bytes + #value > tonumber(ARGV[6]) then
        kind, value = 'f', ARGV[7]
    end
    local count = task .. (kind == 'd' and '/done' or '/failed')
    local n = tonumber(redis.call('HGET', KEYS[2], count) or 0)
    redis.call('HSET', KEYS[2], field, kind .. value, count,
        string.format('%d', n + 1), task .. '/bytes',
        string.format('%d', bytes + #value))
    return {kind == 'd' and 'do' or 'dead', 0}
end

return ({claim = claim, renew = renew, leave = leave, put = put})[word]()
