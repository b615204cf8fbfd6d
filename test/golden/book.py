"""The book of records: what a library returned, beside what the referee says it should have returned."""

import numpy as np


def plain(value):
    """Numbers and nested lists, ready for JSON."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    array = np.asarray(value, dtype=np.float64)
    assert np.isfinite(array).all(), "a fixture holds a number that is not finite"
    return array.tolist()


class Book:
    def __init__(self, library, version):
        self.library, self.version, self.records = library, version, []

    def add(self, name, problem, call, parameters, returned, expected, limit, note=None):
        """Keeps a record after checking it: every returned quantity lies within the limit of what the mapping says, in the largest entry.

        The record's tolerance is that distance times three, rounded up to a power of ten: what the library can be held to.
        """
        assert returned.keys() == expected.keys(), (name, returned.keys(), expected.keys())
        distances = {}
        for key in returned:
            got, want = np.asarray(returned[key], float), np.asarray(expected[key], float)
            assert got.shape == want.shape, (name, key, got.shape, want.shape)
            distances[key] = float(np.abs(got - want).max())
        worst = max(distances.values())
        print(f"{self.library:9s} {name:42s} {worst:.1e}  of {limit:.0e}")
        assert worst <= limit, (name, distances)
        tolerance = float(f"1e{int(np.ceil(np.log10(max(3 * worst, 1e-13))))}")
        record = {"name": name, "problem": problem, "call": call, "parameters": parameters, "returned": returned, "tolerance": tolerance}
        self.records.append(plain({**record, **({} if note is None else {"note": note})}))

    def contents(self):
        return {"library": self.library, "version": self.version, "records": self.records}
