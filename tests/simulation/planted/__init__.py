"""Every planted bug, by subject."""

from tests.simulation.planted import approvals, orders, protection, records, writs

__all__ = ["approvals", "orders", "protection", "records", "writs"]
