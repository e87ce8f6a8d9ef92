"""Whether a strategy's backtest can be believed: what it may know, and what its result hangs on."""
