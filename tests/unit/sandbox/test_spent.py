"""What boxes use counts as CPU time of the process that had them run; the kernel's own count of children misses it."""

from __future__ import annotations

from nightforge.domain.limits import Limits
from sandbox import open_sandbox
from sandbox.spent import cpu_time_s

PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")
SPINS = "import time\nwhile time.process_time() < 0.5: pass\n"
LIMITS = Limits(wall_s=60.0, cpu_s=20)


async def test_a_program_in_a_box_counts_and_so_does_what_it_starts() -> None:
    sandbox = open_sandbox()
    nested = f"import os\nif os.fork() == 0:\n exec({SPINS!r})\nelse:\n os.wait()\n"
    for program in (SPINS, nested):
        before = cpu_time_s()
        result = await sandbox.run([*PYTHON, program], files={}, stdin=b"", limits=LIMITS)
        assert result.exit_code == 0
        # The watchdog's last look may be a while before the end.
        assert 0.35 < cpu_time_s() - before < 5.0
        assert 0.35 < result.cpu_s < 5.0


async def test_what_waits_costs_nothing() -> None:
    before = cpu_time_s()
    await open_sandbox().run([*PYTHON, "import time; time.sleep(1)"], files={}, stdin=b"", limits=LIMITS)
    assert cpu_time_s() - before < 0.7
