"""Building blocks for plugins: everything that layers, losses and metrics of kerasx share.

Stability: the names in `__all__` are public. They keep their meaning within a major version of
kerasx, and a name that goes is deprecated for one minor version first. Third-party plugins may
build on them as the first-party ones do. The modules below are not public: import from here.
"""

from kerasx.authoring._array_module import array_module
from kerasx.authoring._attached import attach, attached, mask_of, require
from kerasx.authoring.arguments import (
    CheckedCall,
    check_argument,
    check_one_of,
    check_positive_integers,
    is_integer,
    is_number,
)
from kerasx.authoring.class_names import read_class_names
from kerasx.authoring.classes import (
    SUM_TOLERANCE,
    Batch,
    Data,
    Layout,
    Reading,
    any_of,
    find_layout,
    makes_nan,
    out_of_range,
    per_class,
    problem_flags,
    raise_for,
    read_batch,
    wrong_sums,
)
from kerasx.authoring.fields import Configurable, argument, snake_case, takes_fields
from kerasx.authoring.loops import put, wide_dtype, widen
from kerasx.authoring.metrics import MeanMetric, SumMetric
from kerasx.authoring.plain import plain_values
from kerasx.authoring.reading import (
    Labels,
    are_equal,
    as_tensor,
    check_shape,
    equals,
    ignored_labels,
    is_float,
    is_ignored,
    predicted_labels,
    read_ignore_class,
    read_labels,
    refuse,
    spread,
    squeeze_last,
    whole_dtype,
    whole_numbers,
)
from kerasx.authoring.reduction import reduced
from kerasx.authoring.report import Report
from kerasx.authoring.results import ArrayResult, DictResult
from kerasx.authoring.sums import (
    add_pairs,
    as_pair,
    block_sum,
    ratio,
    segment_sum,
    weighted_sums,
)

__all__ = [
    "SUM_TOLERANCE",
    "ArrayResult",
    "Batch",
    "CheckedCall",
    "Configurable",
    "Data",
    "DictResult",
    "Labels",
    "Layout",
    "MeanMetric",
    "Reading",
    "Report",
    "SumMetric",
    "add_pairs",
    "any_of",
    "are_equal",
    "argument",
    "array_module",
    "as_pair",
    "as_tensor",
    "attach",
    "attached",
    "block_sum",
    "check_argument",
    "check_one_of",
    "check_positive_integers",
    "check_shape",
    "equals",
    "find_layout",
    "ignored_labels",
    "is_float",
    "is_ignored",
    "is_integer",
    "is_number",
    "makes_nan",
    "mask_of",
    "out_of_range",
    "per_class",
    "plain_values",
    "predicted_labels",
    "problem_flags",
    "put",
    "raise_for",
    "ratio",
    "read_batch",
    "read_class_names",
    "read_ignore_class",
    "read_labels",
    "reduced",
    "refuse",
    "require",
    "segment_sum",
    "snake_case",
    "spread",
    "squeeze_last",
    "takes_fields",
    "weighted_sums",
    "whole_dtype",
    "whole_numbers",
    "wide_dtype",
    "widen",
    "wrong_sums",
]


def __dir__() -> list[str]:
    return __all__
