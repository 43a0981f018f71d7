"""What is wrong with certificates and keys is said before a venue starts, file by file."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from carbonmatch.client import client_context
from carbonmatch.config import ConfigError, load, tls_contexts
from carbonmatch.config.schema import LISTENERS
from carbonmatch.config.words import in_words
from tests.certificates import EXPIRES, Authority

VENUE = '[tls]\ncertificate = "venue.pem"\nkey = "venue.key"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.certify("venue")
    return made


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(written(directory, text))
    return [problem.replace(str(directory), "DIR") for problem in refused.value.problems]


def written(directory: Path, text: str) -> Path:
    file = directory / "market.toml"
    file.write_text(text)
    return file


def test_files_are_found_beside_the_configuration(authority: Authority, tmp_path: Path) -> None:
    config = load(written(tmp_path, VENUE + 'client_ca = "authority.pem"\n[tls.ops]\n'))
    assert set(tls_contexts(config)) == {"order_entry", "market_data", "drop_copy"}
    assert tls_contexts(config)["order_entry"].expires_ns == int(EXPIRES.timestamp()) * 10**9
    tls = f"TLS 1.3 with {tmp_path}/venue.pem, for clients certified by {tmp_path}/authority.pem"
    assert in_words(config)[2:6] == [
        f"  order_entry: {tls}",
        f"  market_data: {tls}",
        f"  drop_copy: {tls}",
        "  ops: not encrypted",
    ]


def test_with_a_certificate_a_listener_may_be_open(authority: Authority, tmp_path: Path) -> None:
    listen = '[listen]\norder_entry = "0.0.0.0:1"\nmarket_data = "0.0.0.0:2"\nops = "0.0.0.0:3"\n'
    assert load(written(tmp_path, listen + VENUE)).listen.ops == "0.0.0.0:3"
    (problem,) = problems(tmp_path, listen + VENUE + "[tls.ops]\n")
    assert problem.startswith("market.toml: listen.ops: 0.0.0.0:3 is not a loopback address")


def _remove(file: Path) -> None:
    file.unlink()


def _garble(file: Path) -> None:
    file.write_text("nothing that is PEM\n")


def _open(file: Path) -> None:
    file.chmod(0o644)


def _encrypt(file: Path) -> None:
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    protection = serialization.BestAvailableEncryption(b"secret")
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    )


@pytest.mark.parametrize(
    ("name", "spoil", "expected"),
    [
        ("venue.pem", _remove, "tls: DIR/venue.pem: No such file or directory"),
        ("venue.key", _remove, "tls: DIR/venue.key: No such file or directory"),
        ("authority.pem", _remove, "tls: DIR/authority.pem: No such file or directory"),
        ("venue.pem", _garble, "tls: DIR/venue.pem: expected certificates in PEM"),
        ("venue.key", _garble, "tls: DIR/venue.key: expected a private key in PEM, not encrypted"),
        ("authority.pem", _garble, "tls: DIR/authority.pem: expected certificates in PEM"),
        ("venue.key", _encrypt, "tls: DIR/venue.key: expected a private key in PEM, not encrypted"),
        ("venue.key", _open, "tls: key DIR/venue.key has mode 0644, expected 0600: others could read it"),
    ],
)
def test_a_bad_file_is_named(
    authority: Authority, tmp_path: Path, name: str, spoil: Callable[[Path], None], expected: str
) -> None:
    spoil(tmp_path / name)
    (problem,) = problems(tmp_path, VENUE + 'client_ca = "authority.pem"\n')
    assert problem.removeprefix("market.toml: ").startswith(expected), problem


def test_a_key_has_to_be_the_one_of_its_certificate(authority: Authority, tmp_path: Path) -> None:
    authority.certify("other")
    text = '[tls]\ncertificate = "venue.pem"\nkey = "other.key"\n'
    assert problems(tmp_path, text) == [
        "market.toml: tls: key DIR/other.key is not the one of the certificate"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[tls]\ncertificate = "venue.pem"\n',
            "tls: certificate is 'venue.pem' and key is ''; TLS needs both",
        ),
        (
            '[tls.ops]\nclient_ca = "authority.pem"\n',
            "tls.ops: client_ca is 'authority.pem', but there is no certificate to speak TLS with",
        ),
    ],
)
def test_what_belongs_together_is_given_together(
    authority: Authority, tmp_path: Path, text: str, expected: str
) -> None:
    assert problems(tmp_path, text) == [f"market.toml: {expected}"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_commands_of_the_documentation_make_what_a_venue_needs(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "security.md").read_text()
    commands, section = re.findall(r"```(?:sh|toml)\n(.*?)```", page, re.DOTALL)
    subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, check=True, capture_output=True)
    config = load(written(tmp_path, section))
    assert set(tls_contexts(config)) == set(LISTENERS)
    client_context(tmp_path / "authority.pem", tmp_path / "gateway-01.pem", tmp_path / "gateway-01.key")
