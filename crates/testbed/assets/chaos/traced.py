"""Starts Python for a job of a chaos test, and notes it down where nothing that dies can forget it.

    traced.py FOLDER [arguments of Python ...]

FOLDER/starts.jsonl gets two lines: that the job was started, and who lived then.
FOLDER/alive/ASSIGNMENT is locked for as long as a process of the job lives: the kernel lets go of the lock with the last
of them, however that ends. So who lives is known exactly, and not only when somebody happens to look.
"""

import fcntl
import json
import os
import sys
import time


def note(folder, **what):
    """One line in one write, so that many can write at once."""
    line = json.dumps({"at": time.time_ns() // 1000, "pid": os.getpid(), **what}) + "\n"
    file = os.open(os.path.join(folder, "starts.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, line.encode())
    os.close(file)


def lives(path):
    """Whether somebody holds the lock."""
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def main():
    folder, own = sys.argv[1], os.environ["FLOW_ASSIGNMENT"]
    note(folder, assignment=own)
    alive = os.path.join(folder, "alive")
    mark = os.open(os.path.join(alive, own), os.O_RDONLY | os.O_CREAT, 0o600)
    # Waits for those that only look. One that is started a second time waits for the first: the line above tells on it.
    fcntl.flock(mark, fcntl.LOCK_EX)
    os.set_inheritable(mark, True)
    others = [name for name in os.listdir(alive) if name != own and lives(os.path.join(alive, name))]
    note(folder, assignment=own, alive=others)
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])


main()
