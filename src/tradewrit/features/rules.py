"""What a node of a formula does: as a column over whole columns, and as a step on this bar's values.

Every rule has `column` (sources as arrays or constants) and `stepper` (a fresh function of the
sources' values on one bar); both give the same bits. `key` is equal for rules that compute the same.

Time runs along the last axis of an array. A column is one symbol's history, or several of one length,
a row each; a row's values depend on that row alone.
"""

from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from math import prod
from typing import Any, Final, Protocol, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.features.floats import NAN, Grid
from tradewrit.features.hours import Reading
from tradewrit.features.ufuncs import EXACT, PICKS_A_ZERO

Column = NDArray[Any]
Shape = tuple[int, ...]
Step = Callable[..., Any]
# Kinds of dtype that a kernel's column may have: truth values, whole numbers, floats.
_NUMBERS: Final = "biuf"


class Kernel(Protocol):
    """A feature with memory. Beyond `update` it may have three things.

    warmup: how many NaN it gives before its first number.
    column(array, ...): the same bits as `update` on every bar, for a whole history at once; where it
        is missing, `update` is called on every bar.
    takes_rows: whether `column` takes several histories at once, a row each; else it is called per row.
    """

    def update(self, *values: float) -> float:
        """The feature after one more bar; NaN while it is warming up."""
        ...


KernelFactory = Callable[[], Any]
"""Makes a fresh `Kernel`: a class, or `functools.partial(Class, parameters...)`."""


def made(factory: object) -> Kernel:
    """A fresh kernel; raises TypeError when what the factory makes is none."""
    kernel = factory() if callable(factory) else None
    if not callable(getattr(kernel, "update", None)):
        raise TypeError(
            f"{factory!r} must be a class or a function that makes a kernel: an object with update(value)"
        )
    return cast("Kernel", kernel)


class Field(msgspec.Struct, frozen=True):
    """A column of the bars themselves."""

    name: str

    @property
    def key(self) -> Hashable:
        """Equal for the same column."""
        return self

    def __str__(self) -> str:
        return self.name


class OnGrid(msgspec.Struct, frozen=True):
    """A column of the bars with the noise below a millionth of its tick taken away."""

    decimals: int

    @property
    def key(self) -> Hashable:
        """Equal for the same grid."""
        return self

    def column(self, _shape: Shape, values: Column) -> Column:
        """The column on its grid."""
        return Grid(self.decimals).snapped_column(values)

    def stepper(self) -> Step:
        """One bar's value on its grid."""
        return Grid(self.decimals).snapped


class Constant(msgspec.Struct, frozen=True):
    """A number written in the formula."""

    value: float

    @property
    def key(self) -> Hashable:
        """Equal for the same bits: 0.0 and -0.0 are two constants."""
        return "constant", repr(self.value)

    def __str__(self) -> str:
        return f"{self.value:g}"


class Elementwise(msgspec.Struct, frozen=True):
    """A numpy ufunc of this bar's values."""

    ufunc: np.ufunc
    is_condition: bool

    @property
    def key(self) -> Hashable:
        """Equal for the same ufunc."""
        return self

    def column(self, shape: Shape, *columns: Column | float) -> Column:
        """The ufunc over whole columns."""
        if self.ufunc not in EXACT:
            return self._value_by_value(shape, columns)
        values: Column = self.ufunc(*columns)
        return values + 0.0 if self.ufunc in PICKS_A_ZERO else values

    def _value_by_value(self, shape: Shape, columns: tuple[Column | float, ...]) -> Column:
        flat = (np.broadcast_to(column, shape).ravel().tolist() for column in columns)
        kind = np.bool_ if self.is_condition else np.float64
        count = prod(shape)
        values = (self.ufunc(*row) for row in zip(*flat, strict=True))
        return np.fromiter(values, dtype=kind, count=count).reshape(shape)

    def stepper(self) -> Step:
        """The ufunc on one bar's values."""
        return EXACT.get(self.ufunc) or partial(_quietly, self.ufunc, bool if self.is_condition else float)

    def __str__(self) -> str:
        return self.ufunc.__name__


def _quietly(ufunc: np.ufunc, kind: type, *values: float) -> Any:
    with np.errstate(all="ignore"):
        return kind(ufunc(*values))


class Where(msgspec.Struct, frozen=True):
    """The first number where a condition holds, the second where it does not."""

    @property
    def key(self) -> Hashable:
        """Equal always."""
        return self

    def column(self, shape: Shape, condition: Column, yes: Column | float, no: Column | float) -> Column:
        """The choice over whole columns."""
        return np.where(condition, np.broadcast_to(yes, shape), np.broadcast_to(no, shape))

    def stepper(self) -> Step:
        """The choice on one bar."""
        return lambda condition, yes, no: yes if condition else no

    def __str__(self) -> str:
        return "where"


class Lag(msgspec.Struct, frozen=True):
    """The value `bars` bars ago; before there is one, NaN, or False for a condition."""

    bars: int
    is_condition: bool

    @property
    def key(self) -> Hashable:
        """Equal for the same lag of the same kind."""
        return self

    def column(self, shape: Shape, values: Column) -> Column:
        """The column moved `bars` bars later."""
        moved: Column = np.full(shape, False if self.is_condition else NAN)
        moved[..., self.bars :] = values[..., : max(shape[-1] - self.bars, 0)]
        return moved

    def stepper(self) -> Step:
        """A queue of `bars` values."""
        queue = deque([False if self.is_condition else NAN] * self.bars)

        def step(value: float) -> float:
            queue.append(value)
            return queue.popleft()

        return step

    def __str__(self) -> str:
        return f"shift {self.bars}"


class Remembering(msgspec.Struct, frozen=True, eq=False):
    """A kernel: what it gives depends on earlier bars.

    gives_floats: `update` gives Python floats, as all of ours do; what others give is converted.
    """

    factory: KernelFactory
    gives_floats: bool = False

    @property
    def key(self) -> Hashable:
        """Equal for the same class with the same parameters; other factories equal only themselves."""
        factory = self.factory
        if not isinstance(factory, partial):
            return factory
        # repr tells 1 from True and 0.0 from -0.0, which compare equal.
        parameters = (factory.args, tuple(sorted(factory.keywords.items())))
        try:
            hash(parameters)
        except TypeError:
            return id(factory)
        return factory.func, parameters, repr(parameters)

    def column(self, shape: Shape, *columns: Column | float) -> Column:
        """The kernel over whole columns.

        Raises ValueError when it gives back another length or no numbers, and TypeError for an `update`
        that does.
        """
        whole = [np.ascontiguousarray(np.broadcast_to(column, shape), np.float64) for column in columns]
        kernel = made(self.factory)
        if len(shape) == 1 or getattr(kernel, "takes_rows", False):
            return self._values(kernel, shape, whole)
        rows = [self._values(made(self.factory), shape[1:], list(row)) for row in zip(*whole, strict=True)]
        return np.array(rows).reshape(shape)

    def _values(self, kernel: Kernel, shape: Shape, columns: list[Column]) -> Column:
        by_column: Step | None = getattr(kernel, "column", None)
        if by_column is None:
            rows = zip(*(column.tolist() for column in columns), strict=True)
            step = self._step_of(kernel)
            return np.fromiter((step(*row) for row in rows), np.float64, shape[-1])
        values = np.asarray(by_column(*columns))
        if values.shape != shape:
            raise ValueError(
                f"{self}.column gave shape {values.shape} for {shape[-1]} bars, not one value per bar"
            )
        if values.dtype.kind not in _NUMBERS:
            raise ValueError(
                f"{self}.column gave dtype {values.dtype}, not numbers; use float64, NaN for none"
            )
        return values.astype(np.float64, copy=False)

    def stepper(self) -> Step:
        """`update` of a fresh kernel."""
        return self._step_of(made(self.factory))

    def _step_of(self, kernel: Kernel) -> Step:
        update = kernel.update
        if self.gives_floats:
            return update

        def step(*values: float) -> float:
            found = update(*values)
            try:
                return float(found)
            except (TypeError, ValueError):
                raise TypeError(f"{self}.update gave {found!r}, not a number; NaN stands for none") from None

        return step

    def __str__(self) -> str:
        factory = self.factory
        if not isinstance(factory, partial):
            return str(getattr(factory, "__name__", factory))
        given = [*map(repr, factory.args), *(f"{name}={value!r}" for name, value in factory.keywords.items())]
        return f"{getattr(factory.func, '__name__', factory.func)}[{', '.join(given)}]"


Rule = Field | OnGrid | Constant | Elementwise | Where | Lag | Remembering | Reading
