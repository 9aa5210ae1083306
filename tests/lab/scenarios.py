"""What the lab plays: limits of the CA, what the fleet does, what happens in mid-run.

Times and rates are the field's.  A scenario is a dict of
    fleet    options of build/lab/fleet
    ca       options of build/lab/ios_ca that are no limits
    shadow   share of the run after which the shadow certificate appears
    acts     [(share of the run, "kill" | "restart")] done to the guard (or proxy)
    minutes  length, where 20 will not do
    brief    length in `make check`, where 10 will not do
"""

IOS = {"connections": 80, "window": 60, "block": 15, "max_connections": 16}
SERVICE_MS = 100  # from whole request to first byte of the answer
HEADROOM = 2  # the guard's default: its own cap is connections - 1 - headroom in any window
CAP = IOS["connections"] - 1 - HEADROOM
ROLLOVER_CAP = int(CAP * (1 - 0.4))  # the guard's default reserve.rollover
ANSWER_TTL_S = 60  # the guard's default intercept.answer_ttl
CANARIES = 2  # in a window, in all questions together; charged as enrolment
MINUTES, BRIEF_MINUTES = 20, 10

ENROL = {"enrol_rate": 6}
# 1.5 times what the CA takes (80 connections a minute, 3 an enrolment), for ten minutes.
RUSH = {"enrol_rate": 1.5 * IOS["connections"] / 3, "enrol_within": 600}
SLOW = {"slow_sources": 750, "slow_rate": 100}
FLOOD = {"synflood_pps": 2000}
NAMES = {"names": 3000}


def _storm(times, sources=3000):
    """GetNextCACert, so many times what the CA takes."""
    return {"storm_rate": times * IOS["connections"], "storm_sources": sources}


SCENARIOS = {
    "calm": {"fleet": {**ENROL, "storm_rate": 10, "storm_sources": 200}},
    "storm1": {"fleet": {**ENROL, **_storm(1)}},
    "storm5": {"fleet": {**ENROL, **_storm(5)}},
    "storm20": {"fleet": {**ENROL, **_storm(20)}},
    "names1": {"fleet": {**ENROL, **_storm(1), **NAMES}},
    "names5": {"fleet": {**ENROL, **_storm(5), **NAMES}},
    "names20": {"fleet": {**ENROL, **_storm(20), **NAMES}},
    "1000ask1": {"fleet": {**ENROL, **_storm(1, sources=1000)}},
    "6000ask20": {"fleet": {**ENROL, **_storm(20, sources=6000)}},
    "synflood": {"fleet": {**ENROL, **FLOOD}},
    "floodstorm": {"fleet": {**ENROL, **_storm(5), **FLOOD}},
    "burst": {"fleet": {"rush": 60}, "brief": 5},
    "rush": {"fleet": RUSH, "brief": 20},
    "rushstorm": {"fleet": {**RUSH, **_storm(5)}, "brief": 20},
    # The HTTP server stands still, the CA's kernel goes on taking SYNs; a CA that counts accepts
    # then counts them all at once.
    "pause": {"fleet": RUSH, "brief": 20,
              "ca": {"pause_at": 300, "pause_for": 5, "count": "accept"}},
    # The whole box stands still: SYNs too are all answered, and counted, at once afterwards.
    "boxpause": {"fleet": RUSH, "brief": 20,
                 "ca": {"pause_at": 300, "pause_for": 5, "pause_box": True}},
    "flip": {"fleet": {**ENROL, **_storm(5)}, "shadow": 0.5},
    # Few enough that all of them can be served in time.
    "flipall": {"fleet": {**ENROL, **_storm(5, sources=500)}, "shadow": 0.4, "brief": 20},
    "mass": {"fleet": {"rush": 1000, "patience": 36000}, "minutes": 45, "brief": 45},
    "restart": {"fleet": {**ENROL, **_storm(5)}, "acts": [(0.4, "kill"), (0.6, "restart")]},
    # Half a GetNextCACert; half a PKIOperation, too (which asks for more, and gets more).
    "slow": {"fleet": {**ENROL, **_storm(5), **SLOW, "slow_kinds": 2}},
    "slowpki": {"fleet": {**ENROL, **_storm(5), **SLOW}, "brief": 20},
}

# SYNs whose sources do not exist: police promises nothing there.
SPOOFED = ("synflood", "floodstorm")
# What `make check` plays with and without police, which the number of sources matters to.
POLICE = ("calm", "1000ask1", "storm5", "6000ask20", "burst", "synflood", "flip")
INTERCEPT = tuple(name for name in SCENARIOS if name not in ("1000ask1", "6000ask20"))


def minutes_of(options):
    """The run's length: what the user says, else what the scenario needs."""
    return options.minutes or length(options.scenario)


def length(name, brief=False):
    """Field minutes that this scenario needs; brief: for `make check`."""
    scenario = SCENARIOS[name]
    return scenario.get("brief", BRIEF_MINUTES) if brief else scenario.get("minutes", MINUTES)


def ca_options(options):
    """The CA's command line: IOS's limits and timeouts, compressed."""
    scale = options.scale
    scenario = SCENARIOS[options.scenario]
    ca = {"connections": IOS["connections"], "max_connections": IOS["max_connections"],
          "window": IOS["window"] / scale, "block": IOS["block"] / scale,
          "half_open": 30 / scale, "fin_wait": 10 / scale, "idle": 180 / scale,
          "life": 180 / scale, "service_ms": SERVICE_MS / scale,
          "count": options.count, "reading": options.reading,
          "during_block": options.during_block, "after_block": options.after_block}
    own = dict(scenario.get("ca", {}))
    for time in ("pause_at", "pause_for"):
        if time in own:
            own[time] /= scale
    if "shadow" in scenario:
        ca["shadow_after"] = scenario["shadow"] * minutes_of(options) * 60 / scale
    return {**ca, **own}


def fleet_options(options):
    """The fleet's command line."""
    fleet = dict(SCENARIOS[options.scenario]["fleet"])
    if options.flood_pps and "synflood_pps" in fleet:
        fleet["synflood_pps"] = options.flood_pps
    return {**fleet, "minutes": minutes_of(options), "scale": options.scale,
            "seed": options.seed}
