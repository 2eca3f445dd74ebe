-- The book: bidding/clock.py and bidding/session.py once more, atomically: check, write, append to the log.
-- The same names, the same order, the same bytes; tests/differential holds the two against each other.
--
-- The loader puts before this text: the platform's tolerances (TOLERANCE_MS, LEDGER_MS, STEADY_MS,
-- RESUME_AFTER_MS, LAPSED_LEASE_IS_OUTAGE), the rules' limits (REFUSALS_REMEMBERED, REFUSALS_RECORDED,
-- RECENT_KEPT) and the time prelude `time_ms()`. No time comes in from outside.
--
-- KEYS  1 clock  2 leases  3 outages  4 due  5 log  6 private log
--       7 lot  8 answers  9 qualified  10 confirmed  11 recent  12 refused ids of the paddle
-- ARGV  1 command  2 run of the server  then the command's own
-- Reply {now, answer's line, '1' if a known bid id was answered again}

local command, run = ARGV[1], ARGV[2]

local function num(text) return tonumber(text or '0') or 0 end
-- Exact up to 2^53, which the rules' numbers stay below; `..` alone would write 14 digits.
local function int(number) return string.format('%d', number) end

-- ── the service clock ───────────────────────────────────────────────────────────────────────────────────────

local stored = redis.call('HMGET', KEYS[1], 'last', 'beat', 'steady_since', 'ledger', 'run', 'outage')
local clock = {
  last = num(stored[1]), beat = num(stored[2]), steady_since = num(stored[3]), ledger = num(stored[4]),
  run = stored[5] or '', outage = num(stored[6]),
}
local now

local function outage_of(number)
  local since, till, cause = string.match(redis.call('HGET', KEYS[3], int(number)), '^(%d+):(%d+):(%a+)$')
  return { since = num(since), till = num(till), cause = cause }
end

local function observe()
  local time = time_ms()
  local stepped_back = time < clock.last - TOLERANCE_MS
  now = (stepped_back or time > clock.last) and time or clock.last
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  local lapsed = oldest[1] and now - num(oldest[2]) > TOLERANCE_MS
  local cause
  if stepped_back then cause = 'clock' -- also during another outage: the log must say that its time goes back
  elseif clock.steady_since > 0 then
    if clock.run ~= '' and clock.run ~= run then cause = 'restart'
    elseif now - clock.beat > TOLERANCE_MS then cause = 'beat'
    elseif lapsed and LAPSED_LEASE_IS_OUTAGE then cause = 'lease'
    elseif now - clock.ledger > LEDGER_MS then cause = 'ledger'
    end
  end
  if stepped_back then redis.call('DEL', KEYS[2])
  elseif lapsed then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. int(now - TOLERANCE_MS)) end
  if cause then
    clock.outage, clock.steady_since = clock.outage + 1, 0
    redis.call('HSET', KEYS[3], int(clock.outage), int(clock.beat) .. ':0:' .. cause)
    redis.call('HSET', KEYS[1], 'last', int(now), 'run', run, 'steady_since', '0', 'outage', int(clock.outage))
  elseif clock.run ~= run then
    redis.call('HSET', KEYS[1], 'last', int(now), 'run', run)
  elseif stepped_back or (now ~= clock.last and (command ~= 'observe' or lapsed)) then
    -- Who only looks leaves no trace on the disk.
    redis.call('HSET', KEYS[1], 'last', int(now))
  end
end

local function beat(gateway)
  redis.call('ZADD', KEYS[2], int(now), gateway)
  local steady_since = clock.steady_since
  if steady_since == 0 and now - clock.ledger <= LEDGER_MS then
    steady_since = now
    if clock.outage > 0 then
      local last = outage_of(clock.outage)
      if last.till == 0 then
        redis.call('HSET', KEYS[3], int(clock.outage), int(last.since) .. ':' .. int(now) .. ':' .. last.cause)
      end
    end
  end
  redis.call('HSET', KEYS[1], 'beat', int(now), 'steady_since', int(steady_since))
end

local function recorded(up_to)
  if up_to == 0 or up_to > now then up_to = now end
  redis.call('HSET', KEYS[1], 'ledger', int(up_to))
end

observe()

local DONE = '{"kind":"done"}'
if command == 'observe' then
  local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  return { int(now), '{"beat":' .. int(clock.beat) .. ',"kind":"observed","next_due":' .. int(num(first[2]))
    .. ',"outage":' .. int(clock.outage) .. ',"steady_since":' .. int(clock.steady_since) .. '}', '0' }
end
if command == 'beat' then beat(ARGV[3]) return { int(now), DONE, '0' } end
if command == 'hand_back' then redis.call('ZREM', KEYS[2], ARGV[3]) return { int(now), DONE, '0' } end
if command == 'recorded' then recorded(num(ARGV[3])) return { int(now), DONE, '0' } end

-- ── the lot ─────────────────────────────────────────────────────────────────────────────────────────────────

local f = redis.call('HMGET', KEYS[7],
  'phase', 'deadline', 'epoch', 'seq', 'price', 'leader', 'leader_rank', 'bids', 'outage', 'suspended_from',
  'cause', 'resumes_at', 'outage_since', 'abort_requested_by', 'settled', 'privates', 'lot',
  'starting_price', 'increment', 'max_steps', 'inquiry_ms', 'window_ms', 'confirm', 'match', 'self_raise',
  'confirmations')
local s = {
  phase = f[1], deadline = num(f[2]), epoch = num(f[3]), seq = num(f[4]), price = num(f[5]), leader = f[6] or '',
  leader_rank = num(f[7]), bids = num(f[8]), outage = num(f[9]), suspended_from = f[10] or '', cause = f[11] or '',
  resumes_at = num(f[12]), outage_since = num(f[13]), abort_requested_by = f[14] or '', settled = f[15] == '1',
  privates = num(f[16]), confirmations = f[26] or '',
}
local terms = {
  lot = f[17], starting_price = num(f[18]), increment = num(f[19]), max_steps = num(f[20]),
  inquiry_ms = num(f[21]), window_ms = num(f[22]), confirm = f[23] == '1', match = f[24] == '1',
  self_raise = f[25] == '1',
}

local NUMBERS = { deadline = true, seq = true, price = true, leader_rank = true, bids = true, outage = true,
  resumes_at = true, outage_since = true, privates = true }
local writes = {}

local function set(name, value)
  s[name] = value
  writes[#writes + 1] = name
  if NUMBERS[name] then value = int(value) end
  writes[#writes + 1] = value
end

local function append(kind, at, line, bid_id)
  redis.call('XADD', KEYS[5], '*', 'lot', terms.lot, 'epoch', int(s.epoch), 'seq', int(s.seq), 'kind', kind,
    'at', int(at), 'line', line, 'id', bid_id or '')
  if redis.call('RPUSH', KEYS[11], line) > RECENT_KEPT then redis.call('LTRIM', KEYS[11], -RECENT_KEPT, -1) end
  return line
end

local function append_private(kind, at, line)
  redis.call('XADD', KEYS[6], '*', 'lot', terms.lot, 'epoch', int(s.epoch), 'number', int(s.privates),
    'kind', kind, 'at', int(at), 'line', line)
  return line
end

-- The head and the tail that entries share; between them stand each kind's own fields, all in sorted order.
local function tail() return ',"seq":' .. int(s.seq) end
local function kind_and_lot(kind) return '"epoch":' .. int(s.epoch) .. ',"kind":"' .. kind .. '","lot":"' .. terms.lot .. '"' end

local function due()
  if s.phase == 'closed' or s.phase == 'aborted' then return nil end
  if s.phase ~= 'suspended' then return s.deadline end
  if s.resumes_at > 0 then return s.resumes_at end
  if s.cause ~= 'outage' then return nil end
  return (clock.steady_since > 0 and clock.steady_since or now) + STEADY_MS
end

local function finish(answer, again)
  if #writes > 0 then redis.call('HSET', KEYS[7], unpack(writes)) end
  local at = terms.lot and due()
  if at then redis.call('ZADD', KEYS[4], int(at), terms.lot)
  elseif terms.lot then redis.call('ZREM', KEYS[4], terms.lot) end
  return { int(now), answer, again and '1' or '0' }
end

local function refuse(obstacle) return finish('{"kind":"refused","obstacle":"' .. obstacle .. '"}') end

-- ── time ────────────────────────────────────────────────────────────────────────────────────────────────────

local function period_end(began, period, recorded_at)
  local ends = began + period
  return ends > recorded_at and ends or recorded_at + period
end

local function open(at, recorded_at)
  local raw = redis.call('HMGET', KEYS[7], 'commitments', 'terms')
  set('phase', 'inquiry')
  set('deadline', period_end(at, terms.inquiry_ms, recorded_at))
  set('confirmations', string.match(raw[1], '"private":"(%x*)"'))
  set('seq', s.seq + 1)
  append('inquiry_opened', at, '{"at":' .. int(at) .. ',"commitments":' .. raw[1] .. ',"deadline":' .. int(s.deadline)
    .. ',' .. kind_and_lot('inquiry_opened') .. ',"recorded_at":' .. int(recorded_at) .. tail() .. ',"terms":' .. raw[2] .. '}')
end

local function close(ending, recorded_at)
  local at = s.deadline
  set('phase', 'closed')
  set('seq', s.seq + 1)
  append('closed', at, '{"at":' .. int(at) .. ',"bids":' .. int(s.bids) .. ',"ending":"' .. ending .. '",'
    .. '"epoch":' .. int(s.epoch) .. ',"kind":"closed","leader":"' .. s.leader .. '","lot":"' .. terms.lot
    .. '","price":' .. int(s.price) .. ',"recorded_at":' .. int(recorded_at) .. tail() .. '}')
end

local function end_inquiry(at, recorded_at)
  if terms.confirm and redis.call('SCARD', KEYS[10]) == 0 then return close('no_confirmation', recorded_at) end
  set('phase', 'timed_bidding')
  set('deadline', period_end(at, terms.window_ms, recorded_at))
  set('seq', s.seq + 1)
  append('timed_bidding_started', at, '{"at":' .. int(at) .. ',"confirmations":"' .. s.confirmations
    .. '","deadline":' .. int(s.deadline) .. ','
    .. kind_and_lot('timed_bidding_started') .. ',"recorded_at":' .. int(recorded_at) .. tail() .. '}')
end

local function resume_now(at, recorded_at)
  local to = s.suspended_from
  local deadline
  if to == 'scheduled' then deadline = math.max(s.deadline, at)
  elseif to == 'inquiry' then deadline = period_end(at, terms.inquiry_ms, recorded_at)
  else deadline = period_end(at, terms.window_ms, recorded_at) end
  set('phase', to)
  set('deadline', deadline)
  set('seq', s.seq + 1)
  set('suspended_from', '')
  set('cause', '')
  set('resumes_at', 0)
  set('outage_since', 0)
  append('resumed', at, '{"at":' .. int(at) .. ',"deadline":' .. int(deadline) .. ',' .. kind_and_lot('resumed')
    .. ',"phase":"' .. to .. '","recorded_at":' .. int(recorded_at) .. tail() .. '}')
end

local NEVER = 2 ^ 53

-- When what comes next begins: at its time, but never inside an outage that the lot already knows.
local function begins()
  if s.phase ~= 'suspended' then return math.max(s.deadline, clock.steady_since) end
  if s.resumes_at == 0 then return NEVER end
  return math.max(s.resumes_at, clock.steady_since + STEADY_MS)
end

local function elapse(at)
  local recorded_at = math.max(now, at)
  if s.phase == 'suspended' then resume_now(at, recorded_at)
  elseif s.phase == 'scheduled' then open(at, recorded_at)
  elseif s.phase == 'inquiry' then end_inquiry(at, recorded_at)
  else close('deadline', recorded_at) end
end

local function announce(resumes_at, till)
  set('resumes_at', resumes_at)
  set('abort_requested_by', '')
  set('seq', s.seq + 1)
  return append('resumption_announced', now, '{"at":' .. int(now) .. ',"cause":"' .. s.cause .. '",'
    .. kind_and_lot('resumption_announced') .. ',"resumes_at":' .. int(resumes_at) .. tail()
    .. ',"since":' .. int(s.outage_since) .. ',"until":' .. int(till) .. '}')
end

local function hold(cause, since)
  if s.phase ~= 'suspended' then
    set('suspended_from', s.phase)
    set('phase', 'suspended')
  end
  set('cause', cause)
  set('resumes_at', 0)
  set('outage_since', since)
  set('seq', s.seq + 1)
end

local function suspend(cause, reason, since, till, outage)
  hold(cause, cause == 'outage' and since or 0)
  return append('suspended', now, '{"at":' .. int(now) .. ',"cause":"' .. cause .. '",' .. kind_and_lot('suspended')
    .. ',"outage":"' .. outage .. '","reason":' .. reason .. tail() .. ',"since":' .. int(since)
    .. ',"until":' .. int(till) .. '}')
end

local function apply_outage(first)
  if s.phase == 'closed' then return end
  local last, why = outage_of(clock.outage), first.cause
  for number = s.outage + 1, clock.outage do
    if outage_of(number).cause == 'clock' then why = 'clock' end
  end
  local later = s.phase == 'scheduled' and s.deadline > (last.till > 0 and last.till or now)
  if later and why ~= 'clock' then
    if last.till > 0 then set('outage', clock.outage) end
    return
  end
  local waiting = s.phase == 'suspended' and s.resumes_at == 0
  set('outage', clock.outage)
  if waiting and why ~= 'clock' then return end
  suspend(waiting and s.cause or 'outage', '""', first.since, last.till, why)
end

local function announce_after_outage()
  if s.phase ~= 'suspended' or s.cause ~= 'outage' or s.resumes_at > 0 then return end
  if clock.steady_since == 0 or now - clock.steady_since < STEADY_MS then return end
  announce(now + RESUME_AFTER_MS, outage_of(clock.outage).till)
end

local function touch()
  if s.phase == 'closed' or s.phase == 'aborted' then return end
  if s.outage == clock.outage then
    local at = begins()
    if at <= (clock.steady_since > 0 and clock.beat or 0) then elapse(at) end
    announce_after_outage()
  else
    local first = outage_of(s.outage + 1)
    local at = s.resumes_at > 0 and s.resumes_at or s.deadline
    local waits = s.phase == 'suspended' and s.resumes_at == 0
    if not waits and at <= first.since then elapse(at) end
    apply_outage(first)
  end
end

-- ── bidding ─────────────────────────────────────────────────────────────────────────────────────────────────

local function place_bid(paddle, bid_id, price)
  local known = redis.call('HGET', KEYS[8], 'b:' .. paddle .. ':' .. bid_id)
  local known_price, known_line
  if known then
    known_price, known_line = string.match(known, '^(%d+) (.*)$')
    if num(known_price) == price then return finish(known_line, true) end
  end
  local lowest, highest
  if s.bids == 0 then
    lowest, highest = terms.starting_price, terms.starting_price + terms.max_steps * terms.increment
  else
    lowest, highest = s.price + terms.increment, s.price + terms.max_steps * terms.increment
  end
  local rank = redis.call('HGET', KEYS[9], paddle)
  local holder = num(rank)
  local priority = terms.match and s.bids > 0 and price == s.price and holder > 0
    and (s.leader_rank == 0 or holder < s.leader_rank)
  local reason
  if known then reason = 'id_reused'
  elseif s.phase == 'closed' or s.phase == 'aborted' or s.phase == 'scheduled' then reason = 'not_live'
  elseif s.phase == 'suspended' then reason = 'suspended'
  elseif s.phase ~= 'timed_bidding' then reason = 'not_timed_bidding'
  elseif now >= s.deadline then reason = 'late'
  elseif not rank then reason = 'not_qualified'
  elseif terms.confirm and redis.call('SISMEMBER', KEYS[10], paddle) == 0 then reason = 'not_confirmed'
  elseif paddle == s.leader and not terms.self_raise then reason = 'own_bid'
  elseif math.fmod(price - terms.starting_price, terms.increment) ~= 0 then reason = 'off_grid'
  elseif s.bids == 0 and price < lowest then reason = 'below_starting_price'
  elseif price < lowest and not priority then reason = 'below_minimum'
  elseif price > highest then reason = 'above_maximum'
  end

  if not reason then
    set('seq', s.seq + 1)
    set('price', price)
    set('leader', paddle)
    set('leader_rank', holder)
    set('bids', s.bids + 1)
    set('deadline', now + terms.window_ms)
    local line = '{"at":' .. int(now) .. ',"bids":' .. int(s.bids) .. ',"deadline":' .. int(s.deadline) .. ','
      .. kind_and_lot('bid_accepted') .. ',"paddle":"' .. paddle .. '","price":' .. int(price)
      .. ',"priority":' .. (priority and 'true' or 'false') .. tail() .. '}'
    redis.call('HSET', KEYS[8], 'b:' .. paddle .. ':' .. bid_id, int(price) .. ' ' .. line)
    return finish(append('bid_accepted', now, line, bid_id))
  end

  local count = num(redis.call('HGET', KEYS[8], 'n:' .. paddle))
  local number = 0
  if count < REFUSALS_RECORDED then
    number = s.privates + 1
    set('privates', number)
    redis.call('HINCRBY', KEYS[8], 'n:' .. paddle, 1)
  end
  local line = '{"at":' .. int(now) .. ',"current":' .. int(s.price) .. ',"epoch":' .. int(s.epoch)
    .. ',"highest":' .. int(highest) .. ',"kind":"bid_rejected","lot":"' .. terms.lot .. '","lowest":' .. int(lowest)
    .. ',"number":' .. int(number) .. ',"paddle":"' .. paddle .. '","price":' .. int(price)
    .. ',"reason":"' .. reason .. '"}'
  if number > 0 then append_private('bid_rejected', now, line) end
  if not known then
    redis.call('HSET', KEYS[8], 'b:' .. paddle .. ':' .. bid_id, int(price) .. ' ' .. line)
    redis.call('LPUSH', KEYS[12], bid_id)
    if redis.call('LLEN', KEYS[12]) > REFUSALS_REMEMBERED then
      redis.call('HDEL', KEYS[8], 'b:' .. paddle .. ':' .. redis.call('RPOP', KEYS[12]))
    end
  end
  return finish(line)
end

local function confirm(paddle, salt, before, after)
  if s.phase ~= 'inquiry' or not terms.confirm then return refuse('not_inquiry') end
  if now >= s.deadline then return refuse('past_deadline') end
  if redis.call('HEXISTS', KEYS[9], paddle) == 0 then return refuse('not_qualified') end
  if redis.call('SISMEMBER', KEYS[10], paddle) == 1 then return finish(DONE) end
  if before ~= s.confirmations then return refuse('stale') end
  redis.call('SADD', KEYS[10], paddle)
  set('privates', s.privates + 1)
  set('confirmations', after)
  return finish(append_private('confirmed', now, '{"at":' .. int(now) .. ',"epoch":' .. int(s.epoch)
    .. ',"head":"' .. after .. '","kind":"confirmed","lot":"' .. terms.lot .. '","number":' .. int(s.privates)
    .. ',"paddle":"' .. paddle .. '","salt":"' .. salt .. '"}'))
end

if s.phase and command ~= 'schedule' then
  touch()
elseif command ~= 'schedule' then
  return { int(now), '{"kind":"refused","obstacle":"unknown_lot"}', '0' }
end

-- Before the administration's functions are made: the way of a bid is short.
if command == 'bid' then return place_bid(ARGV[3], ARGV[4], num(ARGV[5])) end
if command == 'touch' then return finish(DONE) end
if command == 'confirm' then return confirm(ARGV[3], ARGV[4], ARGV[5], ARGV[6]) end

-- ── administration ──────────────────────────────────────────────────────────────────────────────────────────

local function write_qualified(from)
  redis.call('DEL', KEYS[9])
  for i = from, #ARGV, 2 do redis.call('HSET', KEYS[9], ARGV[i], ARGV[i + 1]) end
end

-- opens_at, terms line, commitments line, lot, starting_price, increment, max_steps, inquiry_ms, window_ms,
-- confirm, match, self_raise, then paddle and rank in turn
local function schedule()
  if s.phase then return refuse('already_scheduled') end
  terms.lot, s.epoch = ARGV[6], 1
  redis.call('HSET', KEYS[7], 'lot', terms.lot, 'epoch', '1', 'terms', ARGV[4], 'commitments', ARGV[5],
    'starting_price', ARGV[7], 'increment', ARGV[8], 'max_steps', ARGV[9], 'inquiry_ms', ARGV[10],
    'window_ms', ARGV[11], 'confirm', ARGV[12], 'match', ARGV[13], 'self_raise', ARGV[14])
  write_qualified(15)
  set('phase', 'scheduled')
  set('deadline', num(ARGV[3]))
  set('outage', clock.outage)
  set('seq', 1)
  return finish(append('lot_scheduled', now, '{"at":' .. int(now) .. ',' .. kind_and_lot('lot_scheduled')
    .. ',"opens_at":' .. int(s.deadline) .. tail() .. ',"terms":' .. ARGV[4] .. '}'))
end

local function amend()
  local held = s.phase == 'suspended' and s.suspended_from == 'scheduled'
  if s.phase ~= 'scheduled' and not held then return refuse('already_opened') end
  set('commitments', ARGV[3])
  write_qualified(4)
  return finish(DONE)
end

local function unstoppable()
  if s.phase == 'closed' or s.phase == 'aborted' then return 'not_live' end
  if s.phase == 'timed_bidding' and now >= s.deadline then return 'past_deadline' end
end

local function suspend_by_administrator(reason)
  local obstacle = unstoppable() or (s.phase == 'scheduled' and 'not_live')
  if s.phase == 'suspended' and s.cause ~= 'outage' and s.resumes_at == 0 then obstacle = 'already_suspended' end
  if obstacle then return refuse(obstacle) end
  return finish(suspend('administrator', reason, 0, 0, ''))
end

local function resume(at, sparing)
  if s.phase ~= 'suspended' then return refuse('not_suspended') end
  local resumes_at = at == '' and now + RESUME_AFTER_MS or num(at)
  if resumes_at < now then return refuse('too_early') end
  if sparing and s.abort_requested_by ~= '' then return refuse('abort_already_requested') end
  return finish(announce(resumes_at, 0))
end

local function request_abort(by, reason)
  local obstacle = unstoppable() or (s.abort_requested_by ~= '' and 'abort_already_requested')
  if obstacle then return refuse(obstacle) end
  hold('abort_requested', 0)
  set('abort_requested_by', by)
  return finish(append('abort_requested', now, '{"at":' .. int(now) .. ',' .. kind_and_lot('abort_requested')
    .. ',"reason":' .. reason .. tail() .. '}'))
end

local function confirm_abort(by, reason)
  if s.abort_requested_by == '' or s.phase ~= 'suspended' then return refuse('no_abort_requested') end
  if by == s.abort_requested_by then return refuse('same_administrator') end
  set('phase', 'aborted')
  set('seq', s.seq + 1)
  return finish(append('aborted', now, '{"at":' .. int(now) .. ',' .. kind_and_lot('aborted')
    .. ',"reason":' .. reason .. tail() .. '}'))
end

local function notice(text)
  set('seq', s.seq + 1)
  return finish(append('notice', now, '{"at":' .. int(now) .. ',' .. kind_and_lot('notice') .. tail()
    .. ',"text":' .. text .. '}'))
end

local function settle(opening, sold)
  if s.phase ~= 'closed' then return refuse('not_closed') end
  if s.settled then return refuse('already_settled') end
  if sold and s.leader == '' then return redis.error_reply('a lot without a bid was sold') end
  set('settled', '1')
  set('sold', sold and '1' or '0')
  set('seq', s.seq + 1)
  return finish(append('result', now, '{"at":' .. int(now) .. ',' .. kind_and_lot('result')
    .. ',"opening":' .. opening .. ',"price":' .. int(sold and s.price or 0) .. tail()
    .. ',"sold":' .. (sold and 'true' or 'false') .. ',"winner":"' .. (sold and s.leader or '') .. '"}'))
end

if command == 'schedule' then return schedule() end
if command == 'amend' then return amend() end
if command == 'suspend' then return suspend_by_administrator(ARGV[3]) end
if command == 'resume' then return resume(ARGV[3], ARGV[4] == '1') end
if command == 'request_abort' then return request_abort(ARGV[3], ARGV[4]) end
if command == 'confirm_abort' then return confirm_abort(ARGV[3], ARGV[4]) end
if command == 'notice' then return notice(ARGV[3]) end
if command == 'settle' then return settle(ARGV[3], ARGV[4] == '1') end
return redis.error_reply('the book does not know this command')
