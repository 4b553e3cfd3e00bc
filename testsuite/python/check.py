"""Answers the questions of the tests: a JSON list of jobs on standard input, answers on standard
output. Each job loads the predict.py of a model's folder and predicts a CSV file with it."""

import importlib.util
import json
import os
import sys
import warnings


def load(folder):
    spec = importlib.util.spec_from_file_location("predict", os.path.join(folder, "predict.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, module.load(folder)


def rows_of(module, path, form):
    lines = module.read_rows(path)
    header = next(lines)
    lines = list(lines)
    if form == "rows":
        return [dict(zip(header, line)) for line in lines]
    return dict(zip(header, zip(*lines))) if lines else dict.fromkeys(header, ())


def listed(values):
    return [None if v != v else v for v in values.tolist()]


def answer(job):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            module, model = load(job["folder"])
            rows = model.encode(rows_of(module, job["data"], job.get("form")))
            return {
                "risk": listed(model.risk(rows)),
                "survival": [listed(s) for s in model.survival(rows, job["times"])],
                "rmst": listed(model.rmst(rows, job["horizon"])),
                "warnings": [str(w.message) for w in seen],
            }
        except ValueError as error:
            return {"error": f"{type(error).__name__}: {error}"}


if len(sys.argv) > 1:  # numbers as text
    module, _ = load(sys.argv[1])
    json.dump([module.number_text(float(v)) for v in json.load(sys.stdin)], sys.stdout)
else:
    json.dump([answer(job) for job in json.load(sys.stdin)], sys.stdout)
