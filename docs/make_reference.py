"""Makes the API reference from the docstrings, as HTML: `./run docs`, or `python docs/make_reference.py FOLDER`.

It shows what others may rely on: the names of `tonearm`, the client in `tonearm.lastfm` with every method of
Last.fm's, and the emulator.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pdoc

import tonearm
from tonearm.lastfm.catalogue import METHODS, Catalogue

MODULES = ("tonearm", "tonearm.lastfm", "tonearm.lastfm.catalogue", "lastfm_emulator")


def make(folder: Path) -> None:
    """Write the pages; `index.html` is the first."""
    for name in tonearm.__all__:  # they are imported when they are first used, and pdoc looks at what is there
        setattr(tonearm, name, getattr(tonearm, name))
    for name in METHODS:  # what it wraps makes a request; what it returns is in its own signature
        del vars(Catalogue)[name].__wrapped__
    warnings.filterwarnings("ignore", "Error parsing type annotation")  # they are shown as they are written
    pdoc.render.configure(docformat="markdown", show_source=False, footer_text=f"tonearm {tonearm.__version__}")
    pdoc.pdoc(*MODULES, output_directory=folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    sys.stdout.write(f"{sys.argv[1]}/index.html\n")
