"""From where on something is a finding. The defaults are this program's own, and no rule of any market's."""

from msgspec import Struct


class Thresholds(Struct, frozen=True, kw_only=True):
    """Every number that a finding depends on; the report names them all."""

    ratio_min: int = 20  # messages of orders for each fill
    ratio_messages_min: int = 100  # fewer say nothing
    mark_minutes: int = 10  # before the instrument closes
    mark_lots_max: int = 100
    mark_basis_points: int = 300  # of the opposite best
    block_days: int = 5  # after the block
    block_clip_basis_points: int = 1_000  # of the block: no trade on the screen is larger
    block_clips_min: int = 3
    block_share_basis_points: int = 5_000  # of the block went on the screen
    deadline_days: int = 30  # the last ones, that of the deadline included
    deadline_share_basis_points: int = 5_000  # of what the account trades in the period
    deadline_lots_min: int = 1_000  # that it traded in the last days
