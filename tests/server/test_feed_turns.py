"""Requests of the feed are answered in turn, and the venue does something else in between."""

from carbonmatch.limits import FEED_REQUESTS_PAUSE, FEED_REQUESTS_TURN_NS
from carbonmatch.server.clocks import Clocks
from carbonmatch.server.feed_turns import FeedTurns
from tests.server.turns import Turns


class World:
    def __init__(self) -> None:
        self.now_ns = 0
        self.answered: list[str] = []
        self.loop = Turns()
        self.turns = FeedTurns(Clocks(self.monotonic_ns, self.monotonic_ns), self.loop)

    def monotonic_ns(self) -> int:
        return self.now_ns

    def ask(self, name: str, *costs_ns: int) -> None:
        self.turns.add(Asker(self, name, list(costs_ns)))

    def advance(self, ns: int) -> None:
        self.now_ns += ns
        self.loop.advance(ns / 1e9)


class Asker:
    def __init__(self, world: World, name: str, costs_ns: list[int]) -> None:
        self.world, self.name, self.costs_ns = world, name, costs_ns

    def take_turn(self) -> bool:
        self.world.now_ns += self.costs_ns.pop(0)
        self.world.answered.append(self.name)
        return bool(self.costs_ns)


def test_each_gets_one_answer_in_turn() -> None:
    world = World()
    world.ask("flooder", 1, 1, 1, 1)
    world.ask("honest", 1, 1)
    assert world.answered == [], "never inside of the call that asks"
    world.advance(0)
    assert world.answered == ["flooder", "honest", "flooder", "honest", "flooder", "flooder"]


def test_a_turn_ends_and_the_next_one_comes_when_others_had_so_many_times_as_long() -> None:
    world = World()
    half = FEED_REQUESTS_TURN_NS // 2
    world.ask("flooder", half, half, half, half)
    world.advance(0)
    assert world.answered == ["flooder"] * 2
    pause = FEED_REQUESTS_PAUSE * FEED_REQUESTS_TURN_NS
    world.ask("honest", 1)
    world.advance(pause - 1_000)
    assert len(world.answered) == 2
    world.advance(1_000)
    assert world.answered[2:] == ["flooder", "honest", "flooder"]


def test_one_who_asks_again_and_again_does_not_get_more() -> None:
    """Each time there is nothing left to do: what was taken counts all the same."""
    world = World()
    asked = 0
    while world.now_ns < 100 * FEED_REQUESTS_TURN_NS:
        if asked == len(world.answered):
            asked += 1
            world.ask("flooder", FEED_REQUESTS_TURN_NS // 4)
        world.advance(FEED_REQUESTS_TURN_NS // 16)
    share = asked * (FEED_REQUESTS_TURN_NS // 4) / world.now_ns
    assert share <= 1.05 / (1 + FEED_REQUESTS_PAUSE)


def test_after_a_stop_nothing_is_answered() -> None:
    world = World()
    world.ask("late", 1)
    world.turns.stop()
    world.advance(1_000_000_000)
    assert world.answered == []
