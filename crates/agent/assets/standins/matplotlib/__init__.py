"""Stands in for matplotlib where it is not installed, so that iflearner can be imported.

iflearner imports `matplotlib.pyplot` at start but draws only if a program asks it to. Whatever is
really used raises an ImportError that says what to install.
"""


def missing(name):
    """What any use of `name` ends in."""

    def use(*_args, **_kwargs):
        raise ImportError(f"{name}: matplotlib is not installed; pip install matplotlib")

    return use


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return missing(f"matplotlib.{name}")
