"""Every planted bug, by subject."""

from tests.simulation.planted import (
    approvals,
    fills,
    floor,
    guard,
    maintenance,
    orders,
    protection,
    records,
    roads,
    twins,
    writs,
)

__all__ = [
    "approvals",
    "fills",
    "floor",
    "guard",
    "maintenance",
    "orders",
    "protection",
    "records",
    "roads",
    "twins",
    "writs",
]
