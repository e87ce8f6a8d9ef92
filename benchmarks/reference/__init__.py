"""Published backtests of another engine, run again here and compared to the cent."""
