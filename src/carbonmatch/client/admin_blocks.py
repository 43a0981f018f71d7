"""`carbonmatch admin blocks`: open, pause and close the blocks of an instrument."""

import asyncio
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.operating import do, one_or_all
from carbonmatch.client.options import Reason
from carbonmatch.client.session import Session
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import ANY, BlockPhase, Ref, RejectReason, SetBlockPhase

_DEMO_OPERATOR: Final = Operator()


def blocks(
    symbol: str,
    phase: Literal["open", "closed", "break", "as-scheduled"],
    /,
    *,
    text: Reason = "",
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Open, pause or close the blocks of an instrument; closing them expires what is negotiated.

    closed and break hold over the steps of the schedule until as-scheduled; open ends with its next step.

    Parameters
    ----------
    symbol
        The instrument, or its number, or "all" for every one that has blocks.
    phase
        What is to hold from now on.
    text
        The reason, which everybody gets to see.
    """
    wanted = BlockPhase[phase.upper().replace("-", "_")]
    asyncio.run(set_block_phase(operator.access(tls), symbol, wanted, text))


async def set_block_phase(operator: Access, symbol: str, phase: BlockPhase, text: str) -> None:
    async with Session(operator) as session:
        instrument_id = await one_or_all(session, symbol)
        command = SetBlockPhase(Ref(0), instrument_id, phase, text)
        words = {
            RejectReason.UNKNOWN_INSTRUMENT: f"there is no instrument of the number {symbol}",
            RejectReason.MECHANISM_NOT_AVAILABLE: (
                "no instrument of this venue has blocks ([instruments.blocks])"
                if instrument_id == ANY
                else f"{symbol} has no blocks ([instruments.blocks])"
            ),
        }
        sequence = await do(session, command, words)
    print(f"blocks of {symbol} are {phase.name} since sequence {sequence}")
