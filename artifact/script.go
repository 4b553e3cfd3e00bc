package artifact

import (
	_ "embed" // predict.py
	"slices"
)

//go:embed predict.py
var predictScript []byte

// PredictScript is predict.py: a Python program that reads model.json and model.bin beside it
// and predicts as this program does, with numpy and nothing else. It is the same for every
// model. Its reader of model files is the second one, beside those of survival/…: see
// docs/MODEL_FILES.md.
func PredictScript() []byte { return slices.Clone(predictScript) }
