#!/usr/bin/env python3
"""Predictions of the model beside this file: model.json and model.bin, as everfold wrote them.

As a module:

    import predict
    model = predict.load("models/gbsa")         # a folder; without one, that of this file
    model.risk(rows)                             # higher: an earlier event
    model.survival(rows, [6, 12, 24])            # S(t), a row per row and a column per time
    model.rmst(rows, 24)                         # expected time within the first 24

rows are a mapping from column name to values (a pandas.DataFrame is one) or a list of mappings.
None, NaN, "", "NA", "NaN", "nan", "null" and "NULL" are missing. Levels that the training rows
lack count as "(other)" where there is such a level, else as the reference level; a warning
counts them. What is wrong with rows is a DataError, with files a ModelError.

As a command:

    python predict.py --data new.csv --out predictions.csv --times 6,12,24

Needs Python 3.8 and numpy. Numbers equal those of everfold itself to 1e-12; the format of the
files is described in docs/MODEL_FILES.md.
"""

import argparse
import csv
import gzip
import hashlib
import itertools
import json
import os
import re
import struct
import sys
import tempfile
import warnings

import numpy as np


class ModelError(ValueError):
    """The files are not those of a model that this program reads."""


class DataError(ValueError):
    """Rows cannot be predicted."""


# ---------------------------------------------------------------- model files

NEWEST = {"km": 1, "cox_ph": 3, "cox_stratified": 3, "coxnet": 5, "weibull_aft": 3,
          "gbsa": 3, "rsf": 2, "orsf": 2, "stack": 1}  # the versions that are read, from 1 on


class Reader:
    """The fields of a model file, in the order they were written. Numbers are little-endian."""

    def __init__(self, data):
        body, digest = data[:-32], data[-32:]
        if not data.startswith(b"EVERFOLD") or hashlib.sha256(body).digest() != digest:
            raise ModelError("not a model file, or a damaged one: its digest does not match its bytes")
        self.data, self.at = body, 8
        if self.number("<H") != 1:
            raise ModelError("a model file of another layout")
        self.type, self.version = self.text(), self.number("<I")
        if not 1 <= self.version <= NEWEST.get(self.type, 0):
            raise ModelError(f"a model of type {self.type!r}, version {self.version}, which this program does not know")

    def take(self, size):
        self.at += size
        if self.at > len(self.data):
            raise ModelError("the model file ends within a field")
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def count(self):
        return self.number("<I")

    def bool(self):
        return self.number("<B") == 1

    def int(self):
        return self.number("<q")

    def float(self):
        return self.number("<d")

    def text(self):
        return self.take(self.count()).decode()

    def texts(self):
        return [self.text() for _ in range(self.count())]

    def array(self, kind):
        return np.frombuffer(self.take(np.dtype(kind).itemsize * (n := self.count())), kind, n)

    def floats(self):
        return self.array("<f8")

    def int32s(self):
        return self.array("<i4").astype(np.int64)

    def float32s(self):
        return self.array("<f4").astype(np.float64)

    def file(self):
        return self.take(self.count())

    def step(self):
        return Step(self.float(), self.floats(), self.floats())

    def report(self):
        """How the fit went: not needed here, but part of the file."""
        self.bool(), self.int(), self.floats()
        for _ in range(self.count()):
            self.text(), self.float(), self.float()
        for _ in range(self.count()):
            self.text(), self.text()

    def close(self):
        if self.at != len(self.data):
            raise ModelError("bytes are left over in the model file")


class Step:
    """A right-continuous step function that keeps its last value."""

    def __init__(self, before, times, values):
        self.times, self.values = times, np.concatenate([[before], values])

    def at(self, t):
        return self.values[np.searchsorted(self.times, t, side="right")]


# ---------------------------------------------------------------- models
#
# Each reads its fields and gives risk(design) and survival(design, times), times ascending.

def falling(curves):
    """Rounding must not make a curve rise, or leave [0, 1]."""
    return np.minimum.accumulate(np.clip(curves, 0, 1), axis=1)


def proportional(hazard, relative):
    """exp(-H0(t) * relative), 1 where there is no hazard yet, however high the relative risk."""
    with np.errstate(invalid="ignore", over="ignore"):
        return falling(np.where(hazard > 0, np.exp(-hazard * relative[:, None]), 1.0))


class Predictor:
    """sum (x - center) * beta, column by column."""

    def __init__(self, r):
        self.columns, self.center, self.beta = r.texts(), r.floats(), r.floats()

    def eta(self, design):
        eta = np.zeros(design.rows)
        for name, center, beta in zip(self.columns, self.center, self.beta):
            values = design.column(name)
            if not np.isfinite(values).all():
                raise DataError(f"column {name!r} must be finite")
            eta += (values - center) * beta
        return eta


class KaplanMeier:
    def __init__(self, r):
        self.curve = r.step()
        r.report()

    def risk(self, design):
        return np.zeros(design.rows)

    def survival(self, design, times):
        return np.tile(self.curve.at(times), (design.rows, 1))


class Cox:
    def __init__(self, r):
        r.text(), r.float()  # tie rule, penalty
        self.predictor = Predictor(r)
        self.baselines = {}  # cumulative hazard by number of the stratum, 0 where there are none
        while r.bool():
            number = r.int()
            self.baselines[number] = r.step()
        self.grid = r.floats() if r.type == "cox_stratified" else None
        r.report()

    def rows(self, design, number):
        """The rows of a stratum."""
        return slice(None) if self.grid is None else design.strata == number

    def risk(self, design):
        eta = self.predictor.eta(design)
        if self.grid is None:
            return eta
        risk = np.zeros(design.rows)
        for number, hazard in self.baselines.items():
            rows, total = self.rows(design, number), 0.0
            for h in hazard.at(self.grid):
                total += h
            if total > 0:
                with np.errstate(over="ignore"):
                    risk[rows] = np.minimum(total * np.exp(eta[rows]), sys.float_info.max)
        return risk

    def survival(self, design, times):
        with np.errstate(over="ignore"):
            relative = np.exp(self.predictor.eta(design))
        curves = np.empty((design.rows, len(times)))
        for number, hazard in self.baselines.items():
            rows = self.rows(design, number)
            curves[rows] = proportional(hazard.at(times), relative[rows])
        return curves


class Coxnet:
    def __init__(self, r):
        self.predictor, self.baseline = Predictor(r), r.step()
        alphas = r.floats()
        for _ in range(4):  # log-likelihoods, shares and cross-validated deviances of the path
            r.floats()
        r.int()
        for _ in alphas:
            r.floats()
        r.report()

    def risk(self, design):
        return self.predictor.eta(design)

    def survival(self, design, times):
        with np.errstate(over="ignore"):
            return proportional(self.baseline.at(times), np.exp(self.predictor.eta(design)))


class Weibull:
    def __init__(self, r):
        self.predictor = Predictor(r)
        self.location, _, _, self.sigma, _ = r.floats()
        r.report()

    def risk(self, design):
        return -(self.predictor.eta(design) + self.location)

    def survival(self, design, times):
        with np.errstate(divide="ignore", over="ignore"):
            z = (np.log(np.maximum(times, 0)) + self.risk(design)[:, None]) / self.sigma
            return falling(np.exp(-np.exp(z)))


def shape(inner):
    """Right children and leaf numbers of a tree whose nodes are in preorder: where a right
    child begins, as many right children are still to come as where its parent began."""
    waiting = np.concatenate([[0], np.cumsum(np.where(inner, 1, -1))[:-1]])
    order = np.argsort(waiting, kind="stable")
    right = np.zeros(len(inner), np.int64)
    right[order[:-1]] = order[1:]
    return right, np.cumsum(~inner) - 1


class Tree:
    def __init__(self, r):
        nodes, thresholds = r.int32s(), r.floats()
        self.inner = nodes >= 0
        self.right, self.leaf = shape(self.inner)
        self.feature, self.gap_left = nodes // 2, nodes % 2 == 1
        self.threshold = np.zeros(len(nodes))
        self.threshold[self.inner] = thresholds

    def goes_left(self, x, rows, nodes):
        values = x[rows, self.feature[nodes]]
        return (values <= self.threshold[nodes]) | (np.isnan(values) & self.gap_left[nodes])

    def leaves(self, x):
        """The leaf of every row."""
        at, rows = np.zeros(len(x), np.int64), np.arange(len(x))
        while len(rows := rows[self.inner[at[rows]]]):
            nodes = at[rows]
            at[rows] = np.where(self.goes_left(x, rows, nodes), nodes + 1, self.right[nodes])
        return self.leaf[at]


class ObliqueTree(Tree):
    """Splits on linear combinations: the terms of all nodes follow each other."""

    def __init__(self, r):
        self.terms, cuts = r.int32s(), r.floats()
        self.column, self.coefficient, self.fill = r.int32s(), r.float32s(), r.floats()
        self.inner = self.terms > 0
        self.right, self.leaf = shape(self.inner)
        self.first = np.cumsum(self.terms) - self.terms
        self.cut = np.zeros(len(self.terms))
        self.cut[self.inner] = cuts

    def goes_left(self, x, rows, nodes):
        total = np.zeros(len(rows))
        for k in range(self.terms[nodes].max()):
            has = self.terms[nodes] > k
            term = self.first[nodes[has]] + k
            values = x[rows[has], self.column[term]]
            values = np.where(np.isnan(values), self.fill[self.column[term]], values)
            total[has] += self.coefficient[term] * values
        return total <= self.cut[nodes]


class Boosting:
    def __init__(self, r):
        self.columns, self.center, self.baseline = r.texts(), r.float(), r.step()
        self.trees = []
        while r.bool():
            self.trees.append((Tree(r), r.floats()))
        r.report()

    def risk(self, design):
        x, risk = design.matrix(self.columns), np.zeros(design.rows)
        for tree, values in self.trees:
            risk += values[tree.leaves(x)]
        return risk

    def survival(self, design, times):
        with np.errstate(over="ignore"):
            return proportional(self.baseline.at(times), np.exp(self.risk(design) - self.center))


class Leaves:
    """The outcomes of a survival tree's leaves: the event times in each, their events and
    rows at risk. Entries offset[l]...offset[l+1] are those of leaf l."""

    def __init__(self, r):
        self.offset, self.rank = r.int32s(), r.int32s()
        self.hazard = r.float32s() / r.float32s()
        self.leaf = np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))

    def falls(self):
        """By how much the Kaplan-Meier curve of the leaf falls at each entry."""
        falls, alive = self.hazard.copy(), np.ones(len(self.offset) - 1)
        for k in range(np.diff(self.offset).max(initial=0)):
            leaf = np.flatnonzero(np.diff(self.offset) > k)
            entry = self.offset[leaf] + k
            falls[entry] *= alive[leaf]
            alive[leaf] -= falls[entry]
        return falls


class Forest:
    def __init__(self, r):
        self.columns, self.times, self.events = r.texts(), r.floats(), r.int32s()
        self.by_hazard = r.bool()  # S is exp(-H), not the mean of the leaves' curves
        self.trees = []
        while r.bool():
            tree = Tree(r) if r.type == "rsf" else ObliqueTree(r)
            self.trees.append((tree, Leaves(r)))
        r.report()
        r.float(), r.int()  # out-of-bag error, rows

    def risk(self, design):
        x, risk = design.matrix(self.columns), np.zeros(design.rows)
        later = np.zeros(len(self.times))  # distinct event times from each on
        later[self.events] = 1
        later = np.cumsum(later[::-1])[::-1]
        for tree, leaves in self.trees:
            risks = np.bincount(leaves.leaf, leaves.hazard * later[leaves.rank], len(leaves.offset) - 1)
            risk += risks[tree.leaves(x)]
        return risk / len(self.trees)

    def survival(self, design, times):
        x, n = design.matrix(self.columns), len(times)
        cell = np.searchsorted(times, self.times)  # of the wanted times, at which a fall shows
        total = np.zeros((design.rows, n))
        for tree, leaves in self.trees:
            present, row = np.unique(tree.leaves(x), return_inverse=True)
            slot = np.full(len(leaves.offset) - 1, -1)
            slot[present] = np.arange(len(present))
            slot, at = slot[leaves.leaf], cell[leaves.rank]
            falls = leaves.hazard if self.by_hazard else leaves.falls()
            wanted = (slot >= 0) & (at < n)
            sums = np.bincount(slot[wanted] * n + at[wanted], falls[wanted], len(present) * n)
            total += sums.reshape(len(present), n)[row]
        total = np.cumsum(total, axis=1) / len(self.trees)
        return falling(np.exp(-total) if self.by_hazard else 1 - total)


class Stack:
    def __init__(self, r):
        self.columns, self.grid = r.texts(), r.floats()
        self.bases = []
        while r.bool():
            _, weight, _ = r.text(), r.float(), r.text()  # name and type are in the base's file, too
            self.bases.append((weight, read(r.file())))
        r.report()

    def risk(self, design):
        return sum(w * (1 - base.survival(design, self.grid)).sum(axis=1) for w, base in self.bases)

    def survival(self, design, times):
        return falling(1 - sum(w * (1 - base.survival(design, times)) for w, base in self.bases))


TYPES = {"km": KaplanMeier, "cox_ph": Cox, "cox_stratified": Cox, "coxnet": Coxnet, "weibull_aft": Weibull,
         "gbsa": Boosting, "rsf": Forest, "orsf": Forest, "stack": Stack}


def read(data):
    """The model in the bytes of a model file."""
    r = Reader(data)
    model = TYPES[r.type](r)
    r.close()
    return model


# ---------------------------------------------------------------- cells

MISSING = {"", "NA", "NaN", "nan", "null", "NULL"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_missing(value):
    if value is None or isinstance(value, str):
        return value is None or value.strip(" \t") in MISSING
    return type(value).__name__ in ("NAType", "NaTType") or value != value


def number_text(value):
    """A number as everfold writes it: the shortest text that gives it again."""
    if value == 0 or value - value != 0:
        return {0: "-0" if np.signbit(value) else "0", 1: "+Inf", -1: "-Inf"}[int(np.sign(value))]
    digits, exponent = re.fullmatch(r"(-?\d(?:\.\d+)?)e([+-]\d+)", np.format_float_scientific(value, trim="-")).groups()
    exponent = int(exponent)
    if -4 <= exponent < 6:
        return np.format_float_positional(value, trim="-")
    return f"{digits}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def as_number(value, where):
    """A cell of a numeric column; NaN where it is missing."""
    if is_missing(value):
        return np.nan
    if isinstance(value, str):
        if not NUMBER.fullmatch(value.strip(" \t")):
            raise DataError(f"{where} holds text where a number is needed")
    elif not isinstance(value, (bool, int, float, np.bool_, np.number)):
        raise DataError(f"{where} holds a {type(value).__name__} where a number is needed")
    return float(value)


def as_text(value):
    """A cell of a column of levels; None where it is missing."""
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return number_text(float(value))
    return str(value)


class Rows:
    """The columns of rows, by name. first is the number of the first one, for messages."""

    def __init__(self, rows, first=0):
        self.first = first
        if not hasattr(rows, "keys"):
            rows = list(rows)
            self.count = len(rows)
            self.columns = {name: [row.get(name) for row in rows] for name in (rows[0].keys() if rows else ())}
            for i, row in enumerate(rows):
                if row.keys() != rows[0].keys():
                    raise DataError(f"row {first + i} has other columns than row {first}")
            return
        self.columns = {name: rows[name] for name in rows.keys()}
        lengths = {len(values) for values in self.columns.values()}
        if len(lengths) > 1:
            raise DataError("the columns differ in length")
        self.count = lengths.pop() if lengths else 0

    def require(self, names):
        missing = [name for name in names if name not in self.columns]
        if missing and (self.count or self.columns):
            raise DataError("missing columns: " + ", ".join(repr(name) for name in missing))

    def numbers(self, name):
        values = self.columns.get(name, ())
        if getattr(getattr(values, "dtype", None), "kind", "O") in "iufb":
            values = np.asarray(values, np.float64)
        else:
            values = np.array([as_number(v, f"row {self.first + i}: column {name!r}") for i, v in enumerate(values)], np.float64)
        if np.isinf(values).any():
            raise DataError(f"row {self.first + int(np.argmax(np.isinf(values)))}: column {name!r} holds an infinite number")
        return values

    def texts(self, name):
        return [as_text(v) for v in self.columns.get(name, ())]


# ---------------------------------------------------------------- preprocessing

class Design:
    """Encoded rows: what models are evaluated on."""

    def __init__(self, rows):
        self.rows, self.columns, self.strata = rows, {}, None

    def column(self, name):
        return self.columns[name]

    def matrix(self, names):
        return np.column_stack([self.columns[n] for n in names]) if names else np.empty((self.rows, 0))


class Preprocessing:
    """What was fitted on the training rows, as model.json has it: impute, rare, encode,
    drop_constant, scale."""

    def __init__(self, document):
        if document["version"] != 1:
            raise ModelError(f"preprocessing of version {document['version']}, which this program does not know")
        self.terms, self.strata = document.get("terms") or [], document.get("strata")
        impute = document["options"]["impute"]
        self.fills, self.refuses = impute in ("median", "mean"), impute in ("", "error", "drop-row")

    def sources(self):
        """The columns that rows must have."""
        return [t["name"] for t in self.terms] + (self.strata["columns"] if self.strata else [])

    def apply(self, rows):
        rows.require(self.sources())
        design = Design(rows.count)
        for term in self.terms:
            encode = self.numeric if "numeric" in term else self.factor
            encode(design, rows, term["name"], term.get("numeric") or term["factor"])
        if self.strata:
            design.strata = self.number(rows)
        return design

    def gap(self, rows, name, missing):
        if self.refuses and missing.any():
            raise DataError(f"row {rows.first + int(np.argmax(missing))}: column {name!r} is missing, and impute fills no gaps")

    def numeric(self, design, rows, name, term):
        values = rows.numbers(name)
        missing = np.isnan(values)
        self.gap(rows, name, missing)
        if term["value"]:
            if self.fills:
                values = np.where(missing, term["fill"], values)
            design.columns[name] = (values - term["mean"]) / term["sd"]
        if term["indicator"]:
            design.columns[name + "_missing"] = missing.astype(np.float64)
        if missing.any() and term["gaps"] == 0:
            warnings.warn(f"column {name!r}: {missing.sum()} of {rows.count} rows are missing, though no training row is")

    def factor(self, design, rows, name, term):
        levels, known = term["levels"], {k["level"]: k["to"] for k in term["known"]}
        texts = rows.texts(name)
        self.gap(rows, name, np.array([t is None for t in texts], bool))
        codes = np.array([known.get("(missing)" if t is None else t, -1) for t in texts], np.int64)
        unseen = codes < 0
        if unseen.any():
            other = "(other)" in levels
            codes[unseen] = levels.index("(other)") if other else 0
            warnings.warn(f"column {name!r}: {unseen.sum()} of {rows.count} rows have a level that the training rows lack; "
                          f"they count as {'(other)' if other else 'the reference level'}")
        for k in range(term["first"], len(levels)):
            design.columns[f"{name}={levels[k]}"] = (codes == k).astype(np.float64)

    def number(self, rows):
        """The stratum of every row. A column is one of numbers if all its training cells are."""
        cells = []
        for j, name in enumerate(self.strata["columns"]):
            known = {key[j] for key in self.strata["keys"]} - {"(missing)"}
            if all(NUMBER.fullmatch(k) and number_text(float(k)) == k for k in known):
                cells.append([None if v != v else number_text(v) for v in rows.numbers(name)])
            else:
                cells.append(rows.texts(name))
        number = {tuple(key): k for k, key in enumerate(self.strata["keys"])}
        strata = np.array([number.get(tuple("(missing)" if c is None else c for c in key), -1) for key in zip(*cells)], np.int64)
        if (strata < 0).any():
            raise DataError(f"row {rows.first + int(np.argmax(strata < 0))}: its stratum {self.strata['columns']} "
                            f"is none of the training rows; so it is in {(strata < 0).sum()} rows")
        return strata


# ---------------------------------------------------------------- predictions

CELLS = 512          # at least so many cells of the restricted mean
VALUES = 1 << 22     # so many curve values are held at a time


class Model:
    """A final model: what was fitted, and how rows are encoded for it."""

    def __init__(self, info, data):
        self.info = info
        self.fitted = read(data)
        self.preprocessing = Preprocessing(info["preprocess"])
        self.events, self.last = np.array(info["times"]["events"] or []), info["times"]["last"]

    def encode(self, rows, first=0):
        """Rows as a Design, which every method takes in place of rows."""
        return rows if isinstance(rows, Design) else self.preprocessing.apply(Rows(rows, first))

    def risk(self, rows):
        """One number a row; higher: an earlier event."""
        return np.asarray(self.fitted.risk(self.encode(rows)), np.float64)

    def survival(self, rows, times):
        """S(t) of every row at the times, in any order. NaN beyond the last time of the training
        rows, where only the law of weibull_aft says anything."""
        design, times = self.encode(rows), np.atleast_1d(np.asarray(times, np.float64))
        known = np.array([self.knows(t) for t in times], bool)
        at, back = np.unique(times[known], return_inverse=True)
        out = np.full((design.rows, len(times)), np.nan)
        for part, curves in self.blocks(design, at):
            out[part, known] = curves[:, back]
        return out

    def rmst(self, rows, horizon):
        """The expected time within the first horizon: the integral of the model's own curve."""
        if not 0 < horizon < np.inf:
            raise ValueError("the horizon must be a positive number")
        design = self.encode(rows)
        out = np.full(design.rows, np.nan)
        if not self.knows(horizon):
            return out
        steps = self.events[self.events < horizon]
        ends = np.unique(np.concatenate([steps, [horizon], horizon * np.arange(1, CELLS) / CELLS]))
        starts = np.concatenate([[0.0], ends[:-1]])
        middles, back = np.unique(starts + (ends - starts) / 2, return_inverse=True)
        for part, curves in self.blocks(design, middles):
            out[part] = (curves[:, back] * (ends - starts)).sum(axis=1)
        return out

    def knows(self, t):
        return t <= self.last or self.info["type"] == "weibull_aft"

    def blocks(self, design, times):
        """The curves of a few rows at a time."""
        size = max(1, VALUES // (len(times) + 1))
        for start in range(0, design.rows, size):
            part, block = slice(start, start + size), Design(min(size, design.rows - start))
            block.columns = {name: values[part] for name, values in design.columns.items()}
            block.strata = None if design.strata is None else design.strata[part]
            yield part, self.fitted.survival(block, times)


def load(folder=None):
    """The model of a folder, its files verified by their digests."""
    folder = folder or os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as f:
        # The digest at the end is that of the document without spaces, its own value empty.
        text = re.sub(r'("(?:[^"\\]|\\.)*")|\s+', lambda m: m.group(1) or "", f.read())
    head, digest = text[:-66], text[-66:-2]
    if hashlib.sha256((head + '"}').encode()).hexdigest() != digest:
        raise ModelError("model.json is damaged: its digest does not match its content")
    info = json.loads(text)
    if info["format"] != 1:
        raise ModelError(f"a model.json of format {info['format']}, which this program does not know")
    with open(os.path.join(folder, "model.bin"), "rb") as f:
        data = f.read()
    if hashlib.sha256(data).hexdigest() != info["file"]["sha256"]:
        raise ModelError("model.bin is not the file that model.json names")
    return Model(info, data)


# ---------------------------------------------------------------- command

BLOCK = 4096  # rows that are read, predicted and written at a time


def read_rows(path):
    """The data rows of a CSV file, plain or compressed, as lists, after the header."""
    opened = gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.endswith(".gz") else \
        open(path, encoding="utf-8-sig", newline="")
    with opened as f:
        lines = csv.reader(f, strict=True)
        header = next(lines, None)
        if not header:
            raise DataError(f"{path} is empty")
        if len(set(header)) < len(header):
            raise DataError(f"{path} has two columns of one name")
        yield header
        for row in lines:
            if row and len(row) != len(header):
                raise DataError(f"{path}: line {lines.line_num} has {len(row)} cells, the header line {len(header)}")
            if row:
                yield row


def write_predictions(model, options, out):
    rows = read_rows(options.data)
    header = next(rows)
    if options.id and options.id not in header:
        raise DataError(f"missing columns: {options.id!r}")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id"] + ["survival_" + number_text(t) for t in options.times] + ["rmst", "risk"])
    cell = lambda v: "" if v != v else number_text(v)
    done = 0
    while block := list(itertools.islice(rows, BLOCK)):
        columns = dict(zip(header, zip(*block)))
        design = model.encode(columns, done)
        ids = columns[options.id] if options.id else range(done, done + len(block))
        table = zip(ids, model.survival(design, options.times), model.rmst(design, options.horizon), model.risk(design))
        for name, survival, mean, risk in table:
            writer.writerow([name] + [cell(v) for v in survival] + [cell(mean), cell(risk)])
        done += len(block)
    if done == 0:
        model.encode(dict.fromkeys(header, ()))
    return done


def main():
    parser = argparse.ArgumentParser(description="Predict the rows of a CSV file with the model beside this program.")
    parser.add_argument("--data", required=True, help="the rows: .csv or .csv.gz")
    parser.add_argument("--out", required=True, help="the table to write, .csv; it is replaced whole")
    parser.add_argument("--times", help="times of S(t), such as 6,12,24; default: quarters of the last training time")
    parser.add_argument("--horizon", type=float, help="of the restricted mean; default: the largest of the times")
    parser.add_argument("--id", help="the column that names a row; default: row numbers from 0")
    options = parser.parse_args()
    warnings.showwarning = lambda message, *_: print(f"predict.py: {message}", file=sys.stderr)
    warnings.simplefilter("always")
    try:
        model = load()
        if options.times:
            options.times = [as_number(t, "--times") for t in options.times.split(",")]
        else:
            options.times = [model.last * k / 4 for k in range(1, 5)]
        options.horizon = options.horizon or max(options.times)
        folder = os.path.dirname(os.path.abspath(options.out))
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, delete=False) as out:
            try:
                done = write_predictions(model, options, out)
                out.close()
                os.chmod(out.name, 0o644)
                os.replace(out.name, options.out)
            except BaseException:
                out.close()
                os.unlink(out.name)
                raise
    except (ValueError, OSError, csv.Error) as error:
        sys.exit(f"predict.py: {error}")
    print(f"{options.out}: {done} rows")


if __name__ == "__main__":
    main()
