"""A real iflearner party that fails in a chosen way, for tests of what a platform does then.

    party_faulty.py --name b --server HOST:PORT --epochs 4 --fault raise-in-fit@2 --fault-party b

Faults, `K` being the epoch (from 1) that is hit:

    none             trains to the end
    raise-in-fit@K   raises an error
    exit@K           calls sys.exit(3), as a program does that finds its data broken
    hang-in-fit@K    never comes back: alive, and no progress
    never-register   never says a word to the server

The model is logistic regression on generated data, a few milliseconds an epoch. Started by
iflearner_launch.py, like every party.
"""

import os
import sys
import time

# Tests run many parties at once on few cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from iflearner.business.homo import train_client
from iflearner.business.homo.argument import parser
from iflearner.business.homo.trainer import Trainer

FEATURES = 20
WITHOUT_EPOCH = ("none", "never-register")
WITH_EPOCH = ("raise-in-fit", "exit", "hang-in-fit")
EXIT_CODE = 3


def generate(seed, rows):
    """The same task for everybody, other samples for each seed."""
    truth = np.random.default_rng(42).normal(size=FEATURES)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES))
    return x, (rng.random(rows) < 1 / (1 + np.exp(-x @ truth))).astype(float)


def hang():
    """Sleeps until a signal ends the process."""
    while True:
        time.sleep(3600)


def parse_fault(text):
    """`exit@2` → ("exit", 2); a fault without an epoch gets 0."""
    kind, _, epoch = text.partition("@")
    if kind in WITHOUT_EPOCH and not epoch:
        return kind, 0
    if kind in WITH_EPOCH and epoch.isdigit() and int(epoch) > 0:
        return kind, int(epoch)
    known = [*WITHOUT_EPOCH, *(f"{kind}@K" for kind in WITH_EPOCH)]
    raise SystemExit(f"unknown fault {text!r}: choose one of {', '.join(known)}")


def is_due(args):
    """Whether this party, in this attempt and for the first time, is the one to fail."""
    if args.fault_party and args.fault_party != args.name:
        return False
    if args.fault_attempt and os.environ.get("FLOW_ATTEMPT", "1") != str(args.fault_attempt):
        return False
    return not (args.fault_once and os.path.exists(args.fault_once))


class Faulty(Trainer):
    """Logistic regression with a fault in it."""

    def __init__(self, args, kind, epoch):
        self._args, self._kind, self._fault_epoch = args, kind, epoch
        # Not hash(): that differs from run to run.
        self._x, self._y = generate(sum(args.name.encode()), 500)
        self._x_test, self._y_test = generate(7, 1000)
        self._w = np.zeros(FEATURES)

    def config(self):
        return {"learning_rate": 0.5, "batch_num": 10, "sample_num": len(self._x)}

    def get(self, param_type=Trainer.ParameterType.ParameterModel):
        return {"w": self._w}

    def set(self, parameters, param_type=Trainer.ParameterType.ParameterModel):
        self._w = np.asarray(parameters["w"], dtype=float).reshape(self._w.shape)

    def fit(self, epoch):
        if epoch == self._fault_epoch:
            fail(self._kind, self._args, epoch)
        time.sleep(self._args.fit_seconds)
        for _ in range(10):
            p = 1 / (1 + np.exp(-self._x @ self._w))
            self._w = self._w - 0.5 * self._x.T @ (p - self._y) / len(self._x)

    def evaluate(self, epoch):
        p = 1 / (1 + np.exp(-self._x_test @ self._w))
        accuracy = float(((p > 0.5) == self._y_test).mean())
        print(f"epoch {epoch}: accuracy {accuracy:.4f}", flush=True)
        return {"accuracy": accuracy}


def fail(kind, args, epoch):
    """Makes the fault happen, after noting in the --fault-once file that it has."""
    print(f"fault: {kind} at epoch {epoch}", flush=True)
    if args.fault_once:
        with open(args.fault_once, "x", encoding="utf-8") as mark:
            mark.write(f"{args.name} {kind}\n")
    if kind == "raise-in-fit":
        raise RuntimeError(f"injected fault at epoch {epoch}")
    if kind == "exit":
        sys.exit(EXIT_CODE)
    hang()


def main():
    parser.add_argument("--fault", default="none", help="what goes wrong, see above")
    parser.add_argument("--fault-party", metavar="NAME", help="only this party fails")
    parser.add_argument(
        "--fault-attempt", type=int, metavar="N", help="fails only while FLOW_ATTEMPT is N"
    )
    parser.add_argument(
        "--fault-once", metavar="FILE", help="fails unless FILE exists, and creates it by that"
    )
    parser.add_argument(
        "--fit-seconds", type=float, default=0.0, help="how long an epoch takes at least"
    )
    args = parser.parse_args()
    kind, epoch = parse_fault(args.fault)
    if not is_due(args):
        kind, epoch = "none", 0
    if kind == "never-register":
        fail(kind, args, epoch)
    train_client.Controller(args, Faulty(args, kind, epoch)).run()


if __name__ == "__main__":
    main()
