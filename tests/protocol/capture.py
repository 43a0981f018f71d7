"""Captures of TCP connections as files, without a network card: for tools that read packets."""

import struct
from collections.abc import Iterable
from pathlib import Path

# Of the libpcap file format: a classic file, and packets that begin with their IP header.
_MAGIC, _VERSION, _RAW_IP = 0xA1B2C3D4, (2, 4), 101
_CLIENT, _ENGINE = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
_PROTOCOL_TCP, _PUSH_ACK = 6, 0x18


def write_capture(file: Path, connections: Iterable[Iterable[tuple[bool, bytes]]], port: int = 7400) -> None:
    """Each connection is its segments in order: whether the engine, at `port`, has sent it, and the bytes."""
    packets = []
    for number, segments in enumerate(connections):
        sent = {True: 1, False: 1}
        for is_engine, data in segments:
            packets.append(_packet(is_engine, data, 40_000 + number, port, sent))
            sent[is_engine] += len(data)
    header = struct.pack(">IHHiIII", _MAGIC, *_VERSION, 0, 0, 1 << 18, _RAW_IP)
    records = [
        struct.pack(">IIII", 1_700_000_000 + at, 0, len(packet), len(packet)) + packet
        for at, packet in enumerate(packets)
    ]
    file.write_bytes(header + b"".join(records))


def _packet(is_engine: bool, data: bytes, client_port: int, port: int, sent: dict[bool, int]) -> bytes:
    ports = (port, client_port) if is_engine else (client_port, port)
    addresses = (_ENGINE, _CLIENT) if is_engine else (_CLIENT, _ENGINE)
    # Checksums are 0: not computed, as where a network card does it.
    tcp = struct.pack(
        ">HHIIBBHHH", *ports, sent[is_engine], sent[not is_engine], 5 << 4, _PUSH_ACK, 65_535, 0, 0
    )
    length = 20 + len(tcp) + len(data)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, _PROTOCOL_TCP, 0, *addresses)
    return ip + tcp + data
