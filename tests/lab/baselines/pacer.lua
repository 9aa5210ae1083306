-- An exact pacer: at most LIMIT turns in any WINDOW, the most useful class first, within a class
-- in order of arrival. Who has waited PATIENCE goes without.
local LIMIT, WINDOW, PATIENCE = 79, @number:60@, @number:20@
local CLASSES = 5

local turns, oldest = {}, 0       -- times of the last LIMIT turns, as a ring
local waiting = {}                -- per class: tickets in order
for class = 1, CLASSES do waiting[class] = {first = 1, last = 0} end

local function now()
	local t = core.now()
	return t.sec + t.usec / 1e6
end

-- Takes tickets that were given up out of the front of a queue.
local function clean(queue)
	while queue.first <= queue.last and queue[queue.first].gone do
		queue[queue.first] = nil
		queue.first = queue.first + 1
	end
	return queue.first <= queue.last
end

local function is_next(ticket)
	for class = 1, CLASSES do
		local queue = waiting[class]
		if clean(queue) then return queue[queue.first] == ticket end
	end
	return false
end

local function take(ticket)
	local t = now()
	if turns[oldest] and t - turns[oldest] < WINDOW * 1.002 then return false end
	if not is_next(ticket) then return false end
	turns[oldest] = t
	oldest = (oldest + 1) % LIMIT
	return true
end

core.register_action("wait_for_turn", {"http-req"}, function(txn)
	local class = txn:get_var("txn.class") or CLASSES
	local queue, ticket = waiting[class], {}
	local deadline = now() + PATIENCE
	queue.last = queue.last + 1
	queue[queue.last] = ticket
	while not take(ticket) do
		if now() > deadline then
			ticket.gone = true
			txn:set_var("txn.turn", "no")
			return
		end
		core.msleep(@whole_ms:0.1@)
	end
	ticket.gone = true
	txn:set_var("txn.turn", "yes")
end)
