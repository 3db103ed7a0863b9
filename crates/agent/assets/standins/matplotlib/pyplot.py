"""Stands in for matplotlib.pyplot: importable, and an ImportError at the first call."""

from matplotlib import missing


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return missing(f"matplotlib.pyplot.{name}")
