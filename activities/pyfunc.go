package activities

import (
	_ "embed" // pyfunc.py
	"encoding/json"
	"errors"
	"fmt"

	"everfold/artifact"
	"everfold/store"
	"everfold/tracker"
)

//go:embed pyfunc.py
var pyfuncScript []byte

// loaderModule is the name under which MLflow imports pyfunc.py; the model's folder is its
// path.
const loaderModule = "everfold_model"

// pyfuncFiles make a final model's folder on the server one that mlflow.pyfunc loads: an
// MLmodel file, whose JSON is YAML too, and a loader around predict.py.
func (t *tracked) pyfuncFiles(info *artifact.ModelInfo) ([]tracker.File, error) {
	flavor := map[string]any{"loader_module": loaderModule, "code": ".", "data": "."}
	config, err := t.predictionTimes()
	if err != nil {
		return nil, err
	}
	if config != nil {
		flavor["config"] = config
	}
	content, err := json.MarshalIndent(map[string]any{
		"flavors":  map[string]any{"python_function": flavor},
		"metadata": map[string]any{"everfold_type": info.Type, "everfold_fingerprint": info.Fingerprint},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describe the final %s for MLflow: %w", info.Model, err)
	}
	folder := "models/" + info.Model + "/"
	return []tracker.File{
		inMemory(folder+"MLmodel", append(content, '\n')),
		inMemory(folder+loaderModule+".py", pyfuncScript),
		inMemory(folder+"requirements.txt", []byte("numpy\npandas\n")),
	}, nil
}

// predictionTimes are the horizons and the restriction of the run's predictions; nil where
// there are none yet, and the loader has defaults of its own.
func (t *tracked) predictionTimes() (map[string]any, error) {
	content, _, err := store.ReadAll(t.ctx, t.store, artifact.PredictionsInfoKey, maxSmallFile)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var info struct {
		Horizons []float64 `json:"horizons"`
		RMST     float64   `json:"rmst"`
	}
	if err := json.Unmarshal(content, &info); err != nil || len(info.Horizons) == 0 {
		return nil, nil // damaged: Predict makes it anew
	}
	return map[string]any{"horizons": info.Horizons, "rmst": info.RMST}, nil
}
