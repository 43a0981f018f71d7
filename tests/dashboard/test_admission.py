"""Whom the page is shown to, and who may act: each way in that a foreign page has, refused."""

import pytest

from carbonmatch.dashboard.admission import Logins, refusal
from carbonmatch.limits import DASHBOARD_LOGIN_SECONDS, DASHBOARD_LOGINS_MAX

HOST = {"Host": "127.0.0.1:7490"}
POST = {**HOST, "Origin": "http://127.0.0.1:7490", "Content-Type": "application/json"}
SECRET = "s" * 32


@pytest.mark.parametrize("host", ["127.0.0.1:7490", "localhost:7490", "[::1]:7490", "localhost"])
def test_loopback_by_any_of_its_names_is_answered(host: str) -> None:
    assert refusal("GET", "/", {"Host": host}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7490", "127.0.0.1.evil.example:80", "", "::1"]
)
def test_a_page_whose_name_was_turned_to_loopback_is_refused(host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/events"), ("POST", "/act")):
        assert "Host is" in str(refusal(method, path, {**POST, "Host": host}))


def test_the_name_of_a_proxy_is_answered_where_it_was_given() -> None:
    names = frozenset({"venue.example"})
    headers = {**POST, "Host": "venue.example", "Origin": "https://venue.example"}
    assert refusal("POST", "/act", headers, names) is None
    assert refusal("POST", "/act", headers) is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:8000", "http://localhost:7490", "null", ""]
)
def test_another_origin_is_refused_another_port_of_this_machine_as_well(origin: str) -> None:
    for method, path in (("POST", "/act"), ("POST", "/login"), ("GET", "/events")):
        assert "Origin is" in str(refusal(method, path, {**POST, "Origin": origin}))


def test_a_post_says_where_it_comes_from_and_is_json() -> None:
    assert refusal("POST", "/act", POST) is None
    assert refusal("POST", "/act", {**POST, "Content-Type": "application/json; charset=utf-8"}) is None
    assert "no Origin" in str(refusal("POST", "/act", {**HOST, "Content-Type": "application/json"}))
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert "Content-Type" in str(refusal("POST", "/act", {**POST, "Content-Type": kind}))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_stream_for_another_site_is_refused_before_it_counts(site: str) -> None:
    assert "Sec-Fetch-Site" in str(refusal("GET", "/events", {**HOST, "Sec-Fetch-Site": site}))
    assert "Sec-Fetch-Site" in str(refusal("GET", "/", {**HOST, "Sec-Fetch-Site": site}))


def test_a_link_of_another_site_may_lead_to_the_page_and_nowhere_else() -> None:
    headers = {**HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert refusal("GET", "/", headers) is None
    assert refusal("GET", "/sessions", headers) is not None


class Clock:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def test_the_secret_gives_a_token_that_is_good_for_a_while() -> None:
    clock = Clock()
    logins = Logins(SECRET, clock)
    token = logins.log_in(SECRET)
    assert token is not None
    assert len(token) >= 32
    assert logins.is_good(token)
    clock.now_ns = DASHBOARD_LOGIN_SECONDS * 1_000_000_000
    assert not logins.is_good(token)
    clock.now_ns = 0
    assert not logins.is_good(token), "what has ended does not begin again"


@pytest.mark.parametrize("secret", ["", "s", SECRET + "s", SECRET[:-1], "\ud800" * 32])
def test_anything_else_gives_none(secret: str) -> None:
    assert Logins(SECRET, Clock()).log_in(secret) is None


def test_a_token_is_good_for_nobody_who_logged_out_or_made_it_up() -> None:
    logins = Logins(SECRET, Clock())
    token = logins.log_in(SECRET)
    assert token is not None
    logins.log_out(token)
    logins.log_out("never there")
    assert not logins.is_good(token)
    assert not logins.is_good("")


def test_of_too_many_logins_the_oldest_ends() -> None:
    logins = Logins(SECRET, Clock())
    tokens = [str(logins.log_in(SECRET)) for _ in range(DASHBOARD_LOGINS_MAX + 1)]
    assert len(set(tokens)) == len(tokens)
    assert [logins.is_good(token) for token in tokens] == [False] + [True] * DASHBOARD_LOGINS_MAX
