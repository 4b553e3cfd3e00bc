"""Lets mlflow.pyfunc load the everfold model in this folder.

    model = mlflow.pyfunc.load_model("runs:/RUN/models/NAME")
    model.predict(rows)      # a DataFrame: survival_<time> for each horizon, rmst, risk

rows is a DataFrame or whatever else predict.py takes. The times are those of the run; others:
load_model(..., model_config={"horizons": [6, 12, 24], "rmst": 24}).
"""

import importlib.util
import os


class Scorer:
    def __init__(self, folder, config):
        # By path: the predict.py of another model may be loaded in this process already.
        spec = importlib.util.spec_from_file_location("everfold_predict", os.path.join(folder, "predict.py"))
        self.code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.code)
        self.model = self.code.load(folder)
        self.horizons = config.get("horizons") or [self.model.last * k / 4 for k in range(1, 5)]
        self.rmst = config.get("rmst") or max(self.horizons)

    def predict(self, rows, params=None):
        import pandas

        design = self.model.encode(rows)
        curves = self.model.survival(design, self.horizons)
        columns = {"survival_" + self.code.number_text(float(t)): curves[:, i] for i, t in enumerate(self.horizons)}
        columns["rmst"] = self.model.rmst(design, self.rmst)
        columns["risk"] = self.model.risk(design)
        return pandas.DataFrame(columns, index=getattr(rows, "index", None))


def _load_pyfunc(folder, config=None):
    return Scorer(folder, config or {})
