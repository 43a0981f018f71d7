"""What `carbonmatch fanout` is started with, of an engine of the tests."""

from pathlib import Path

from tests.end_to_end import market
from tests.end_to_end.running import Addresses


def fanout_arguments(engine: Addresses, directory: Path) -> list[str]:
    """Behind `carbonmatch fanout`; its key and its configuration are written to `directory`."""
    config, key = directory / "market.toml", directory / "feed.key"
    config.write_text(market.text())
    key.write_text(market.private_key("feed").hex())
    key.chmod(0o600)
    arguments = ["--config", str(config), "--port", str(engine.market_data[1])]
    arguments += ["--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"]
    return [*arguments, "--key-id", "feed", "--key-file", str(key), "--session", "feed"]
