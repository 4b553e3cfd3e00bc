package artifact

import (
	"fmt"
	"strconv"
	"strings"
)

// Keys of the objects that a run has once.
const (
	RunKey       = "run.json"
	PrunedKey    = "pruned.json" // while the run is being removed
	PreparedKey  = "data/prepared.parquet"
	ProfileKey   = "data/profile.json"
	FinalRowsKey = "data/final.parquet" // the rows of final.data; only with it
	MetricsKey   = "artifacts/model_metrics.csv"
	SummaryKey   = "artifacts/model_summary.csv"
	PHTestsKey   = "artifacts/ph_tests.csv"

	// Tables of further scores, of inference, explanation and comparison.
	DetailsKey           = "artifacts/metric_details.csv"
	CalibrationKey       = "artifacts/calibration.csv"
	CurvesKey            = "artifacts/calibration_curves.csv"
	CoefficientsKey      = "artifacts/coefficients.csv"
	ModelTestsKey        = "artifacts/model_tests.csv"
	ImportanceKey        = "artifacts/importance.csv"
	ImportanceSummaryKey = "artifacts/importance_summary.csv"
	DependenceKey        = "artifacts/dependence.csv"
	ComparisonKey        = "artifacts/comparison.csv"
	SelectionKey         = "artifacts/selection.csv"

	PredictionsKey     = "predictions/predictions.csv"
	ParquetKey         = "predictions/predictions.parquet"
	OutOfFoldKey       = "predictions/oof.csv"
	PredictionsInfoKey = "predictions/predictions.json" // written last: what the others are of
	ReportKey          = "report/index.html"
)

// Prefixes of the parts of a run's folder.
const (
	ArtifactsPrefix   = "artifacts/"
	CheckpointsPrefix = "checkpoints/"
	LogsPrefix        = "logs/"
	ReportPrefix      = "report/"
	AlertsPrefix      = "alerts/"
)

// Folder is the key of a run's folder in its store, "<type>/<run>".
func Folder(runType, run string) string { return runType + "/" + run }

// RowsKey holds the test rows of a fold: int64, ascending rows of the prepared table.
func RowsKey(fold int) string { return fmt.Sprintf("folds/fold%d_rows.npy", fold) }

// TrainKey holds the training rows of a fold, int64; only where they are not all others.
func TrainKey(fold int) string { return fmt.Sprintf("folds/fold%d_train.npy", fold) }

// TimesKey holds the time grid of a fold: float64, ascending.
func TimesKey(fold int) string { return fmt.Sprintf("folds/fold%d_times.npy", fold) }

// RiskKey holds a fold's risks: float64 [n_test], higher = earlier event.
func RiskKey(model string, fold int) string { return foldKey(model, fold) + "_risk.npy" }

// SurvKey holds a fold's survival curves: float32 [n_test, n_times].
func SurvKey(model string, fold int) string { return foldKey(model, fold) + "_surv.npy" }

// ManifestKey holds a fold's manifest.
func ManifestKey(model string, fold int) string { return foldKey(model, fold) + ".json" }

func foldKey(model string, fold int) string {
	return fmt.Sprintf("%s%s/%s_fold%d", ArtifactsPrefix, model, model, fold)
}

// AlertKey holds what became of an event's message to an endpoint, which is named by an
// environment variable.
func AlertKey(event, endpoint string) string { return AlertsPrefix + event + "/" + endpoint + ".json" }

// ManifestOf is the inverse of ManifestKey; ok is false for every other key.
func ManifestOf(key string) (model string, fold int, ok bool) {
	rest, found := strings.CutPrefix(key, ArtifactsPrefix)
	model, file, slash := strings.Cut(rest, "/")
	number, isJSON := strings.CutSuffix(strings.TrimPrefix(file, model+"_fold"), ".json")
	fold, err := strconv.Atoi(number)
	if !found || !slash || !isJSON || err != nil || fold < 0 || ManifestKey(model, fold) != key {
		return "", 0, false
	}
	return model, fold, true
}

// CheckpointPrefix holds everything that is of use only until a fold's manifest, or a final
// model, exists.
func CheckpointPrefix(model string, fold int) string {
	if fold == FinalFold {
		return fmt.Sprintf("%s%s/final/", CheckpointsPrefix, model)
	}
	return fmt.Sprintf("%s%s/fold%d/", CheckpointsPrefix, model, fold)
}

// CheckpointKey holds the last state of one piece of an unfinished fit. The fingerprint in
// the name keeps a fit from taking up another spec's state; "/" in a piece is "." here.
func CheckpointKey(model string, fold int, fit, piece string) string {
	return fmt.Sprintf("%s%.16s/%s.bin", CheckpointPrefix(model, fold), fit, strings.ReplaceAll(piece, "/", "."))
}

// startsPrefix begins the names of start records. They lie in the fold's own folder: a store
// on disk makes and syncs every further folder durably, before each fit.
func startsPrefix(model string, fold int) string { return CheckpointPrefix(model, fold) + "start." }

// ModelKey, ModelInfoKey, CardKey and PredictKey are the files of a final model.
func ModelKey(model string) string { return "models/" + model + "/model.bin" }

// ModelInfoKey holds the fingerprint, digests and columns of a final model.
func ModelInfoKey(model string) string { return "models/" + model + "/model.json" }

// CardKey holds the model card of a final model.
func CardKey(model string) string { return "models/" + model + "/card.md" }

// PredictKey holds the Python reader of a final model.
func PredictKey(model string) string { return "models/" + model + "/predict.py" }
