"""Every planted bug, by subject."""

from tests.simulation.planted import approvals, fills, orders, protection, records, writs

__all__ = ["approvals", "fills", "orders", "protection", "records", "writs"]
