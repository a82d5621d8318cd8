"""Building blocks for plugins: everything that layers, losses and metrics of kerasx share.

Stability: the names in `__all__` are public. They keep their meaning within a major version of
kerasx, and a name that goes is deprecated for one minor version first. Third-party plugins may
build on them as the first-party ones do. The modules below are not public: import from here.
"""

from kerasx.authoring._attached import attach, attached, mask_of, require
from kerasx.authoring.arguments import (
    check_argument,
    check_one_of,
    check_positive_integers,
    is_integer,
    is_number,
)
from kerasx.authoring.loops import put, wide_dtype, widen
from kerasx.authoring.reduction import reduced
from kerasx.authoring.sums import add_pairs, as_pair

__all__ = [
    "add_pairs",
    "as_pair",
    "attach",
    "attached",
    "check_argument",
    "check_one_of",
    "check_positive_integers",
    "is_integer",
    "is_number",
    "mask_of",
    "put",
    "reduced",
    "require",
    "wide_dtype",
    "widen",
]
