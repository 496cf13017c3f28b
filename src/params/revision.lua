-- revision.lua - the next revision of the stages of a run, if nobody was first.
--
-- KEYS   1 stages (hash)
-- ARGV   1 number of the revision it changes  2 its own  3 its text
--
-- It writes once (commit.lua says why): number and text are one command.

local now = redis.call('HGET', KEYS[1], 'now') or '0'

-- A resend: whatever came since, this call was done.
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] then
    return redis.status_reply('OK')
end
if now ~= ARGV[1] then
    return redis.status_reply('BEHIND')
end
redis.call('HSET', KEYS[1], 'now', ARGV[2], ARGV[2], ARGV[3])
return redis.status_reply('OK')
