"""What accounts have, as calls: what sessions ask for, and what operators do."""

from abc import ABC, abstractmethod
from typing import Final

from msgspec import structs

from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    Cash,
    ClientCommand,
    Deposit,
    Done,
    Holding,
    HoldingsRequest,
    InspectHoldings,
    InstrumentId,
    Ref,
    RestrictAccount,
    Restriction,
    SetAccountLimits,
    StatusEnd,
    Withdraw,
)

# Stands in a command until the session gives it its ref.
_NO_REF: Final = Ref(0)
_MONEY: Final = InstrumentId(0)


class AccountCommands(ABC):
    """Each call returns what its command came to, or raises what every command may: see `Commands`."""

    @abstractmethod
    async def call(self, command: ClientCommand, *, seconds: float | None = None) -> list[AnyReport]:
        """Send one command of any kind, whatever its ref, and wait for its answer."""

    async def holdings(
        self, *, account_id: int = 0, instrument_id: int = 0, seconds: float | None = None
    ) -> list[Cash | Holding]:
        """What accounts of the session have: of one of them, or of one instrument."""
        return await self._all(
            HoldingsRequest(_NO_REF, AccountId(account_id), InstrumentId(instrument_id)), seconds
        )

    async def inspect_holdings(
        self, *, account_id: int = 0, instrument_id: int = 0, seconds: float | None = None
    ) -> list[Cash | Holding]:
        """For operators: what accounts of the venue have."""
        return await self._all(
            InspectHoldings(_NO_REF, AccountId(account_id), InstrumentId(instrument_id)), seconds
        )

    async def deposit_units(
        self,
        account_id: int,
        instrument_id: int,
        quantity_lots: int,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> int:
        """For operators; the sequence at which it was done. So are the three that follow."""
        command = Deposit(
            _NO_REF, AccountId(account_id), InstrumentId(instrument_id), quantity_lots, text=text
        )
        return await self._sequence(command, seconds)

    async def deposit_money(
        self,
        account_id: int,
        currency: str,
        amount_minor: int,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> int:
        command = Deposit(_NO_REF, AccountId(account_id), _MONEY, 0, currency, amount_minor, text)
        return await self._sequence(command, seconds)

    async def withdraw_units(
        self,
        account_id: int,
        instrument_id: int,
        quantity_lots: int,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> int:
        command = Withdraw(
            _NO_REF, AccountId(account_id), InstrumentId(instrument_id), quantity_lots, text=text
        )
        return await self._sequence(command, seconds)

    async def withdraw_money(
        self,
        account_id: int,
        currency: str,
        amount_minor: int,
        text: str = "",
        *,
        seconds: float | None = None,
    ) -> int:
        command = Withdraw(_NO_REF, AccountId(account_id), _MONEY, 0, currency, amount_minor, text)
        return await self._sequence(command, seconds)

    async def set_account_limits(
        self,
        account_id: int,
        instrument_id: int,
        *,
        position_max_lots: int = 0,
        report_from_lots: int = 0,
        allocated_lots: int = 0,
        text: str = "",
        seconds: float | None = None,
    ) -> int:
        """For operators; 0: as the instrument's rules say, and nothing allocated. The sequence of it."""
        command = SetAccountLimits(
            _NO_REF,
            AccountId(account_id),
            InstrumentId(instrument_id),
            position_max_lots,
            report_from_lots,
            text,
            allocated_lots,
        )
        return await self._sequence(command, seconds)

    async def restrict_account(
        self,
        account_id: int,
        restriction: Restriction,
        *,
        instrument_id: int = 0,
        cancels: bool = False,
        text: str = "",
        seconds: float | None = None,
    ) -> int:
        """For operators: in every instrument that is cleared, or in one; the sequence at which it was done.

        What is open and forbidden stays, unless it `cancels`.
        """
        command = RestrictAccount(
            _NO_REF, AccountId(account_id), restriction, InstrumentId(instrument_id), cancels, text
        )
        return await self._sequence(command, seconds)

    async def _all(
        self, command: HoldingsRequest | InspectHoldings, seconds: float | None
    ) -> list[Cash | Holding]:
        """Asked for page by page: what changes meanwhile may be in neither state of before or after."""
        found: list[Cash | Holding] = []
        more = True
        while more:
            *page, end = await self.call(command, seconds=seconds)
            assert type(end) is StatusEnd, "what is asked for page by page has an end"
            found += [report for report in page if isinstance(report, Cash | Holding)]
            more = end.more
            if more:
                command = _behind(command, found[-1])
        return found

    async def _sequence(self, command: ClientCommand, seconds: float | None) -> int:
        answer = (await self.call(command, seconds=seconds))[-1]
        assert type(answer) is Done, "an operator's command is done or rejected"
        return answer.sequence


def _behind(
    command: HoldingsRequest | InspectHoldings, last: Cash | Holding
) -> HoldingsRequest | InspectHoldings:
    """The same question, of what comes after the last that was told."""
    instrument_id, currency = (_MONEY, last.currency) if isinstance(last, Cash) else (last.instrument_id, "")
    return structs.replace(
        command,
        after_account_id=last.account_id,
        after_instrument_id=instrument_id,
        after_currency=currency,
    )
