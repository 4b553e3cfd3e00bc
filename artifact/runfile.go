package artifact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"everfold/config"
	"everfold/store"
)

const runFormat = 1

// DataInfo says which rows a run works on.
type DataInfo struct {
	Digest string `json:"digest"` // of the used columns' content; enters every fit fingerprint
	Rows   int    `json:"rows"`   // of the prepared table
	Events int    `json:"events"`
	File   File   `json:"file"` // data/prepared.parquet; dtype and shape are not used
	// Groups digests the group of every row; empty without data.group. It enters the fit
	// fingerprint of models that split their training rows again.
	Groups string `json:"groups,omitempty"`
	// Final are the rows of final.data; nil where the rows of the run are predicted. No fit and
	// no score depends on it.
	Final *RowsInfo `json:"final,omitempty"`
}

// RowsInfo says which rows the final model is to predict.
type RowsInfo struct {
	Digest string `json:"digest"` // of ids and the columns that models use; enters the predictions' fingerprint
	Rows   int    `json:"rows"`
	File   File   `json:"file"` // data/final.parquet
}

// Grid is the time grid as fixed when the run was created.
type Grid struct {
	Times   []float64 `json:"times,omitempty"`    // ascending; empty with PerFold
	PerFold bool      `json:"per_fold,omitempty"` // burk80: every fold has its own
	Tau     *float64  `json:"tau,omitempty"`      // nil: none
}

// FoldInfo describes one outer split and where its rows and times are.
type FoldInfo struct {
	Index       int    `json:"index"`
	Repeat      int    `json:"repeat"`
	TrainRows   int    `json:"n_train"`
	TestRows    int    `json:"n_test"`
	TrainEvents int    `json:"events_train"`
	TestEvents  int    `json:"events_test"`
	Rows        File   `json:"rows"`            // test rows
	Times       File   `json:"times"`           // grid
	TrainSHA256 string `json:"train_sha256"`    // of the training rows as an .npy file
	Train       *File  `json:"train,omitempty"` // that file, where it is not simply all other rows
}

// Run is run.json: what the run is, as far as its folds' results depend on it.
type Run struct {
	Format     int          `json:"format"`
	Spec       *config.Spec `json:"spec"`
	SpecDigest string       `json:"spec_digest"`
	Data       DataInfo     `json:"data"`
	Grid       Grid         `json:"grid"`
	Folds      []FoldInfo   `json:"folds"` // in order of Index
	Versions   Versions     `json:"versions"`
	Build      string       `json:"build"`
	Created    time.Time    `json:"created"`
	Updated    time.Time    `json:"updated"`
	SHA256     string       `json:"sha256"` // as in Manifest
}

func (r *Run) seal() *string { return &r.SHA256 }

// Fold returns the fold of that index, or an error that says which there are.
func (r *Run) Fold(index int) (FoldInfo, error) {
	for _, f := range r.Folds {
		if f.Index == index {
			return f, nil
		}
	}
	return FoldInfo{}, fmt.Errorf("the run has no fold %d, it has %d folds", index, len(r.Folds))
}

// Tasks are all (model, fold) of the run: models in spec order, km last, then folds.
func (r *Run) Tasks() []Task {
	var tasks []Task
	for _, m := range r.Spec.AllModels() {
		for _, f := range r.Folds {
			tasks = append(tasks, Task{Model: m.Name, Fold: f.Index})
		}
	}
	return tasks
}

// KeepsGrid says whether a start of spec on the run goes on with the run's grid: always,
// unless metrics.grid itself is another or changed folds are to be retrained. So another
// tau, or a row more in the data, never moves the grid by itself.
func (r *Run) KeepsGrid(spec *config.Spec, retrainChanged bool) bool {
	return !retrainChanged && reflect.DeepEqual(r.Spec.Metrics.Grid, spec.Metrics.Grid)
}

// ReadRun reads run.json and checks its digest and that of its spec. The ETag is for WriteRun; it is returned
// with ErrDamaged too. ErrNotFound where the run does not exist yet.
func ReadRun(ctx context.Context, s store.Store) (*Run, string, error) {
	content, etag, err := readDocument(ctx, s, RunKey)
	if err != nil {
		return nil, etag, err
	}
	r, err := decodeRun(content)
	return r, etag, err
}

// decodeRun reads run.json and checks its digest and that of its spec, which says whose fits and
// tables are the run's. Errors wrap ErrDamaged.
func decodeRun(content []byte) (*Run, error) {
	r := &Run{}
	err := decode(content, r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", RunKey, err)
	case r.Format != runFormat:
		return nil, fmt.Errorf("%s: %w: format %d, this program reads %d", RunKey, ErrDamaged, r.Format, runFormat)
	case r.Spec == nil:
		return nil, fmt.Errorf("%s: %w: it holds no spec", RunKey, ErrDamaged)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", RunKey, ErrDamaged, err)
	}
	if digest := r.Spec.Digest(); digest != r.SpecDigest {
		return nil, fmt.Errorf("%s: %w: its spec has the digest %.12s…, spec_digest says %.12s…: something else than everfold has changed it",
			RunKey, ErrDamaged, digest, r.SpecDigest)
	}
	return r, nil
}

// check refuses names and files that no run has. A digest tells that nobody has changed a
// document by chance, not who wrote it, and names become folders.
func (r *Run) check() error {
	if err := r.Spec.CheckNames(); err != nil {
		return err
	}
	files := []File{r.Data.File}
	if f := r.Data.Final; f != nil {
		files = append(files, f.File)
	}
	for _, f := range r.Folds {
		if f.Index < 0 || f.TrainRows < 0 || f.TestRows < 0 {
			return fmt.Errorf("fold %d of %d and %d rows", f.Index, f.TrainRows, f.TestRows)
		}
		files = append(files, f.Rows, f.Times)
		if f.Train != nil {
			files = append(files, *f.Train)
		}
	}
	for _, f := range files {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

// readCurrent is ReadRun for a caller who works for one spec: ErrSuperseded where run.json
// is by now that of another. The run may be shared: do not change it. cache may be nil.
func readCurrent(ctx context.Context, s store.Store, specDigest string, cache *Cache) (*Run, error) {
	content, _, err := readDocument(ctx, s, RunKey)
	if err != nil {
		return nil, err
	}
	r, err := cache.decodeRun(content)
	if err != nil {
		return nil, err
	}
	if r.SpecDigest != specDigest {
		return nil, fmt.Errorf("%w: run.json has spec %.12s…, not %.12s…", ErrSuperseded, r.SpecDigest, specDigest)
	}
	return r, nil
}

// CheckRun says whether run.json is still the version with that ETag, "" where there was none:
// ErrConflict where another start was faster.
func CheckRun(ctx context.Context, s store.Store, etag string) error {
	_, now, err := readDocument(ctx, s, RunKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrDamaged) {
		return err
	}
	if now != etag {
		return fmt.Errorf("%s: %w: another start has written it meanwhile", RunKey, store.ErrConflict)
	}
	return nil
}

// WriteRun sets Format, SpecDigest and SHA256 and writes run.json: creates it where etag
// is empty, else replaces the version with that ETag. Equal content already in place is
// success; ErrConflict where another start was faster.
func WriteRun(ctx context.Context, s store.Store, r *Run, etag string) error {
	r.Format, r.SpecDigest = runFormat, r.Spec.Digest()
	for _, t := range r.Grid.Times {
		if math.IsNaN(t) || math.IsInf(t, 0) {
			return fmt.Errorf("write %s: a grid time is not finite", RunKey)
		}
	}
	content, err := encode(r)
	if err != nil {
		return fmt.Errorf("write %s: %w", RunKey, err)
	}
	_, err = store.PutReconciled(ctx, s, RunKey, content, store.Condition{Absent: etag == "", ETag: etag})
	return err
}
