"""Names of the classes, as all corpus tests use them (bpf/abi/classes.h)."""
import os
from pathlib import Path

PROGRAM = Path(os.environ.get("SCEPGUARD", Path(__file__).resolve().parents[2] / "build/scepguard"))
# Ascending usefulness.
ORDER = ("ignored", "none", "undecided", "not-SCEP", "other-SCEP", "GetNextCACert", "GetCACertChain",
         "GetCACaps", "GetCACert", "PKIOperation-GET", "PKIOperation-POST")
RANK = {name: rank for rank, name in enumerate(ORDER)}
USEFUL = RANK["GetNextCACert"] + 1


def class_of(method, operation):
    """Class of a request whose method and operation a server has read."""
    if not operation:
        return "not-SCEP"
    if operation == "PKIOperation":
        return f"PKIOperation-{'POST' if method == 'POST' else 'GET'}"
    return operation if operation in RANK else "other-SCEP"
