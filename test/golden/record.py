"""Makes the fixtures of this folder: python record.py [pot] [ott] [geomloss] [acceptance], all of them when none is named."""

import importlib
import json
import pathlib
import sys

from book import plain
from problems import problems

HERE = pathlib.Path(__file__).parent
PARTS = ["acceptance", "pot", "ott", "geomloss"]


def write(name, contents):
    (HERE / f"{name}.json").write_text(json.dumps(contents, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    given = problems()
    write("problems", plain(given))
    for part in sys.argv[1:] or PARTS:
        write(part, importlib.import_module(f"record_{part}").record(given))
