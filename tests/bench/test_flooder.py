from bench.hostile.flooder import Template, flood_commands
from carbonmatch.limits import FRAME_BYTES_MAX
from carbonmatch.protocol.codec import decode_client_frame
from carbonmatch.protocol.frames import FrameReader


def test_a_template_moves_to_any_ref() -> None:
    for frame_commands in (1, 64):
        payloads = FrameReader(FRAME_BYTES_MAX).feed(Template(frame_commands).bytes_from(2**31))
        decoded = [command for payload in payloads for command in decode_client_frame(payload)]
        assert decoded == list(flood_commands(2**31, 1_024))
        assert {len(decode_client_frame(payload)) for payload in payloads} == {frame_commands}
