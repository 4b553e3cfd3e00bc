package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"everfold/store"
)

const predictionsFormat = 1

// PredictionsInfo is predictions/predictions.json: what the tables beside it are of. It is
// written after them.
type PredictionsInfo struct {
	Format      int    `json:"format"`
	Fingerprint string `json:"fingerprint"`
	Inputs      Inputs `json:"inputs"` // what Fingerprint is the digest of
	Files       []File `json:"files"`
	Model       string `json:"model"`          // of predictions.csv and .parquet
	Data        string `json:"data,omitempty"` // final.data, whose rows they are; "": the rows of the run
	Rows        int    `json:"rows"`
	// InTraining counts rows of Data that the model was fitted on; nil where nothing tells, and
	// where it was fitted on all.
	InTraining *int           `json:"in_training,omitempty"`
	Unseen     map[string]int `json:"unseen,omitempty"` // rows with a level that the training rows lack, by column
	OutOfFold  int            `json:"out_of_fold"`      // rows of oof.csv
	Horizons   []float64      `json:"horizons"`
	RMST       float64        `json:"rmst"`
	Last       float64        `json:"last"`                   // the last observed time of the training rows
	Beyond     []string       `json:"beyond_last,omitempty"`  // columns beyond it: empty, or extrapolated
	Filled     bool           `json:"extrapolated,omitempty"` // they are filled
	Warnings   []Warning      `json:"warnings,omitempty"`
	Attempt    int            `json:"attempt"`
	Worker     string         `json:"worker,omitempty"`
	Build      string         `json:"build"`
	FinishedAt int64          `json:"finished_at"` // Unix milliseconds
	SHA256     string         `json:"sha256"`      // as in Manifest
}

func (p *PredictionsInfo) seal() *string { return &p.SHA256 }

// predictionFiles are the tables, in the order of their streams.
var predictionFiles = []string{PredictionsKey, ParquetKey, OutOfFoldKey}

// ReadPredictions gives the predictions in place where they are of these inputs and every
// table verifies; nil where they are not. Errors are the store's.
func ReadPredictions(ctx context.Context, s store.Store, in Inputs) (*PredictionsInfo, error) {
	info, err := CheckPredictions(ctx, s)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, ErrDamaged):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Fingerprint != in.Fingerprint():
		return nil, nil
	}
	return info, nil
}

// CheckPredictions gives the predictions in place, of whatever inputs, where every table
// verifies. What is wrong with them wraps ErrDamaged; ErrNotFound where there are none.
func CheckPredictions(ctx context.Context, s store.Store) (*PredictionsInfo, error) {
	info := &PredictionsInfo{}
	if _, err := readSealed(ctx, s, PredictionsInfoKey, info); err != nil {
		return nil, fmt.Errorf("read predictions: %w", err)
	}
	if info.Format != predictionsFormat {
		return nil, fmt.Errorf("read predictions: %w: format %d, this program reads %d", ErrDamaged, info.Format, predictionsFormat)
	}
	for _, f := range info.Files {
		if err := verifyFile(ctx, s, f); err != nil {
			return nil, fmt.Errorf("verify predictions: %w", err)
		}
	}
	return info, nil
}

// PredictedRows is the digest of the rows of final.data that the predictions in place are of; ""
// where they are of the rows of the run, or there are none that verify. Errors are the store's.
func PredictedRows(ctx context.Context, s store.Store) (string, error) {
	info, _, err := predictionsInPlace(ctx, s)
	if err != nil || info == nil {
		return "", err
	}
	digest, _ := info.Inputs[InputRows].(string)
	return digest, nil
}

// InputRows is the key among the inputs of predictions that has the digest of the rows of
// final.data; absent where the rows of the run are predicted.
const InputRows = "rows"

// PredictedModel is the model that the predictions in place are of. ErrNotFound where there are
// none; damage wraps ErrDamaged.
func PredictedModel(ctx context.Context, s store.Store) (string, error) {
	info := &PredictionsInfo{}
	if _, err := readSealed(ctx, s, PredictionsInfoKey, info); err != nil {
		return "", fmt.Errorf("read predictions: %w", err)
	}
	return info.Model, nil
}

// predictionsInPlace reads predictions.json; nil where there is none that verifies.
func predictionsInPlace(ctx context.Context, s store.Store) (info *PredictionsInfo, etag string, err error) {
	info = &PredictionsInfo{}
	etag, err = readSealed(ctx, s, PredictionsInfoKey, info)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, ErrDamaged):
		return nil, etag, nil
	case err != nil:
		return nil, "", fmt.Errorf("read predictions: %w", err)
	case info.Format != predictionsFormat:
		return nil, etag, nil
	}
	return info, etag, nil
}

// PredictionsWriter streams predictions.csv, predictions.parquet and oof.csv as they are computed;
// several goroutines may write, each to tables of its own.
type PredictionsWriter func(csv, parquet, outOfFold io.Writer) error

// WritePredictions streams the tables, then writes predictions.json. The caller sets what
// predicting knows. ErrSuperseded where run.json is that of another spec. It may be repeated;
// of racing writers with equal inputs each has written the same tables.
func WritePredictions(ctx context.Context, s store.Store, specDigest string, info *PredictionsInfo, write PredictionsWriter) error {
	if _, err := readCurrent(ctx, s, specDigest, nil); err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	_, etag, err := predictionsInPlace(ctx, s)
	if err != nil {
		return err
	}
	files, err := putStreams(ctx, s, predictionFiles, func(out []io.Writer) error { return write(out[0], out[1], out[2]) })
	if err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	info.Format, info.Fingerprint, info.Files = predictionsFormat, info.Inputs.Fingerprint(), files
	info.FinishedAt = time.Now().UnixMilli()
	content, err := encode(info)
	if err != nil {
		return fmt.Errorf("encode %s: %w", PredictionsInfoKey, err)
	}
	_, err = store.PutBytes(ctx, s, PredictionsInfoKey, content, store.Condition{Absent: etag == "", ETag: etag})
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	if again, readErr := ReadPredictions(ctx, s, info.Inputs); readErr != nil || again == nil {
		return errors.Join(fmt.Errorf("write predictions: another writer came first: %w", err), readErr)
	}
	return nil
}
