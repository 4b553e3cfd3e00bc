// Package fold makes one training and test fold of the production-shaped table and keeps it in
// files that Go, R and Python read alike, so that everfold and its peers fit the same encoded
// numbers.
//
// A folder holds shape.json, and train.f64 and test.f64: little-endian float64, column after
// column, the covariates, then time, then event (0 or 1). Predictions are risk.f64, a float64 a
// test row, and surv.f32, a float32 a test row and grid time, row after row.
//
// Non-goals: other tables, other splits.
package fold

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"everfold/dataset"
	"everfold/dataset/synthetic"
	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/resample"
)

// Names of the files of predictions.
const (
	RiskFile  = "risk.f64"
	CurveFile = "surv.f32"
)

// Fold is a fold with the times at which curves are wanted.
type Fold struct {
	Train, Test Part
	Grid        []float64
}

// Part is the encoded rows of one side.
type Part struct {
	X *survival.Design
	Y survival.Outcome
}

// Options say which fold.
type Options struct {
	Rows       int
	Fold       int  // 0…4, of the five that are stratified by event
	Continuous bool // spreads the times of a day over that day: about as many distinct times as rows
}

// Make generates the table and gives one of its five folds, encoded as a production run
// encodes it, with 50 times from the first event of the test rows (scikit-survival
// refuses earlier ones) to the run's tau.
func Make(ctx context.Context, o Options) (*Fold, error) {
	table, err := generate(ctx, o)
	if err != nil {
		return nil, err
	}
	folds, err := resample.KFold(resample.KFoldOptions{K: 5, Seed: 42, Stratify: true}, table.Outcome.Event, nil)
	if err != nil {
		return nil, err
	}
	pipeline, err := preprocess.Fit(ctx, table.Frame(), folds[o.Fold].Train,
		preprocess.Options{Impute: "median", Scale: "standard", Encode: "treatment", DropConstant: true})
	if err != nil {
		return nil, err
	}
	f := &Fold{}
	for _, side := range []struct {
		rows []int
		part *Part
	}{{folds[o.Fold].Train, &f.Train}, {folds[o.Fold].Test, &f.Test}} {
		if side.part.X, _, err = pipeline.Apply(ctx, table.Frame(), side.rows); err != nil {
			return nil, err
		}
		side.part.Y = table.Outcome.Take(side.rows)
	}
	tau, err := metric.DefaultTau(table.Outcome, metric.RiskRegression)
	if err != nil {
		return nil, err
	}
	f.Grid, err = metric.Grid(f.Test.Y, 50, tau)
	return f, err
}

func generate(ctx context.Context, o Options) (*dataset.Table, error) {
	var file bytes.Buffer
	if err := (synthetic.Table{Rows: o.Rows, Seed: 1}).WriteCSV(ctx, &file); err != nil {
		return nil, err
	}
	size := int64(file.Len())
	open := func(context.Context) (io.ReadCloser, int64, error) { return io.NopCloser(&file), size, nil }
	table, _, err := dataset.Read(ctx, dataset.Source{Name: "production.csv", Open: open},
		dataset.Schema{ID: synthetic.KeyColumn, Time: synthetic.TimeColumn, Event: synthetic.EventColumn})
	if err == nil && o.Continuous {
		const day = 1 / 30.4375
		rng := resample.Source(1, "bench/continuous")
		for i := range table.Outcome.Time {
			table.Outcome.Time[i] += day * (rng.Float64() - 0.999)
		}
	}
	return table, err
}

// shape is what shape.json holds.
type shape struct {
	Train   int       `json:"train"`
	Test    int       `json:"test"`
	Columns int       `json:"columns"`
	Grid    []float64 `json:"grid"`
}

// Write writes the fold's files into a folder that exists.
func (f *Fold) Write(dir string) error {
	s := shape{Train: f.Train.X.Rows, Test: f.Test.X.Rows, Columns: len(f.Train.X.Columns), Grid: f.Grid}
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "shape.json"), content, 0o600); err != nil {
		return err
	}
	if err := f.Train.write(filepath.Join(dir, "train.f64")); err != nil {
		return err
	}
	return f.Test.write(filepath.Join(dir, "test.f64"))
}

func (p Part) write(path string) error {
	values := make([]float64, 0, p.X.Rows*(len(p.X.Columns)+2))
	for _, c := range p.X.Columns {
		values = append(values, c.Values...)
	}
	values = append(values, p.Y.Time...)
	for _, event := range p.Y.Event {
		code := 0.0
		if event {
			code = 1
		}
		values = append(values, code)
	}
	return WriteNumbers(path, values)
}

// Read reads what Write wrote; columns are named x1, x2 and so on.
func Read(dir string) (*Fold, error) {
	content, err := os.ReadFile(filepath.Join(dir, "shape.json"))
	if err != nil {
		return nil, err
	}
	var s shape
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("read shape.json: %w", err)
	}
	f := &Fold{Grid: s.Grid}
	if f.Train, err = readPart(filepath.Join(dir, "train.f64"), s.Train, s.Columns); err != nil {
		return nil, err
	}
	f.Test, err = readPart(filepath.Join(dir, "test.f64"), s.Test, s.Columns)
	return f, err
}

func readPart(path string, rows, columns int) (Part, error) {
	values, err := ReadNumbers[float64](path, rows*(columns+2))
	if err != nil {
		return Part{}, err
	}
	p := Part{X: &survival.Design{Rows: rows}}
	column := func(j int) []float64 { return values[j*rows : (j+1)*rows : (j+1)*rows] }
	for j := range columns {
		name := fmt.Sprintf("x%d", j+1)
		p.X.Columns = append(p.X.Columns, survival.Column{Name: name, Term: name, Values: column(j)})
	}
	p.Y.Time, p.Y.Event = column(columns), make([]bool, rows)
	for i, code := range column(columns + 1) {
		p.Y.Event[i] = code == 1
	}
	return p, nil
}

// WriteNumbers writes little-endian numbers.
func WriteNumbers[T float32 | float64](path string, values []T) error {
	var file bytes.Buffer
	file.Grow(binary.Size(values))
	if err := binary.Write(&file, binary.LittleEndian, values); err != nil {
		return err
	}
	return os.WriteFile(path, file.Bytes(), 0o600)
}

// ReadNumbers reads exactly n little-endian numbers.
func ReadNumbers[T float32 | float64](path string, n int) ([]T, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make([]T, n)
	if want := binary.Size(values); len(content) != want {
		return nil, fmt.Errorf("%s has %d bytes, not %d", path, len(content), want)
	}
	_, err = binary.Decode(content, binary.LittleEndian, values)
	return values, err
}

// IntegratedBrier is the integrated Brier score of curves of the test rows, row after row.
func (f *Fold) IntegratedBrier(surv []float32, c metric.Convention) (float64, error) {
	brier, err := metric.NewBrier(f.Train.Y, f.Test.Y, f.Grid, c)
	if err != nil {
		return 0, err
	}
	curve := make([]float64, len(f.Grid))
	for i := range f.Test.X.Rows {
		for j := range curve {
			curve[j] = float64(surv[i*len(curve)+j])
		}
		if err := brier.Add(i, curve); err != nil {
			return 0, err
		}
	}
	scores, err := brier.Curve()
	if err != nil {
		return 0, err
	}
	return metric.Integrate(f.Grid, scores), nil
}
