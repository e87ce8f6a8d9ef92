"""What `import tradewrit` costs, against `import pandas`, and what it pulls in.

    python -m benchmarks.imports [--rounds 7] [--json]

CPU of a fresh interpreter that imports the package, less that of one that imports nothing; rounds
alternate and the median counts. Target: under a quarter of pandas, and no numpy, pandas or pydantic.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys

HEAVY = ("numpy", "pandas", "pydantic", "polars", "scipy")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of importing the package.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    took: dict[str, list[float]] = {"pass": [], "import tradewrit": [], "import pandas": []}
    for _ in range(wanted.rounds):
        for statement, seconds in took.items():
            seconds.append(cpu_of(statement))
    least = {statement: statistics.median(seconds) for statement, seconds in took.items()}
    ours, theirs = (least[name] - least["pass"] for name in ("import tradewrit", "import pandas"))
    modules = pulled_in()
    heavy = [name for name in HEAVY if name in modules]
    result = {
        "tradewrit_ms": ours * 1e3,
        "pandas_ms": theirs * 1e3,
        "ratio": ours / theirs,
        "target_ratio": 0.25,
        "heavy": heavy,
        "pulled_in": modules,
    }
    if wanted.json:
        print(json.dumps(result))
        return
    print(
        f"import tradewrit {ours * 1e3:.1f} ms   import pandas {theirs * 1e3:.1f} ms   "
        f"ratio {ours / theirs:.3f}"
    )
    print(f"{len(modules)} modules pulled in, all of the standard library but: {', '.join(foreign(modules))}")
    print(f"heavy ones among them: {', '.join(heavy) or 'none'}")


def cpu_of(statement: str) -> float:
    """CPU seconds of an interpreter that runs one statement."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - our own words
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def pulled_in() -> list[str]:
    """What the import loads on top of what an interpreter alone has."""
    code = "import sys; alone = {*sys.modules}; import tradewrit; print(*sorted({*sys.modules} - alone))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - as above
    return done.stdout.split()


def foreign(modules: list[str]) -> list[str]:
    """The packages among them that do not come with Python."""
    return sorted({name.partition(".")[0] for name in modules} - sys.stdlib_module_names)


if __name__ == "__main__":
    main()
