"""What a serving process does with its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAPS = """
import ctypes, threading
from pathlib import Path
from tonearm.serving import share_arenas

libc = ctypes.CDLL(None)
share_arenas()
allocated, done = threading.Barrier(9), threading.Barrier(9)

def allocate():
    kept = bytearray(2000)
    allocated.wait()
    done.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
allocated.wait()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"heaps.xml", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
done.wait()
print(Path("heaps.xml").read_text().count("<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries have other limits")
def test_threads_share_two_arenas(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HEAPS], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "malloc_info" in done.stderr:
        pytest.skip("this C library doesn't say which arenas it has")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 2
