"""Stands in for VisualDL where it is not installed: keeps scalars in a text file.

iflearner needs only `LogWriter`, the real package is some 100 MB with what it depends on. For
charts install `visualdl`; it then takes the place of this one without a change.
"""

import os
import threading
import time

FILE_NAME = "scalars.tsv"

# A job of days with a metric at every step must not fill its disk.
MAX_BYTES = 16 * 1024 * 1024


class LogWriter:
    """Appends `time<TAB>step<TAB>tag<TAB>value` lines to `<logdir>/scalars.tsv`."""

    def __init__(self, logdir="runs", display_name="", **_):
        # On a server a part of `logdir` is a name that came over the network.
        if ".." in os.path.normpath(logdir).split(os.sep):
            raise ValueError(f"log directory leads out of the working directory: {logdir!r}")
        os.makedirs(logdir, exist_ok=True)
        self.logdir = logdir
        self.display_name = display_name
        self._lock = threading.Lock()
        self._file = open(os.path.join(logdir, FILE_NAME), "a", encoding="utf-8")
        self._size = self._file.tell()

    def add_scalar(self, tag, value, step, walltime=None):
        """Keeps one value; after `MAX_BYTES` nothing more is kept."""
        tag = str(tag).replace("\t", " ").replace("\n", " ")
        line = f"{walltime or time.time():.3f}\t{int(step)}\t{tag}\t{float(value)!r}\n"
        with self._lock:
            if self._file.closed or self._size + len(line) > MAX_BYTES:
                return
            self._size += len(line)
            self._file.write(line)
            self._file.flush()  # iflearner ends in os._exit, which would lose a buffer

    def flush(self):
        """Nothing is ever held back."""

    def close(self):
        """Ends the file; later values are ignored."""
        with self._lock:
            self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
