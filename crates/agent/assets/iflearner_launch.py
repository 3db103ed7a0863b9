"""Runs an unmodified iflearner program so that a scheduler can tell how it ended.

    python iflearner_launch.py server [ifl_server arguments ...]
    python iflearner_launch.py party  [interpreter options] program.py [arguments ...]
    python iflearner_launch.py party  [interpreter options] -m module  [arguments ...]

iflearner 0.1.0 leaves pollers running that are neither daemons nor ever told to stop, so a crash
is not an exit, and its server never leaves. Here both do, with an exit code that says why:

    n    the program called sys.exit(n) in its main thread; 0 also when it ran to its end
    64   this command line is wrong: nothing was started
    70   an uncaught error in the main thread
    71   an uncaught error in another thread (also: the server went away)
    72   a port is taken
    130  SIGINT, and 143 SIGTERM, also as PID 1
    0    (server) every party has completed; it leaves some three seconds later

A race in its client that now and then makes a whole job wait for ever is mended as well, and two
servers can no longer share a port, each getting some of the parties.

A party's metrics also become lines on stdout, one for each value that `evaluate` returns:

    flow-metric round=3 accuracy=0.9372

SIGUSR1 writes the stacks of all threads to stderr.

Written for Python 3.9 and later. Changes are made to iflearner's modules only when (and if) the
program imports them, so a program that uses something else pays and notices nothing.
"""

import atexit
import faulthandler
import functools
import importlib.machinery
import os
import signal
import sys
import threading

EXIT_USAGE = 64
EXIT_ERROR = 70
EXIT_THREAD_ERROR = 71
EXIT_PORT_TAKEN = 72

# Time for the reply to the last party's goodbye to leave the server, in seconds.
SERVER_LINGER = 3.0

# CPython's options that change how code runs but not which code, alone and with a value.
FLAGS = "BOqsuv"
FLAGS_WITH_VALUE = "WX"

MAX_METRIC_NAME = 64
METRIC_NAME_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
)


# --- Leaving -------------------------------------------------------------------------------------


def leave(code):
    """Ends the process now, whatever its other threads do."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # closed, or a signal came in the middle of a write: the exit code counts more
    os._exit(code & 0xFF)


def fail(code, message):
    """Says why on stderr, then leaves."""
    try:
        sys.stderr.write(f"iflearner_launch: {message}\n")
    except Exception:
        pass
    leave(code)


def exit_code(error):
    """The exit code that Python itself would give for a SystemExit."""
    if error is None or error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stderr.write(f"{error.code}\n")
    return 1


def on_thread_error(unhandled):
    """Makes the end of a thread by an error the end of the process."""
    if issubclass(unhandled.exc_type, SystemExit):
        code = exit_code(unhandled.exc_value)
        if code:
            leave(code)
        return
    sys.excepthook(unhandled.exc_type, unhandled.exc_value, unhandled.exc_traceback)
    leave(EXIT_THREAD_ERROR)


def wait_for_threads():
    """Waits for the program's own threads, as Python does at the end of the main one.

    iflearner's pollers and listeners would never end and are left out."""
    for thread in threading.enumerate():
        target = getattr(thread, "_target", None)
        module = getattr(target, "__module__", None) or ""
        if thread is threading.current_thread() or thread.daemon:
            continue
        if not module.startswith("iflearner.communication."):
            thread.join()


def watch_signals():
    """TERM and INT end the process; as PID 1 the kernel would drop them without a handler."""
    signal.signal(signal.SIGTERM, lambda *_: leave(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, lambda *_: leave(128 + signal.SIGINT))
    try:
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1, all_threads=True)
    except (AttributeError, OSError, RuntimeError, ValueError):
        pass  # no usable stderr: an aid to debugging is no reason not to run


# --- Changing iflearner's modules as they are imported -------------------------------------------


class PatchOnImport:
    """A finder that lets the normal one find a module and calls `patch(module)` once it is run."""

    def __init__(self, patches):
        self._patches = dict(patches)

    def find_spec(self, name, path=None, target=None):
        patch = self._patches.pop(name, None)
        spec = patch and importlib.machinery.PathFinder.find_spec(name, path, target)
        if not spec:
            return None
        execute = spec.loader.exec_module

        def execute_and_patch(module):
            execute(module)
            patch(module)

        spec.loader.exec_module = execute_and_patch
        return spec


def print_metrics(metric):
    """iflearner.business.util.metric: every federated metric also goes to stdout."""
    add = metric.Metric.add

    def add_and_print(self, name, label, x, y):
        add(self, name, label, x, y)
        if label == "FT":  # federated training; "LT" is the local run it may be compared with
            print_metric(name, x, y)

    metric.Metric.add = add_and_print


def print_metric(name, epoch, value):
    """One line in one write, at once. Never the reason why a training ends."""
    try:
        name = str(name)[:MAX_METRIC_NAME]
        name = "".join(c if c in METRIC_NAME_CHARACTERS else "_" for c in name) or "_"
        sys.stdout.write(f"flow-metric round={int(epoch)} {name}={float(value)!r}\n")
        sys.stdout.flush()
    except Exception:
        pass


def keep_newer_stage(strategy_client):
    """iflearner.business.homo.strategy.strategy_client: no message from the server is lost.

    The training loop says "waiting" after its upload has returned. When the answer to the upload
    comes in before that, it is overwritten and the whole job waits for ever: a chance of some
    milliseconds in a second, every round. Here the loop changes only the stage that it has seen."""
    lock = threading.Lock()
    base = strategy_client.StrategyClient
    handlers = base.handler_aggregate_result, base.handler_notify_training

    def current_stage(self):
        self._seen_stage = self._current_stage
        return self._seen_stage

    def set_current_stage(self, stage):
        with lock:
            if self._current_stage is getattr(self, "_seen_stage", self._current_stage):
                self._current_stage = stage

    base.current_stage = current_stage
    base.set_current_stage = set_current_stage
    for handler in handlers:
        setattr(base, handler.__name__, one_at_a_time(lock, handler))


def one_at_a_time(lock, function):
    """The same function, run under a lock."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        with lock:
            return function(*args, **kwargs)

    return run


class ExclusivePorts:
    """Stands for the module `grpc` where iflearner starts a server.

    gRPC shares a port that is taken by another gRPC server (SO_REUSEPORT), and then each gets some
    of the parties; and iflearner does not look whether the port could be had at all."""

    def __init__(self, grpc):
        self._grpc = grpc

    def __getattr__(self, name):
        return getattr(self._grpc, name)

    def server(self, *args, options=None, **kwargs):
        options = [*(options or ()), ("grpc.so_reuseport", 0)]
        server = self._grpc.server(*args, options=options, **kwargs)
        bind = server.add_insecure_port

        def bind_or_leave(address):
            try:
                port = bind(address)
            except RuntimeError as error:
                fail(EXIT_PORT_TAKEN, f"cannot listen on {address}: {error}")
            if port == 0:
                fail(EXIT_PORT_TAKEN, f"cannot listen on {address}")
            return port

        server.add_insecure_port = bind_or_leave
        return server


def bind_exclusively(base_server):
    """iflearner.communication.base.base_server: a port belongs to one server."""
    base_server.grpc = ExclusivePorts(base_server.grpc)


def leave_when_complete(strategy_server):
    """iflearner.business.homo.strategy.strategy_server: the end of the job ends the server."""
    import json

    base = strategy_server.StrategyServer
    complete_one = base.handler_complete
    leaving = threading.Event()

    def handler_complete(self, party_name):
        complete_one(self, party_name)
        parties = list(self._clients.values())
        complete = sum(party.complete for party in parties)
        if complete == len(parties) >= self._num_clients > 0 and not leaving.is_set():
            leaving.set()
            threading.Timer(SERVER_LINGER, leave, (0,)).start()

    def clients_to_json(self):
        # The same answer, but without a line on stdout for each party each time somebody asks.
        return json.dumps({name: vars(party) for name, party in list(self._clients.items())})

    base.handler_complete = handler_complete
    base.clients_to_json = clients_to_json


class WithoutHeartbeats:
    """A logger that drops what the server says of each party's "anything new?", once a second."""

    def __init__(self, logger):
        self._logger = logger

    def __getattr__(self, name):
        return getattr(self._logger, name)

    def info(self, message, *args, **kwargs):
        if ", message type: , " not in str(message):
            self._logger.opt(depth=1).info(message, *args, **kwargs)


def steady_server(homo_server):
    """iflearner.communication.homo.homo_server: a log of days stays readable, and small; and the
    parties are counted by one thread at a time, where they are many at once."""
    homo_server.logger = WithoutHeartbeats(homo_server.logger)
    lock = threading.Lock()
    for name in ("send", "post", "callback"):
        method = getattr(homo_server.HomoServer, name)
        setattr(homo_server.HomoServer, name, one_at_a_time(lock, method))


def allow_any_seed():
    """iflearner seeds with a datetime, a TypeError from Python 3.11 on.

    What cannot be a seed means "an unpredictable one" here, which is also the better secret."""
    import random

    seed = random.seed

    def seed_with_anything(a=None, version=2):
        usable = a is None or isinstance(a, (int, float, str, bytes, bytearray))
        return seed(a if usable else None, version)

    random.seed = seed_with_anything


# --- The two roles -------------------------------------------------------------------------------


def run_server(arguments):
    """iflearner's aggregation server."""

    def on_server_thread_error(unhandled):
        if issubclass(unhandled.exc_type, SystemExit):  # how werkzeug says "Address already in use"
            leave(EXIT_PORT_TAKEN)
        on_thread_error(unhandled)

    threading.excepthook = on_server_thread_error
    sys.meta_path.insert(
        0,
        PatchOnImport(
            {
                "iflearner.business.homo.strategy.strategy_server": leave_when_complete,
                "iflearner.communication.base.base_server": bind_exclusively,
                "iflearner.communication.homo.homo_server": steady_server,
            }
        ),
    )
    sys.argv = ["ifl_server", *arguments]
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every status request
    from iflearner.business.homo.aggregate_server import main

    main()


def run_party(arguments):
    """The user's training program."""
    options, rest = split_interpreter_options(arguments)
    if options and sys.executable:
        # Only a fresh interpreter can honour them. The same process, so the same id and parent.
        command = [sys.executable, *options, os.path.abspath(__file__), "party", *rest]
        os.execv(command[0], command)

    threading.excepthook = on_thread_error
    sys.meta_path.insert(
        0,
        PatchOnImport(
            {
                "iflearner.business.homo.strategy.strategy_client": keep_newer_stage,
                "iflearner.business.util.metric": print_metrics,
                "iflearner.communication.base.base_server": bind_exclusively,
            }
        ),
    )
    import runpy

    if rest[0] == "-m":
        set_first_path(os.getcwd())
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        program = rest[0]
        if not os.path.exists(program):
            fail(EXIT_USAGE, f"no such program: {program} (working directory: {os.getcwd()})")
        set_first_path(os.path.dirname(os.path.realpath(program)))
        sys.argv = rest
        runpy.run_path(program, run_name="__main__")


def split_interpreter_options(arguments):
    """Parts `-u -W error train.py --lr 1` into options and program; refuses what it does not know.

    `-u` is dropped: output is never held back here anyway."""
    options, rest = [], list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        option = rest.pop(0)
        letters = option[1:]
        if letters and all(letter in FLAGS for letter in letters):
            kept = letters.replace("u", "")
            options += [f"-{kept}"] if kept else []
        elif letters and letters[0] in FLAGS_WITH_VALUE and (letters[1:] or rest):
            options.append(option if letters[1:] else option + rest.pop(0))
        else:
            fail(
                EXIT_USAGE,
                f"interpreter option {option!r} is not supported; use program.py or -m module, "
                f"after any of {' '.join('-' + f for f in FLAGS)} -W … -X …",
            )
    if not rest or rest == ["-m"]:
        fail(EXIT_USAGE, "no program is given; use program.py or -m module")
    return options, rest


def set_first_path(directory):
    """Puts the program's directory where Python put that of this file."""
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == here:
        del sys.path[0]
    sys.path.insert(0, directory)


def add_stand_ins():
    """Lets iflearner be imported without VisualDL and matplotlib; the real ones go first."""
    sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "standins"))


def show_output_at_once():
    """A program that ends in os._exit, as iflearner's do, loses what is still in a buffer."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.reconfigure(line_buffering=True)
        except Exception:
            pass  # none, or replaced by something that is not a text stream


def main():
    watch_signals()
    roles = {"server": run_server, "party": run_party}
    role, arguments = sys.argv[1:2], sys.argv[2:]
    if not role or role[0] not in roles:
        fail(EXIT_USAGE, f"the first argument must be one of {', '.join(roles)}")
    show_output_at_once()
    add_stand_ins()
    allow_any_seed()
    try:
        roles[role[0]](arguments)
        wait_for_threads()
        code = 0
    except SystemExit as error:
        code = exit_code(error)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        leave(EXIT_ERROR)
    atexit._run_exitfuncs()  # what the program registered; os._exit would skip it
    leave(code)


if __name__ == "__main__":
    main()
