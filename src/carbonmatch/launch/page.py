"""docs/launch.md: what the replay is, every figure that it has to meet, and every assumption in between.

python -m carbonmatch.launch.page > docs/launch.md
"""

from collections.abc import Iterator

from carbonmatch.launch import assumptions, figures

_INTRODUCTION = """\
# The launch, replayed

Made by `python -m carbonmatch.launch.page`; a test compares.

`carbonmatch launch` runs China's national carbon market and the seven pilots side by side through the
first compliance cycle, 16 July to 31 December 2021, with 2,225 power companies, and ends in a report:
`report.html`, a page with plots, and `figures.json`. `make launch` does it in `.venv`.

    carbonmatch launch                              # all 114 trading days
    carbonmatch launch --days 5 --companies 100     # a shorter one
    carbonmatch launch --seed 7 --out seven         # others between the published figures
    carbonmatch launch --data-dir data              # keeps the journal, for `carbonmatch journal verify data`

It ends with status 0 where every figure below was found in the journal, to the tonne and the fen, and
with 1 where one was not.

## How it goes

* **Plan.** Deals are drawn from the seed and settled so that they come to the published totals: all
  prices of a stretch of days move together, then single ones by a tick, and what is left, less than the
  smallest deal, is closed by tonnes that move between two deals at different prices. Every deal keeps to
  its market's band, sizes, tick, sessions and T+1, and nobody sells what it has not. Every company begins
  with the allowances and the money that its deals will take, and some more.
* **Replay.** The venue is the one that `carbonmatch serve` runs: its floor, listeners, pipeline,
  schedules, journal and recovery, with the shipped profiles `cea`, `bea`, `tjea`, `shea`, `cqea`, `gdea`,
  `hbea` and `szea`. Only what carries bytes and time is the replay's own: connections in memory in place
  of sockets, and a clock that goes on when there is nothing left to do. Companies log on with keys,
  through gateways; every batch is written and synced before it is answered. After the holidays of October
  the venue is stopped and started again from its disk.
* **Accounts.** An operator deposits what registry and banks bring before the first day. From there on the
  venue holds units and money, as the profiles say, and in Beijing nobody holds more than its allocation and
  1,000,000 t, by the rules of 2014: what is offered is reserved, what was bought is sold on
  a later trading day, proceeds buy at once, and Hubei takes its fees of 2014. Now and then somebody asks
  to sell a tonne more than it has, to sell what it has bought the same day, or to buy beyond its money:
  all of that has to be refused, for that reason. In the end an operator asks what every account has.
* **By each market's rules.** National: orders are listed and selected, now and then behind one that came
  first, and blocks are offered, countered, posted, accepted and confirmed. Guangdong selects the first
  order, Hubei trades at the middle price, others match. Each day ends by its schedule, and the engine's
  own close makes the next day's reference and band. What the rules do not allow is asked for as well, and
  has to be refused.
* **Proof.** Then the plan is put aside, and the journal read: its records are added up by market,
  section, day and account. Units and money are conserved, and no account sells what it did not begin with
  or buy on an earlier day, or pays what it has not; what the venue says that each account has is what came
  in, less what its trades and their fees have taken; every trade is told alike to the buyer, the seller and
  the public; a subscriber of the feed has heard the same; `journal verify` finds the chain whole, and a
  second execution ends in the same state.

## Figures

"""

_BETWEEN = """
The share of the fourth quarter in this cycle is what these totals give, and stands in the report beside
the shares of later years. Blocks were about 83 % of the volume over the years; here they are what the
totals of the cycle give.

## Sources

"""


def page() -> str:
    return _INTRODUCTION + "\n".join(
        [
            *_figures(),
            _BETWEEN.rstrip("\n"),
            "",
            *(
                f"* `{source.key}`: {source.title}" + (f", {source.address}" if source.address else "")
                for source in figures.SOURCES
            ),
            "",
            "## What is made up",
            "",
            "None of this is a claim about what happened; `launch/assumptions.py` has all of it.",
            "",
            *(f"* {text}" for text in assumptions.texts()),
            "",
        ]
    )


def _figures() -> Iterator[str]:
    yield "| national market | days | section | tonnes | CNY | source |"
    yield "|---|---|---|---:|---:|---|"
    for total in figures.NATIONAL:
        days = f"{total.first} to {total.last}" if total.first != total.last else f"{total.first}"
        money = "" if total.fen is None else _money(total.fen)
        yield (
            f"| {total.name} | {days} | {total.section} | {total.tonnes:,} | {money} | `{total.source.key}` |"
        )
    yield ""
    yield "| price of the listed section | day | CNY/t | source |"
    yield "|---|---|---:|---|"
    for price in figures.PRICES:
        yield f"| {price.name} | {price.day} | {_money(price.fen)} | `{price.source.key}` |"
    yield ""
    yield "| lowest and highest listed trade | days | CNY/t | source |"
    yield "|---|---|---:|---|"
    for extreme in figures.EXTREMES:
        yield (
            f"| {extreme.name} | {extreme.first} to {extreme.last} | "
            f"{_money(extreme.low)} to {_money(extreme.high)} | `{extreme.source.key}` |"
        )
    yield ""
    yield (
        f"The seven pilots: {figures.PILOT_TONNES:,} t for {_money(figures.PILOT_FEN)} CNY in all their "
        "years up to the end of 2020 (`press`)."
    )


def _money(fen: int) -> str:
    whole, rest = divmod(fen, figures.FEN)
    return f"{whole:,}.{rest:02d}"


if __name__ == "__main__":
    print(page(), end="")
