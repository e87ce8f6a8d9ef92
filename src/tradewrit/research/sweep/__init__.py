"""Many backtests of one strategy, and what may be believed of the best of them."""
