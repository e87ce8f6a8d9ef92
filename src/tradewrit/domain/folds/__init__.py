"""Folds: what each event does to the books, one file per part of them; `domain.folding` is the table."""
