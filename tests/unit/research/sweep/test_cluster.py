"""Sweeps on a real Ray cluster: two nodes of it, on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.research.sweep.asking import request, some_bars, swept
from tradewrit.errors import StrategyError, Unreachable
from tradewrit.research.sweep.walk_forward import Plan, Walk

# Read when Ray is imported: everything on the loopback, as Ray does of itself on a Mac, so that no test
# reaches for another address.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
ray = pytest.importorskip("ray", reason="Ray is not installed (extra `cluster`): no cluster to sweep on")

pytestmark = [
    # What Ray leaves behind is Ray's: sockets and pipes of its own daemons.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a second node, a processor each; both listen on this machine's loopback only."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"}
    made: Any = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(num_cpus=1, node_ip_address="127.0.0.1")
    made.wait_for_nodes()
    yield made
    made.shutdown()


def test_two_nodes_find_what_one_process_finds(cluster: Any, tmp_path: Path) -> None:
    from tradewrit.research.sweep.cluster import RayCluster

    wish = request(plan=Plan(walk=Walk.ROLLING, splits=2))
    bars = some_bars()
    crew = RayCluster(bars, wish.strategy, cluster.address)
    far = swept(tmp_path / "far", wish, bars, crew)
    near = swept(tmp_path / "near", wish, bars)
    assert crew.told == "2 workers on 2 Ray nodes"
    assert far.made == near.made == 24
    for one, other in zip(far.trials, near.trials, strict=True):
        assert one.values == other.values
        for leg, ran in other.ran.items():
            assert one.ran[leg].figures == ran.figures
            assert one.ran[leg].returns == ran.returns


def test_a_strategys_own_file_travels(cluster: Any, tmp_path: Path) -> None:
    from tradewrit.research.sweep.cluster import RayCluster

    file = tmp_path / "mine.py"
    file.write_text(
        "from tradewrit import Inputs, Signals, Strategy, sma\n\n\n"
        "class Mine(Strategy):\n    window: int = 5\n\n"
        "    def signals(self, bars: Inputs) -> Signals:\n"
        "        return Signals(enter_long=bars.close > sma(bars.close, self.window))\n"
    )
    bars = some_bars()
    wish = request("window=3,9", strategy=str(file))
    far = swept(tmp_path / "far", wish, bars, RayCluster(bars, str(file), cluster.address))
    near = swept(tmp_path / "near", wish, bars)
    assert [one.figures(0, near.legs[0].part) for one in far.trials] == [
        one.figures(0, near.legs[0].part) for one in near.trials
    ]


def test_a_worker_that_dies_takes_one_run_with_it(cluster: Any, tmp_path: Path) -> None:
    from tradewrit.research.sweep.cluster import RayCluster

    file = tmp_path / "deadly.py"
    file.write_text(
        "import os\n\nfrom tradewrit import Inputs, Signals, Strategy, sma\n\n\n"
        "class Deadly(Strategy):\n    window: int = 5\n\n"
        "    def signals(self, bars: Inputs) -> Signals:\n"
        "        if self.window == 4:\n            os._exit(9)\n"
        "        return Signals(enter_long=bars.close > sma(bars.close, self.window))\n"
    )
    bars = some_bars()
    wish = request("window=3,4,5,6", strategy=str(file))
    found = swept(tmp_path / "far", wish, bars, RayCluster(bars, str(file), cluster.address))
    assert (found.made, found.lost) == (3, 1)
    assert [trial.values["window"] for trial in found.trials if not trial.ran] == [4]


def test_a_cluster_that_is_not_there_is_explained(tmp_path: Path) -> None:
    from tradewrit.research.sweep.cluster import RayCluster

    if ray.is_initialized():
        ray.shutdown()
    bars = some_bars()
    with pytest.raises(Unreachable, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        swept(tmp_path, request(), bars, RayCluster(bars, "trend_following", "127.0.0.1:1"))


def test_a_strategy_that_is_not_there_is_said_before_any_node_is_asked(tmp_path: Path) -> None:
    from tradewrit.research.sweep.cluster import RayCluster

    bars = some_bars()
    missing = str(tmp_path / "nowhere.py")
    with pytest.raises(StrategyError, match="there is no strategy file"):
        swept(tmp_path, request(strategy=missing), bars, RayCluster(bars, missing, "local"))
