#!/usr/bin/env python3
"""Intercept at a full CA: requests are held, get their turns in order of class, then of age, and lose nothing by
a daemon that dies."""

from intercept_case import InterceptCase
from streams import Crowd, Got, dial, get, post, read_all, reset
from support import SCALE, Background, learn, main, now, wait_for

CAPS = get("GetCACaps")
FULL = {"connections": 1000, "window": 60, "block": 15, "max_connections": 4}
# The guard's own: one is left to others.
SLOTS = 3
# Here 6 s: longer than the tests look.
LONG_HOLD = {"intercept": {"hold": "60s"},
             "timeouts": {"idle": "300s", "life": "600s"}}
SOURCE = "10.64.%d.%d"


class Held:
    """A client whose request is out: its socket, and when it asked."""

    def __init__(self, lab, request, source=None, address=None, pieces=None):
        self.request, self.begun = request, now()
        self.sock = dial(lab.clients, address or lab.ca4, source, timeout=40, TCP_NODELAY=1)
        self.name = self.sock.getsockname()[:2]
        for at in range(0, len(request), pieces or len(request)):
            self.sock.sendall(request[at:at + (pieces or len(request))])
        self.got = Got()
        self.got.client = self.name

    def read(self):
        """The whole answer, or the error; closed."""
        with self.sock:
            read_all(self.sock, self.got)
        self.got.seconds = now() - self.begun
        return self.got


class HoldCase(InterceptCase):

    def full(self, scale=10, limits=None, **service):
        """A CA all of whose connections are taken by clients that wait at gates 0, 1, 2."""
        lab = self.place()
        server = self.server(lab)
        guard = self.intercept(lab, scale=scale, limits=limits or FULL,
                               service=service or LONG_HOLD)
        self.take_all(lab, server)
        return lab, server, guard

    def take_all(self, lab, server):
        """By clients that wait at gates 0, 1, 2."""
        self.takers = [Held(lab, get("GetCACert", gate=n), SOURCE % (9, n + 1))
                       for n in range(SLOTS)]
        wait_for(lambda: len(server.requests()) == SLOTS, 5, "every slot taken")

    def free(self, server, number):
        """One taker is answered and goes; when."""
        server.open(str(number))
        taker = self.takers[number]
        self.assert_served(server, taker.read(), taker.request)
        return now()

    def waiting(self, guard, count):
        """Until so many are held."""
        guard.wait(lambda s: sum(c["requests"] for c in s["services"][0]["intercept"][
            "waiting"].values()) == count, f"{count} held")

    def order(self, server):
        """Who was asked for after the takers, in order."""
        return [seen.client for _, seen, _ in server.requests()][SLOTS:]

    def let_all_go(self, server):
        """The takers left."""
        for n in range(SLOTS):
            server.open(str(n))
        for taker in self.takers:
            if taker.sock.fileno() >= 0:
                reset(taker.sock)


class Turns(HoldCase):

    def test_at_once(self):
        """A slot that is free is given within the blink of an eye, not at the client's next resend."""
        self.at_once(*self.full())

    def test_at_once_offload(self):
        """The same with clients whose device has to finish checksums."""
        lab, server, guard = self.full()
        self.offload(lab, True)
        self.at_once(lab, server, guard)

    def at_once(self, lab, server, guard):
        for number, address in enumerate((lab.ca4, lab.ca6)):
            held = Held(lab, post(3000), address=address)
            self.waiting(guard, 1)
            # Its resends come after 0.2, 0.6, 1.4 and 3 s.
            wait_for(lambda held=held: now() > held.begun + 1.6, 5, "1.6 s", 0.05)
            self.assertIsNone(server.seen_of(held.name))
            freed = self.free(server, number)
            self.assert_served(server, held.read(), held.request)
            self.assertLess(server.seen_of(held.name).opened - freed, 0.8)
            self.takers.append(Held(lab, get("GetCACert", gate="more")))
            wait_for(lambda: server.seen_of(self.takers[-1].name), 3, "slot taken again")
        self.assertEqual(guard.service()["counters"]["turns"], 2)
        self.let_all_go(server)
        guard.stop()

    def test_order_of_classes(self):
        """In progress, enrolment, bootstrap, rollover, other; in each, who came first."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab, limits=FULL, service=LONG_HOLD)
        began = SOURCE % (8, 9)
        self.assert_served(server, self.ask(lab, lab.ca4, get("GetCACert"), source=began),
                           get("GetCACert"))
        server.connections.clear()
        self.take_all(lab, server)
        slow = {"wait": 0.1}
        asked = [(SOURCE % (8, 1), b"GET /index.html?wait=0.1 HTTP/1.0\r\n\r\n"),
                 (SOURCE % (8, 2), get("GetNextCACert", **slow)),
                 (SOURCE % (8, 3), get("GetCACaps", **slow)),
                 (SOURCE % (8, 4), get("GetCACert", **slow)),
                 (SOURCE % (8, 5), post(300, **slow)), (SOURCE % (8, 6), post(300, **slow)),
                 (began, get("GetCACert", **slow))]
        held = []
        for count, (source, request) in enumerate(asked, 1):
            held.append(Held(lab, request, source))
            self.waiting(guard, count)
        self.free(server, 0)
        # A slot is free again when the client has closed, too: read in the order of turns.
        expected = [held[n].name for n in (6, 4, 5, 2, 3, 1, 0)]
        for n in (6, 4, 5, 2, 3, 1, 0):
            self.assert_served(server, held[n].read(), held[n].request)
        self.assertEqual(self.order(server), expected)
        self.let_all_go(server)
        guard.stop()

    def test_class_known_later(self):
        """The first segment does not say what is asked, the resend does: it stands where it belongs."""
        lab, server, guard = self.full()
        older = Held(lab, get("GetCACaps", wait=0.1), SOURCE % (8, 11))
        self.waiting(guard, 1)
        cut = Held(lab, post(300, wait=0.1), SOURCE % (8, 12), pieces=8)
        guard.wait(lambda s: s["services"][0]["intercept"]["waiting"]["enrolment"]["requests"] == 1,
                   "held as enrolment", 3)
        self.free(server, 0)
        self.assert_served(server, cut.read(), cut.request)
        self.assert_served(server, older.read(), older.request)
        self.assertEqual(self.order(server), [cut.name, older.name])
        self.let_all_go(server)
        guard.stop()

    def test_learned_while_held(self):
        """Many ask one question while it is with the CA: its refusal answers them all, and takes no place for
        any of them from others."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab, limits=FULL, service=LONG_HOLD)
        request = get("GetNextCACert", wait=1)
        crowd = [Held(lab, request, SOURCE % (4, n)) for n in range(1, 16)]
        for client in crowd:
            got = client.read()
            self.assertEqual((got.error, b" 404 " in got.answer), (None, True), got)
        self.assertLessEqual(len(server.requests()), SLOTS)
        self.waiting(guard, 0)
        self.assert_idle(guard)
        honest = Held(lab, CAPS, SOURCE % (4, 99))
        self.assert_served(server, honest.read(), CAPS)
        self.assertLess(honest.got.seconds, 1)
        guard.stop()

    def test_age_outlives_the_connection(self):
        """Who gave up and asks anew stands where it stood."""
        lab, server, guard = self.full()
        first = Held(lab, CAPS, SOURCE % (7, 1))
        self.waiting(guard, 1)
        reset(first.sock)
        self.waiting(guard, 0)
        second = Held(lab, CAPS, SOURCE % (7, 2))
        self.waiting(guard, 1)
        again = Held(lab, CAPS, SOURCE % (7, 1))
        self.waiting(guard, 2)
        self.free(server, 0)
        self.assert_served(server, again.read(), CAPS)
        self.assert_served(server, second.read(), CAPS)
        self.assertEqual(self.order(server), [again.name, second.name])
        self.let_all_go(server)
        guard.stop()

    def test_gone_while_held(self):
        """A client that resets is forgotten; one that closes its half only is not."""
        lab, server, guard = self.full()
        gone, half = Held(lab, CAPS, SOURCE % (7, 3)), Held(lab, CAPS, SOURCE % (7, 4))
        self.waiting(guard, 2)
        half.sock.shutdown(1)
        reset(gone.sock)
        self.waiting(guard, 1)
        wire = self.tap(lab.ca, "ca0")
        self.free(server, 0)
        self.assert_served(server, half.read(), CAPS)
        guard.fresh()
        self.assertEqual(wire.of(gone.name), [])
        self.assertIsNone(server.seen_of(gone.name))
        self.let_all_go(server)
        guard.stop()

    def test_one_source_waits_with_what_it_may_have(self):
        """It may have two connections, so two of its requests are held; others stand behind those only."""
        lab = self.place()
        server = self.server(lab)
        guard = self.intercept(lab, limits=FULL, service=LONG_HOLD, sources={
            "default": {"rate": "60000/min", "burst": 1000, "connections": 2}})
        self.take_all(lab, server)
        greedy = [Held(lab, get("GetCACaps", wait=0.1), SOURCE % (7, 5)) for _ in range(6)]
        self.waiting(guard, 2)
        honest = Held(lab, get("GetCACaps", wait=0.1), SOURCE % (7, 6))
        self.waiting(guard, 3)
        self.assertGreater(guard.service()["counters"]["held_full"], 0)
        readers = [Background(lambda _, client=client: client.read()) for client in greedy]
        for reader in readers:
            reader.start()
        self.free(server, 0)
        self.assert_served(server, honest.read(), honest.request)
        self.assertIn(honest.name, self.order(server)[:3])
        self.let_all_go(server)
        for reader in readers:
            reader.__exit__()
        guard.stop()


class Deadline(HoldCase):

    def busy(self, held, least, most):
        """503 with Retry-After, neither early nor late."""
        got = held.read()
        self.assertIsNone(got.error, got)
        head, _, body = got.answer.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0].split()[1], b"503", got)
        fields = dict(line.lower().split(b": ") for line in lines[1:])
        self.assertTrue(1 <= int(fields[b"retry-after"]) <= 3600, fields)
        self.assertEqual((fields[b"content-length"], body), (b"0", b""))
        self.assertTrue(least <= got.seconds <= most, f"after {got.seconds:.2f} s")

    def test_one_second(self):
        """`hold` is over before a slot is free: told so within it, for either family and several segments."""
        lab, server, guard = self.full(scale=1, intercept={"hold": "1s"})
        for address in (lab.ca4, lab.ca6):
            for request in (CAPS, post(3000), post(300)):
                held = Held(lab, request, SOURCE % (6, 1) if address == lab.ca4 else None, address)
                self.busy(held, 0.9, 2)
                self.assertIsNone(server.seen_of(held.name))
        counters = guard.service()["counters"]
        self.assertEqual((counters["held_expired"], counters["edge_busy"]), (6, 6))
        self.assertEqual(len(server.requests()), SLOTS)
        wait_for(lambda: not self.unfinished(lab), 3, "every client's connection at its end")
        self.let_all_go(server)
        guard.stop()

    def unfinished(self, lab):
        """Clients' sockets that still have something to send, or wait for the peer's ACK of it."""
        text = lab.clients.run(["ss", "-tanH", "state", "fin-wait-1", "state", "closing", "state",
                                "last-ack"]).stdout
        return text.splitlines()

    def test_fifteen_seconds(self):
        """A slot is free after 13 s: the first is served, the second told to come back after 15 s, in real time."""
        lab, server, guard = self.full(scale=1, intercept={"hold": "15s"})
        one = Held(lab, post(3000, wait=0.5), SOURCE % (6, 2))
        two = Held(lab, CAPS, SOURCE % (6, 3))
        self.waiting(guard, 2)
        two_done = []
        with Background(lambda _: two_done.append(self.busy(two, 14.5, 17))):
            wait_for(lambda: now() > one.begun + 13, 20, "13 s", 0.1)
            self.assertEqual(len(server.requests()), SLOTS)
            with Background(lambda _: one.read()):
                self.free(server, 0)
                wait_for(lambda: server.seen_of(one.name), 1, "served by turn")
                self.takers.append(Held(lab, post(300, gate=1), SOURCE % (6, 4)))
            self.assert_served(server, one.got, one.request)
            self.assertLess(one.got.seconds, 14)
        self.assertEqual(len(two_done), 1)
        self.let_all_go(server)
        guard.stop()

    def test_age_outlives_503(self):
        """Who was told to come back is served before who came meanwhile."""
        lab, server, guard = self.full(scale=1, intercept={"hold": "2s"})
        early = Held(lab, CAPS, SOURCE % (6, 5))
        self.busy(early, 1.8, 3)
        late = Held(lab, CAPS, SOURCE % (6, 6))
        self.waiting(guard, 1)
        again = Held(lab, CAPS, SOURCE % (6, 5))
        self.waiting(guard, 2)
        self.free(server, 0)
        self.assert_served(server, again.read(), CAPS)
        self.assert_served(server, late.read(), CAPS)
        self.assertEqual(self.order(server), [again.name, late.name])
        self.let_all_go(server)
        guard.stop()


class WithoutDaemon(HoldCase):

    def test_killed(self):
        """Held requests go on by their clients' own resends; nobody is reset."""
        lab, server, guard = self.full()
        held = [Held(lab, request, SOURCE % (5, n)) for n, request in
                enumerate((CAPS, post(3000), get("GetCACert", size=5000)), 1)]
        self.waiting(guard, 3)
        guard.kill()
        for n in range(SLOTS):
            self.free(server, n)
        for client in held:
            self.assert_served(server, client.read(), client.request)
            self.assertLess(client.got.seconds, 10)
        guard.start()
        self.assert_idle(guard)
        guard.stop()

    def test_restarted(self):
        """Another daemon finds those who wait, and gives them their turns at once."""
        lab, server, guard = self.full()
        held = Held(lab, post(3000), SOURCE % (5, 4))
        self.waiting(guard, 1)
        guard.kill()
        guard.start()
        self.waiting(guard, 1)
        after = now() - held.begun
        # Not at one of its own resends (0.2, 0.6, 1.4, 3, 6.2, 12.6 s after it asked).
        gap = next(t for t in (1.6, 3.2, 6.4) if t > after)
        wait_for(lambda: now() > held.begun + gap, 8, "between two resends", 0.05)
        freed = self.free(server, 0)
        self.assert_served(server, held.read(), held.request)
        self.assertLess(server.seen_of(held.name).opened - freed, 0.8)
        self.let_all_go(server)
        guard.stop()


class Window(InterceptCase):
    alone = True  # it measures

    def test_window_is_used_up(self):
        """A CA that takes 10 in 2 s, and 17 who ask at once: the guard's own 7 a window, every window, and the
        CA's own log says that its limits held."""
        window_s, count, own = 2, 17, 7
        limits = {"connections": 10, "window": window_s * SCALE, "block": 15, "max_connections": 16}
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab, limits, count="syn", service_ms=5)
        learn(lab)
        guard = self.intercept(lab, limits=limits, service=LONG_HOLD)
        # A new guard takes a third of the window for used.
        guard.wait(lambda s: s["services"][0]["mirror"]["window"]["used"] == 0, "empty window")
        jobs = [(lab.ca6 if n % 2 else lab.ca4, CAPS, None) for n in range(count)]
        results = Crowd(lab.clients, jobs, 20).run()
        self.assertEqual([got for got in results if b" 200 " not in got.answer[:20]], [])
        guard.stop()
        summary = ca.stop()
        self.assertLess(summary["worst_window"]["syn"], limits["connections"])
        self.assertEqual((summary["deaf_s"], summary["queue_full"]), (0, 0))
        times = sorted(event["t"] for event in ca.events("syn")
                       if event["client"].startswith((lab.client4, lab.client6)))
        self.assertEqual(len(times), count)
        # The whole of one window's at once, the next as soon as it is over.
        windows = (count - 1) // own
        self.assertLess(times[-1] - times[0], windows * window_s * 1.03)
        self.assertGreaterEqual(times[-1] - times[0], windows * window_s)


if __name__ == "__main__":
    main()
