"""Redis as a yardstick: what its benchmark prints is understood, and what it does is what is claimed."""

from pathlib import Path

import pytest

from bench.peers import redis

_HEAD = (
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms",'
    '"max_latency_ms"\n'
)
_SET = '"SET","635930.06","1.516","0.376","1.511","2.015","2.439","5.367"\n'


def test_the_figures_of_redis_benchmark_are_read() -> None:
    assert redis.parse(_HEAD + _SET) == (635_930.06, 1_511.0, 2_439.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 lines of SET"),
        (_HEAD, "0 lines of SET"),
        (_HEAD + _SET + _SET, "2 lines of SET"),
        # As it was before version 7.
        ('"SET","635930.06"\n', "0 lines of SET"),
        ('"test","rps"\n"SET","635930.06"\n', "p50_latency_ms"),
        (_HEAD + _SET.replace("1.511", "nothing"), "nothing"),
    ],
)
def test_other_text_is_refused_with_what_was_found(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        redis.parse(text)


def test_a_machine_without_redis_is_told_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "redis-server and no redis-benchmark" in redis.missing()
    assert "Debian: redis-server, redis-tools" in redis.missing()


@pytest.mark.skipif(bool(redis.missing()), reason=redis.missing())
def test_a_real_redis_keeps_what_it_answers(tmp_path: Path) -> None:
    with redis.redis_server(tmp_path) as running:
        run = redis.run_benchmark(
            running, redis.RedisLoad(requests=200, connections=2, pipeline=4, value_bytes=30)
        )
        assert redis.logged_bytes(tmp_path) > 200 * 30
    assert run.rate_per_second > 0
    assert 0 < run.p50_us <= run.p99_us
    assert not Path(f"/proc/{running.pid}").exists()


@pytest.mark.skipif(bool(redis.missing()), reason=redis.missing())
def test_a_redis_that_keeps_nothing_is_no_yardstick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = redis._server_command

    def without_log(directory: Path, port: int) -> list[str]:
        return ["no" if word == "yes" else word for word in command(directory, port)]

    monkeypatch.setattr(redis, "_server_command", without_log)
    with redis.redis_server(tmp_path) as running, pytest.raises(ValueError, match="does not keep"):
        redis.run_benchmark(running, redis.RedisLoad(requests=200, connections=2, pipeline=4, value_bytes=30))
