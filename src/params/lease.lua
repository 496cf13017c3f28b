-- lease.lua - one sign of life of a pool: which partitions are its own.
--
-- KEYS   1 leases (text)
-- ARGV   1 member  2 incarnation  3 ranks  4 ttl_ms  5 partitions of the run
--        6 generation, as the call that joined was told; 0 before
--        then any of the words
--        join    the first call of this incarnation
--        settle  nothing of mine is under way: take what I have too many
--        alone   all partitions or none
--        leave   take everything, and forget me
--        only=LIST   instead of a share: of free partitions I take these, and
--                what I have beside them is too many
--        facts=TEXT  what others are to know of me, without blanks
-- Without arguments it only looks whether its user may do all it does.
-- Answers REPLACED, or OK, then the caller's share, how many partitions it has
-- beyond that, its generation, and the leases.
--
-- A line is MEMBER RANKS/EXPIRES_MS/JOINED/GENERATION/INCARNATION/PARTITIONS
-- with partitions as "0-3,7", and /FACTS where there are some (src/place has
-- the words of them and of what is wanted); that of "@" is the time of the newest call and
-- how many have joined: a generation is the number of the join.  Times are
-- this server's.  Leases spread the work and are no lock: what makes a commit
-- safe is its compare (commit.lua).  They are one text and are written by one
-- command, for the reason that commit.lua gives.

local LEASES = KEYS[1]
local NEWEST = '@'
local PARTITIONS_MAX = 1000000

local function permitted()
    local may = redis.acl_check_cmd -- Redis 7
    return not may
        or may('TYPE', LEASES) and may('TIME') and may('GET', LEASES)
        and may('SET', LEASES, '')
end

if not permitted() then
    return redis.error_reply('NOPERM the lease script may not run all of ' ..
        'TYPE TIME GET SET on the keys of this run')
end
if #ARGV == 0 then
    return redis.status_reply('OK')
end

local name, incarnation = ARGV[1], ARGV[2]
local ranks, ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local partitions, generation = tonumber(ARGV[5]), tonumber(ARGV[6])
local word, only, facts = {}, nil, ''
for i = 7, #ARGV do
    only = ARGV[i]:match('^only=(.*)$') or only
    facts = ARGV[i]:match('^facts=(.*)$') or facts
    word[ARGV[i]] = true
end

-- --- read; nothing is written before all of it is known to be ours ---

local kind = redis.call('TYPE', LEASES).ok
if kind ~= 'none' and kind ~= 'string' then
    return redis.error_reply('WRONGTYPE ' .. LEASES .. ' is a ' .. kind ..
        ' and not a string')
end

-- "0-3,7" as a list of numbers, or nil.
local function list_of(text)
    local list = {}
    for piece in text:gmatch('[^,]+') do
        local low, high = piece:match('^(%d+)%-(%d+)$')
        low = tonumber(low or piece:match('^%d+$'))
        high = tonumber(high) or low
        if not low or high < low or high >= PARTITIONS_MAX then
            return nil
        end
        for k = low, high do
            list[#list + 1] = k
        end
    end
    return list
end

local function member_of(field, value)
    local r, e, j, g, i, p, f =
        value:match('^(%d+)/(%d+)/(%d+)/(%d+)/(%x+)/([%d,-]*)(.*)$')
    local list = p and list_of(p)
    if not list or #r > 7 or #e > 15 or #j > 15 or #g > 15
        or not f:match('^$') and not f:match('^/%S*$') then
        return nil
    end
    return {name = field, ranks = tonumber(r), expires = tonumber(e),
        joined = tonumber(j), generation = tonumber(g), incarnation = i,
        list = list, facts = f}
end

local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local members, newest, joins = {}, nil, 0
for line in (redis.call('GET', LEASES) or ''):gmatch('[^\n]+') do
    local field, value = line:match('^(%S+) (%S+)$')
    local m
    if field == NEWEST then
        newest, joins = value:match('^(%d+)/(%d+)$')
        newest, joins = tonumber(newest), tonumber(joins)
        m = joins
    elseif field then
        m = member_of(field, value)
        members[#members + 1] = m
    end
    if not m then
        return redis.error_reply('WRONGTYPE line ' .. line .. ' of ' ..
            LEASES .. ' is no lease')
    end
end
table.sort(members, function(a, b)
    if a.joined ~= b.joined then
        return a.joined < b.joined
    end
    return a.name < b.name
end)

-- --- who lives ---

-- Nobody called for a while: this server was away, and not all of them.  And a
-- clock that was put back keeps the dead no longer than any other.
local function limit(m)
    if newest and now - newest > ttl / 2 then
        m.expires = math.max(m.expires, now + math.floor(ttl / 2))
    elseif newest and newest - now > ttl / 2 then
        m.expires = now + ttl
    end
end

local living, mine, last = {}, nil, 0
for _, m in ipairs(members) do
    last = math.max(last, m.joined)
    limit(m)
    if m.name == name then
        mine = m -- late, and nobody took anything: it goes on
    end
    if m.name == name or m.expires > now then
        living[#living + 1] = m
    end
end

-- Of two under one name the one that joined last goes on.  An older one than
-- the caller is here again where this server came back as it was before.
local known = mine and mine.incarnation == incarnation
if word.join and not known then
    generation = joins + 1
elseif known then
    generation = mine.generation
elseif mine and mine.generation >= generation then
    return {'REPLACED', 0, 0, 0, ''}
end
joins = math.max(joins, generation)

-- --- who holds what: of two that say so the one that joined first ---

local owner = {}
for _, m in ipairs(living) do
    local list = {}
    for _, k in ipairs(m.list) do
        if k < partitions and not owner[k] then
            owner[k] = m
            list[#list + 1] = k
        end
    end
    m.list = list
end

local function remove(m)
    for _, k in ipairs(m.list) do
        owner[k] = nil
    end
    for i, l in ipairs(living) do
        if l == m then
            table.remove(living, i)
            return
        end
    end
end

local all = mine and #mine.list == partitions
local others = #living - (mine and 1 or 0)
local out = word.leave or word.alone and others > 0 and not all
if out and mine then
    remove(mine)
elseif not out then
    if not mine then
        mine = {name = name, joined = last + 1, list = {}}
        living[#living + 1] = mine
    end
    mine.ranks = ranks
    mine.expires = now + ttl
    mine.generation = generation
    mine.incarnation = incarnation
    mine.facts = facts ~= '' and '/' .. facts or ''
end

-- --- shares by ranks: largest remainders, the earlier of equals ---

local function set_shares()
    local total, left, order = 0, partitions, {}
    for _, m in ipairs(living) do
        total = total + m.ranks
    end
    for i, m in ipairs(living) do
        local exact = partitions * m.ranks
        m.share = math.floor(exact / total)
        m.rest = exact % total
        m.at = i
        left = left - m.share
        order[i] = m
    end
    table.sort(order, function(a, b)
        if a.rest ~= b.rest then
            return a.rest > b.rest
        end
        return a.at < b.at
    end)
    for i = 1, left do
        order[i].share = order[i].share + 1
    end
end

-- What of [wanted] is free, up to [most].
local function take(wanted, most)
    for _, k in ipairs(wanted) do
        if #mine.list >= most then
            break
        end
        if k < partitions and not owner[k] then
            owner[k] = mine
            mine.list[#mine.list + 1] = k
        end
    end
    table.sort(mine.list)
end

local share, surplus = 0, 0

local function take_share()
    local all = {}
    set_shares()
    share = mine.share
    while word.settle and #mine.list > share do
        owner[table.remove(mine.list)] = nil
    end
    for k = 0, #mine.list < share and partitions - 1 or -1 do
        all[#all + 1] = k
    end
    take(all, share)
    surplus = math.max(#mine.list - share, 0)
end

local function take_only(wanted)
    local is, kept = {}, {}
    for _, k in ipairs(wanted) do
        is[k] = true
    end
    for _, k in ipairs(mine.list) do
        if is[k] or not word.settle then
            kept[#kept + 1] = k
        else
            owner[k] = nil
        end
        surplus = surplus + (is[k] and 0 or 1)
    end
    surplus = word.settle and 0 or surplus
    mine.list = kept
    share = #wanted
    take(wanted, partitions)
end

if not out and only then
    take_only(list_of(only) or {})
elseif not out then
    take_share()
end

-- --- write ---

local function text_of(list)
    local out, i = {}, 1
    while i <= #list do
        local first = i
        while list[i + 1] == list[i] + 1 do
            i = i + 1
        end
        out[#out + 1] = first == i and list[i]
            or list[first] .. '-' .. list[i]
        i = i + 1
    end
    return table.concat(out, ',')
end

local lines = {string.format('%s %.0f/%.0f', NEWEST, now, joins)}
for _, m in ipairs(living) do
    lines[#lines + 1] = string.format('%s %d/%.0f/%.0f/%.0f/%s/%s%s',
        m.name, m.ranks, m.expires, m.joined, m.generation, m.incarnation,
        text_of(m.list), m.facts)
end
local text = table.concat(lines, '\n') .. '\n'
redis.call('SET', LEASES, text)
return {'OK', share, surplus, generation, text}
