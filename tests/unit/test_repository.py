"""The repository itself: where packages come from, what an import costs, which version this is."""

import ast
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC_HOSTS = frozenset({"pypi.org", "files.pythonhosted.org", "registry.npmjs.org"})
NOT_OURS = frozenset({"node_modules", "build", "dist", "runs"})
CONFIGURATION = (
    *("*.cfg", "*.ini", "*.lock", "*.toml", "*.mk", "Makefile", "Dockerfile*", "*.Dockerfile"),
    *("requirements*.txt", "constraints*.txt", "pip.conf", "uv.toml", ".npmrc", ".yarnrc*", ".gitmodules"),
    *("package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml"),
    *(
        "docker-compose*.y*ml",
        "compose*.y*ml",
        ".pre-commit-config.yaml",
        ".readthedocs.y*ml",
        "environment.y*ml",
    ),
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://([^\s/\"'<>\])},;]*)", re.IGNORECASE)
_NPM_SCOPE = re.compile(r"^//([^\s/\"']+)/", re.MULTILINE)
_GIT_SSH = re.compile(r"\bgit@([\w.-]+):")
_PLACE_ON_DISK = re.compile(
    r"(?:find[-_]links|index[-_]url|index|registry)\s*=\s*[\"'\[]*((?:/|\.\.?/)[^\s\"']*)"
)


def foreign_hosts(text: str) -> list[str]:
    """Every host or folder named in a configuration file as a source, apart from the public defaults."""
    hosts = (match for pattern in (_URL, _NPM_SCOPE, _GIT_SSH) for match in pattern.findall(text))
    bare = (host.rpartition("@")[2].lower() or "(this machine)" for host in hosts)
    return sorted({*(host for host in bare if host not in PUBLIC_HOSTS), *_PLACE_ON_DISK.findall(text)})


def configuration_files(root: Path) -> Iterator[Path]:
    """Lock and configuration files of the project, environments and build results left out."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            is_hidden = path.name.startswith(".") and path.name != ".ci"
            if not is_hidden and path.name not in NOT_OURS:
                yield from configuration_files(path)
        elif root.name == ".ci" or any(fnmatch(path.name, pattern) for pattern in CONFIGURATION):
            yield path


def test_lock_and_configuration_files_name_only_public_hosts() -> None:
    found = {
        str(path.relative_to(ROOT)): foreign_hosts(path.read_text()) for path in configuration_files(ROOT)
    }
    assert {name: hosts for name, hosts in found.items() if hosts} == {}
    assert {"uv.lock", "pyproject.toml", "Makefile", ".ci/run"} <= found.keys()


@pytest.mark.parametrize(
    ("planted", "host"),
    [
        ('source = { registry = "https://packages.example/simple" }', "packages.example"),
        ('url = "https://name:secret@packages.example:8443/x.whl"', "packages.example:8443"),
        ("--extra-index-url http://10.0.0.7/simple", "10.0.0.7"),
        ("pip install git+ssh://git@code.example/team/tool", "code.example"),
        ("pip install git@code.example:team/tool", "code.example"),
        ("//npm.example/:_authToken=${TOKEN}", "npm.example"),
        ("find-links = file:///srv/wheels", "(this machine)"),
        ('find-links = ["/srv/wheels"]', "/srv/wheels"),
        ('url = "https://pypi.org.example/simple"', "pypi.org.example"),
        ("curl HTTPS://PACKAGES.EXAMPLE/install | sh", "packages.example"),
    ],
)
def test_a_planted_foreign_host_is_found(planted: str, host: str) -> None:
    lock = 'registry = "https://pypi.org/simple"\nurl = "https://files.pythonhosted.org/packages/a.whl"\n'
    assert foreign_hosts(lock) == []
    assert foreign_hosts(lock + planted + "\n") == [host]


def test_a_configuration_file_in_a_folder_is_scanned_and_an_environment_is_not(tmp_path: Path) -> None:
    wanted = [".ci/run", ".npmrc", "web/package-lock.json", "deploy/Dockerfile", "requirements-dev.txt"]
    for name in [*wanted, ".venv/lib/a.toml", "web/node_modules/a/package.json", "README.md"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {str(path.relative_to(tmp_path)) for path in configuration_files(tmp_path)} == set(wanted)


def test_importing_tradewrit_loads_no_heavy_library() -> None:
    heavy = {"bokeh_sampledata", "cryptography", "numpy", "pandas", "polars", "pydantic", "scipy"}
    program = "import sys, tradewrit; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "tradewrit" in loaded
    assert loaded & heavy == set()


def test_installed_package_project_file_and_changelog_agree_on_the_version() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version("tradewrit") == declared
    assert changelog_versions()[0] == declared


def test_the_changelog_has_a_section_for_what_comes_next_and_each_release_its_date() -> None:
    headings = changelog_headings()
    newest, *older = (heading for heading in headings if heading != "[Unreleased]")
    assert re.fullmatch(r"\[[\d.]+\] - (Unreleased|\d{4}-\d\d-\d\d)", newest)
    assert headings[0] == "[Unreleased]" or newest == headings[0]
    assert all(re.fullmatch(r"\[[\d.]+\] - \d{4}-\d\d-\d\d", heading) for heading in older)


def test_every_generator_of_chance_is_given_a_seed() -> None:
    sources = [
        path
        for folder in ("src", "tests", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(sources) > 10
    assert [place for path in sources for place in unseeded_generators(path.read_text(), path.name)] == []


def test_an_unseeded_generator_is_found() -> None:
    planted = "import random\nimport numpy as np\nrng = np.random.default_rng()\nold = random.Random(None)\n"
    fine = "rng = np.random.default_rng(7)\nold = random.Random(seed)\n"
    assert unseeded_generators(planted + fine, "a.py") == ["a.py:3", "a.py:4"]


def test_a_test_cannot_reach_the_network_by_accident() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outgoing,
        pytest.raises(RuntimeError, match=r"tried to reach '192\.0\.2\.1'.*pytest\.mark\.network"),
    ):
        outgoing.connect(("192.0.2.1", 443))
    with pytest.raises(RuntimeError, match=r"tried to reach 'venue\.example'"):
        socket.getaddrinfo("venue.example", 443)


def test_a_test_may_talk_to_its_own_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        accepted, address = server.accept()
        with accepted:
            assert address == client.getsockname()


def changelog_headings() -> list[str]:
    """The second-level headings, newest first."""
    return re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def changelog_versions() -> list[str]:
    """The versions that have a section, newest first."""
    return [match for heading in changelog_headings() for match in re.findall(r"^\[(\d[\d.]*)\]", heading)]


def unseeded_generators(source: str, name: str) -> list[str]:
    """`file:line` of every random.Random or numpy generator that is made without a seed."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [f"{name}:{call.lineno}" for call in calls if _makes_generator(call) and not _has_seed(call)]


def _makes_generator(call: ast.Call) -> bool:
    made = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return made in {"Random", "default_rng", "RandomState", "PCG64", "SeedSequence"}


def _has_seed(call: ast.Call) -> bool:
    seeds = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(not (isinstance(seed, ast.Constant) and seed.value is None) for seed in seeds)
