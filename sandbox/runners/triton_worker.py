"""Inside the box: loads a Triton program under the interpreter and launches it on buffers from files.

usage: triton_worker.py SITE PROGRAM CALLS ENTRY. CALLS is JSON: a list of calls, each a list of arguments: a number, or
[file, dtype, is_written]. What may be written comes back as `CALL-ARGUMENT` in the working directory. Nothing that this
process says is taken for more than bytes. Needs numpy and triton; torch is not needed, because a buffer here answers
what the interpreter asks of a tensor.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

TYPES = {"float32": "fp32", "int32": "i32", "int64": "i64"}


class Buffer:
    """As much of a tensor as the interpreter asks for: an address, a type, a storage on the host."""

    def __init__(self, array: Any) -> None:
        self.array, self.dtype = array, TYPES[str(array.dtype)]

    def data_ptr(self) -> int:
        return int(self.array.ctypes.data)

    def untyped_storage(self) -> Buffer:
        return self

    def cpu(self) -> Buffer:
        return self

    def copy_(self, other: Buffer) -> Buffer:
        return self

    def new_empty(self, *_: Any, **__: Any) -> Buffer:
        return Buffer(self.array)

    def set_(self, storage: Buffer, *_: Any) -> None:
        self.array = storage.array

    def storage_offset(self) -> int:
        return 0

    def size(self) -> Any:
        return self.array.shape

    def stride(self) -> tuple[int]:
        return (1,)


def main() -> None:
    site, program, calls, entry = sys.argv[1:]
    here = Path.cwd()
    os.environ.update({"TRITON_INTERPRET": "1", "TRITON_CACHE_DIR": str(here / "cache"), "HOME": str(here)})
    sys.path.insert(0, site)
    import numpy as np

    spec = importlib.util.spec_from_file_location("candidate", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    launch = getattr(module, entry)
    wanted = json.loads(Path(calls).read_text(encoding="utf-8"))
    for number, arguments in enumerate(wanted):
        given = [Buffer(np.fromfile(one[0], dtype=one[1])) if isinstance(one, list) else one for one in arguments]
        launch(*given)
        for place, argument in enumerate(arguments):
            if isinstance(argument, list) and argument[2]:
                given[place].array.tofile(f"{number}-{place}")


if __name__ == "__main__":
    main()
