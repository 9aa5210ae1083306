-- An exact pacer: at most LIMIT turns in any WINDOW, the most useful class first, within a class
-- in order of arrival. GetNextCACert and the rest may not fill it: they need a window with fewer
-- turns in it. Who has waited PATIENCE goes without.
local LIMIT, WINDOW, PATIENCE = 79, @number:60@, @number:20@
local CLASSES = 5
local MAY_FILL = {LIMIT, LIMIT, LIMIT, 47, 31}

local turns, taken = {}, 0        -- times of the last LIMIT turns, as a ring; how many ever
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

-- Whether fewer than `limit` turns lie within the window.
local function has_room(limit, t)
	local last = turns[(taken - limit) % LIMIT]
	return taken < limit or t - last >= WINDOW * 1.002
end

local function take(ticket)
	local t = now()
	for class = 1, CLASSES do
		local queue = waiting[class]
		if clean(queue) and has_room(MAY_FILL[class], t) then
			if queue[queue.first] ~= ticket then return false end
			turns[taken % LIMIT] = t
			taken = taken + 1
			return true
		end
	end
	return false
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
