"""deploy/compose.yaml: what Compose makes of it where it is there, and what must stand in it."""

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from typing import Any, Final

import pytest
import yaml

from tests.end_to_end.running import REPOSITORY

FILE: Final = REPOSITORY / "deploy" / "compose.yaml"
PROVISIONING: Final = REPOSITORY / "deploy" / "grafana" / "provisioning"
SERVICES: Final[dict[str, dict[str, Any]]] = yaml.safe_load(FILE.read_text())["services"]


def compose(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`docker-compose config` of a file beside the real one; it needs no engine."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("no docker-compose: the compose file is not validated (Debian package docker-compose)")
    return subprocess.run(
        [program, "--project-directory", str(FILE.parent), "--file", "-", "config", "--quiet"],
        input=text,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose_takes_the_file() -> None:
    done = compose(FILE.read_text(), GRAFANA_ADMIN_PASSWORD="secret")
    assert done.returncode == 0, done.stderr


def test_compose_wants_a_password_and_has_none_of_its_own() -> None:
    done = compose(FILE.read_text())
    assert done.returncode != 0
    assert "choose the password" in done.stderr


def test_a_typing_error_is_seen() -> None:
    done = compose(FILE.read_text().replace("command:", "comand:"), GRAFANA_ADMIN_PASSWORD="secret")
    assert done.returncode != 0
    assert "comand" in done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_write_to_its_volumes_only_and_gains_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_everything_listens_on_loopback() -> None:
    assert {service["network_mode"] for service in SERVICES.values()} == {"host"}
    assert not any("ports" in service for service in SERVICES.values())
    # The engine's demo market is on loopback by itself; the others have to be told.
    assert "127.0.0.1:7481" in SERVICES["follower"]["command"]
    assert "--web.listen-address=127.0.0.1:9090" in SERVICES["prometheus"]["command"]
    assert SERVICES["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_what_is_mounted_is_there() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service["volumes"]]
    from_here = [mount for mount in mounts if mount.startswith(".")]
    assert from_here
    for mount in from_here:
        assert (FILE.parent / mount).is_dir(), mount


def test_grafana_is_the_release_that_the_dashboard_is_written_for() -> None:
    # The SDK's version is a counter, "!" and the release.
    written_for = version("grafana-foundation-sdk").partition("!")[2]
    assert SERVICES["grafana"]["image"] == f"grafana/grafana:{written_for}"


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    listening = re.search(r"--web.listen-address=(\S+)", " ".join(SERVICES["prometheus"]["command"]))
    assert listening
    assert source["url"] == f"http://{listening[1]}"
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "carbonmatch.yml").read_text())["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_grafana_knows_how_often_prometheus_looks() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    prometheus = yaml.safe_load((FILE.parent / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
