"""The package's version, read once from its installed metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("tradewrit")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"
