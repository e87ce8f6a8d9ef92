"""What each key means, in one sentence; a test holds this table against the keys there are."""

from collections.abc import Mapping
from typing import Final

SECTIONS: Final[Mapping[str, str]] = {
    "": "What the desk does, and with what.",
    "account": "The account that is traded.",
    "strategy": "Who proposes trades.",
    "exits": "When every position is left, whatever the strategy says.",
    "sizing": "How large a trade is wanted. The limits under `risk` cap it, whatever is wanted.",
    "risk": (
        "The numbers that the risk officer holds every trade against: a named profile, and any of its "
        "numbers set anew. Fractions are of equity, 0 to 1; every bound is inclusive."
    ),
    "review": "Who has to agree before an entry leaves. Exits and stops never ask anybody.",
    "paper": "How the paper exchange fills and charges; a backtest uses the same rules.",
    "instruments": (
        "A list with one section per symbol. A symbol without one has tick 0.01 and lot 1 and trades in "
        "USD. Give the whole list to set it from the environment: `[{symbol: AAPL, tick: 0.01}]`."
    ),
    "data": "How past prices are shown to a backtest.",
    "venue": "What the venue of a running desk says of itself; a backtest's is never down.",
    "journal": "Where the account's record lies, and how hard it is written.",
    "writs": (
        "The short-lived permissions that agents act under; see [scopes](scopes.md). `writs.authority` is an "
        "authority elsewhere that issues them, see [how to use one](../how-to/use-a-remote-authority.md); "
        "without it, it is the one of this machine."
    ),
}

MEANINGS: Final[Mapping[str, str]] = {
    "mode": "Where orders go: into a backtest, to the paper exchange, or to a real broker.",
    "allow_live_orders": "Live mode alone is not enough: without this, it is refused.",
    "account.name": "Names the account in the journal and its file.",
    "account.currency": "The currency that cash, limits and results are counted in.",
    "account.type": "A cash account neither borrows nor shorts.",
    "account.initial_cash": "Cash at the start, in the account's currency.",
    "strategy.name": "A strategy that ships with the package, or the path of a `.py` file with your own.",
    "strategy.parameters": (
        "Handed to the strategy as they are: whole numbers, exact decimals, text, true, false or null."
    ),
    "entry": "The order type of entries.",
    "reverse": (
        "Whether a signal for the other side closes a position and opens the opposite one. If not, it is "
        "ignored while the position is held."
    ),
    "protection": (
        "When stop and target go to the venue: listed with the entry as one bracket, where the venue can, or "
        "once the entry has filled."
    ),
    "exits.before_session_end_minutes": (
        "Leave every position so many minutes before its session ends, and enter none until the next one "
        "opens; null: never."
    ),
    "sizing.type": "The rule; decides which of the following keys there are. `largest`: as the limits allow.",
    "sizing.quantity": "Units, or contracts.",
    "sizing.notional": "Value at the price of the decision, in the account's currency.",
    "sizing.fraction": "Share of equity that the position and its fee may cost.",
    "sizing.buffer_fraction": "Part of that share left free, for the price may move until the fill.",
    "sizing.risk_fraction": "Share of equity that is lost at the stop, before fees.",
    "sizing.volatility": "Wanted of the position, a year, as a share of equity: 0.10 is ten per cent.",
    "sizing.volatility_window": "Returns, one per bar, that the instrument's volatility is measured over.",
    "sizing.bars_per_year": "What makes it annual: 252 for daily bars, 98280 for minutes of New York.",
    "sizing.max_fraction": "Most of equity that the position may cost, however calm its price.",
    "risk.profile": "The profile that the other keys of this section start from.",
    "risk.max_position_notional": "Most that one position may cost, in the account's currency; null: no cap.",
    "risk.max_position_fraction": "Most of equity that one position may cost.",
    "risk.min_cash_fraction": "Cash left after a trade as a share of equity, pending orders counted.",
    "risk.max_drawdown_fraction": "No entries once equity is this far below its high-water mark.",
    "risk.stop_fraction": "Distance of the mandatory stop from the fill; a proposal's own may be tighter.",
    "risk.target_fraction": "Distance of the target where the strategy names none.",
    "risk.min_reward_risk": "The target's distance over the stop's must be greater than this.",
    "risk.max_open_positions": "Most positions open at a time; null: no limit.",
    "risk.max_order_quantity": "Most units in one order; null: no limit.",
    "risk.max_leverage": "Notional of a margined position over the cash it sets aside.",
    "risk.max_price_age_s": "A decision on a price older than this many seconds is refused.",
    "risk.refusal_cooldown_s": (
        "For how many seconds no entry is tried after the venue refused one on its merits: in the symbol, "
        "or in any, where buying power was wanting."
    ),
    "risk.max_refusals": (
        "After so many refusals of one kind within the window no entry is tried until a person resumes; "
        "null: never."
    ),
    "risk.refusal_window_s": "For how many seconds a refusal counts.",
    "risk.allow_short": "Whether a short position may be opened.",
    "risk.allowed_symbols": "The only symbols that may be traded; null: any.",
    "review.kind": "Nobody, a person, a person above an amount, or two people.",
    "review.above": "With `require_above`: the notional above which a person must agree.",
    "review.approvers": "How many distinct people must agree; `four_eyes` needs at least two.",
    "review.expires_after_s": "A question that nobody answered after this many seconds is dead: no trade.",
    "review.max_drift_bps": "How far the price may move between question and order, in basis points.",
    "review.max_requotes": (
        "How often a trade is asked about anew, at the new price, when an approval came after such a move; "
        "0: it ends."
    ),
    "paper.fees.type": "How the venue charges; decides which of the following keys there are.",
    "paper.fees.rate_bps": "A share of each fill's notional, in basis points.",
    "paper.fees.per_unit": "An amount per unit filled.",
    "paper.fees.minimum": "Least that one fill costs.",
    "paper.fees.maximum_fraction": "Most that one fill costs, as a fraction of its notional; null: no cap.",
    "paper.fees.amount": "The same amount for every fill.",
    "paper.market_fills": (
        "What a market order takes: the next bar's open; or at once the close of the bar just finished, or "
        "its closing quote (buys at the ask, sells at the bid)."
    ),
    "paper.slippage_bps": "How much worse than the market's price an order fills, in basis points.",
    "paper.limit_fills": "A limit order fills when the price touches it, or only when it goes through.",
    "paper.participation_fraction": "Most of a bar's volume that one order may fill; null: no cap.",
    "paper.settlement_days": "Business days until the cash of a sale can be used; 0: at once.",
    "paper.sessions": "Whether orders fill only in the exchange's trading sessions.",
    "paper.reject_fraction": (
        "Share of orders that are refused at random, drawn from the seed, to rehearse what then happens."
    ),
    "paper.halts": (
        "What becomes of a new order in a symbol that the exchange has halted: it rests until trading goes "
        "on, or is refused."
    ),
    "venue.maintenance": (
        "When the venue is down by its own word: windows of the week or of a date, such as "
        "`Sat 22:00 - Sun 02:00 America/New_York` or `2026-12-05 22:00 - 23:30 UTC`."
    ),
    "venue.maintenance_margin_s": "How many seconds before such a window nothing new is sent any more.",
    "venue.outage_alarm_s": (
        "How many seconds a line to it may be cut before that is an alarm; its maintenance does not count."
    ),
    "instruments[].symbol": "The name that the data and the venue use.",
    "instruments[].currency": "The currency that its price is quoted in.",
    "instruments[].asset_class": "What it is; futures, perpetuals and FX are margined, the rest is paid for.",
    "instruments[].tick": "Smallest price step.",
    "instruments[].lot": "Smallest size step, in units.",
    "instruments[].multiplier": "Units of the underlying per unit traded; 1 for a share.",
    "instruments[].minimum_notional": "Smallest order value that the venue takes.",
    "instruments[].is_shortable": "Whether the venue lends it.",
    "data.adjustment": (
        "Prices as printed (`raw`), in today's shares (`split`), or less the dividends paid since as well "
        "(`total`)."
    ),
    "data.factors": (
        "A Parquet or CSV table of price and split factors; with `raw`, what it tells of happens to "
        "positions and orders. null: nothing is known of splits and dividends."
    ),
    "data.funding": (
        "A Parquet or CSV file of funding rates (`symbol`, `ts`, `rate`), paid and received by positions in "
        "perpetuals. null: no funding."
    ),
    "data.calendar": (
        "When the markets are open: for strategies that ask, orders for the day, settlement and "
        "`paper.sessions`. NYSE, NASDAQ, 24/7, or the ISO 10383 code of another exchange (XLON, XTKS), which "
        "needs `pip install 'tradewrit[calendars]'`. null: each symbol's times choose between NYSE and 24/7."
    ),
    "journal.path": "The journal's file; null: in the data folder, and in memory for a backtest.",
    "journal.synchronous": "`full` waits for the disk on every record, and is a must in live mode.",
    "writs.ttl_s": "How many seconds an agent's token lasts; it is renewed when half of that is over.",
    "writs.protective_ttl_s": (
        "The same for the protective writ, under which stops are moved and positions closed: that goes on "
        "for at least half as long when the authority is down."
    ),
    "writs.kill_grace_s": (
        "How many seconds a kill that includes protection leaves at most to cancel entries."
    ),
    "writs.issuer": "What tokens of the authority on this machine say in `iss`; null: nothing.",
    "writs.trust_domain": "First part of the SPIFFE ids that the authority on this machine gives.",
    "writs.authority.url": "Its address, such as https://host:8080; null: the authority of this machine.",
    "writs.authority.client_id": "The app that the desk is there.",
    "writs.authority.sealed_as": "The name in the sealed store under which the app's secret is kept.",
    "writs.authority.poll_s": (
        "How often, in seconds, it is asked what it has revoked and whether its kill switch is on."
    ),
    "writs.authority.needs_proof": "Whether tokens count only with proof of the agent's own key.",
    "writs.authority.plain_protocol": (
        "Whether an authority will do that speaks the plain protocol only: constraints are then kept by the "
        "desk alone, and no writ outlives a revocation of all."
    ),
    "writs.authority.allow_plain_http": "Whether it may be spoken to over HTTP that others can read.",
    "writs.authority.certificates": (
        "PEM file with the certificate authorities to believe; null: those of the system."
    ),
    "writs.executor.sides": "The sides that entries may be on; null: both.",
    "writs.executor.max_quantity": "The largest entry, in units; null: any.",
    "writs.executor.max_notional": "The largest entry, in account currency at the price it was decided on.",
    "writs.executor.max_day_quantity": "Units in all entries of one UTC day; what never left is not counted.",
    "writs.executor.max_day_notional": "Account currency in all entries of one UTC day, as above.",
    "writs.executor.max_day_orders": "Entries in one UTC day, as above.",
    "writs.executor.hours": (
        "When entries may leave: a list of windows such as `09:30-15:30 America/New_York`, Monday to Friday "
        "(` daily` at the end: every day). All of them must be open."
    ),
    "seed": "Where all chance starts: the same seed, data and configuration give the same run.",
}
