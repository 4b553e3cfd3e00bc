package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
	"everfold/survival/resample"
)

// OpenFile opens a data or folds file at an absolute URI and tells its size. How a file on
// s3:// is reached is what the run's store says, where that is there too. It refuses, with
// ErrDataRefused, what this program may not read.
type OpenFile func(ctx context.Context, uri string, s config.Store) (io.ReadCloser, int64, error)

// ErrDataRefused: this program may not, or cannot, read that URI. Trying again does not help.
var ErrDataRefused = errors.New("data source refused")

// Preparation is everything that follows from a spec and its data before anything is
// fitted: the rows kept, the folds, the grid. The same spec and data give the same one.
type Preparation struct {
	Table   *dataset.Table
	Profile *dataset.Profile
	Folds   []resample.Fold
	Tau     float64     // +Inf: no truncation
	Grids   [][]float64 // one a fold, ascending; equal for all folds but with burk80
	Final   *FinalRows  // nil: the rows of the run are predicted
}

// Prepare reads the data of a spec, derives its folds and grid, and reads the rows that it is to
// predict. It writes nothing.
func Prepare(ctx context.Context, open OpenFile, s *config.Spec) (*Preparation, error) {
	p, err := prepareFolds(ctx, open, s)
	if err != nil {
		return nil, err
	}
	if p.Final, err = readFinal(ctx, open, s, p.Table); err != nil {
		return nil, err
	}
	return p, nil
}

// prepareFolds is Prepare as far as fits depend on it.
func prepareFolds(ctx context.Context, open OpenFile, s *config.Spec) (*Preparation, error) {
	table, profile, err := readData(ctx, open, s)
	if err != nil {
		return nil, err
	}
	p := &Preparation{Table: table, Profile: profile}
	if err := checkStrata(p.Table, s); err != nil {
		return nil, err
	}
	if s.Type == config.Sample {
		y := p.Table.Outcome
		rows := resample.SampleRows(y.Len(), y.Event, p.Table.Group, s.Data.SampleRows, s.Folds.Seed)
		p.Table = p.Table.Take(rows)
		p.Profile.Sampled = &dataset.Sample{Rows: len(rows), Events: p.Table.Outcome.Events(), Digest: p.Table.Digest()}
	}
	if err := p.derive(ctx, open, s); err != nil {
		return nil, err
	}
	return p, nil
}

// derive sets folds and grid, by the rows that the run uses.
func (p *Preparation) derive(ctx context.Context, open OpenFile, s *config.Spec) (err error) {
	if p.Folds, err = p.splitRows(ctx, open, s); err != nil {
		return err
	}
	if err := s.CheckFits(len(p.Folds)); err != nil {
		return err
	}
	for _, f := range p.Folds {
		if err := checkFold(p.Table.Outcome, f); err != nil {
			return err
		}
	}
	return p.deriveGrid(s.Metrics)
}

// checkStrata refuses strata that the table does not hold: otherwise every fold of that model
// would fail for it.
func checkStrata(t *dataset.Table, s *config.Spec) error {
	held := map[string]bool{}
	for _, c := range t.Columns {
		held[c.Name] = true
	}
	for i, m := range s.Models {
		for _, column := range strataOf(m) {
			if !held[column] {
				return &dataset.InvalidError{Source: s.Data.URI, Row: -1, Column: column,
					Problem: fmt.Sprintf("is named by models[%d].strata, but is no numeric or categorical column of the data as used", i),
					Allowed: "a column that data.numeric and data.categorical include and data.ignore does not"}
			}
		}
	}
	return nil
}

func readData(ctx context.Context, open OpenFile, s *config.Spec) (*dataset.Table, *dataset.Profile, error) {
	source := dataset.Source{Name: s.Data.URI, Limits: limitsOf(ctx), Open: func(ctx context.Context) (io.ReadCloser, int64, error) {
		r, size, err := open(listening(ctx), s.Data.URI, s.Store)
		if errors.Is(err, ErrDataRefused) {
			err = fmt.Errorf("data.uri: %w", err)
		}
		return r, size, err
	}}
	return dataset.Read(ctx, source, dataset.Schema{
		ID: s.Data.ID, Time: s.Data.Time, Event: s.Data.Event,
		Entry: s.Data.Entry, Weight: s.Data.Weight, Group: s.Data.Group,
		Numeric: s.Data.Numeric, Categorical: s.Data.Categorical, Ignore: s.Data.Ignore,
		ZeroTime: s.Data.OnZeroTime.Mode, ZeroValue: s.Data.OnZeroTime.Value, Impute: s.Preprocess.Impute,
	})
}

// splitRows assigns the rows to folds, from the folds file where the spec names one.
func (p *Preparation) splitRows(ctx context.Context, open OpenFile, s *config.Spec) ([]resample.Fold, error) {
	if s.Folds.File == "" {
		// Each row of the table is in the list of training or of test rows of every fold.
		if err := checkMemory(fmt.Sprintf("the rows of %d folds", s.FoldCount()), 8*int64(s.FoldCount())*int64(p.Table.Rows())); err != nil {
			return nil, err
		}
		return resample.KFold(resample.KFoldOptions{
			K: s.Folds.K, Repeats: s.Folds.Repeats, Seed: s.Folds.Seed, Stratify: s.Folds.Stratify == stratifyEvent,
		}, p.Table.Outcome.Event, p.Table.Group)
	}
	file, _, err := open(listening(ctx), s.Folds.File, s.Store)
	if err != nil {
		return nil, &SourceError{keyFolds, err}
	}
	defer file.Close()
	kept := make(map[int64]int, p.Table.Rows())
	for i, source := range p.Table.SourceRow {
		kept[source] = i
	}
	beyond := int64(-1)
	folds, err := resample.FromFile(file, func(source int64) (int, bool) {
		if source >= int64(p.Profile.RowsRead) {
			beyond = max(beyond, source)
		}
		i, ok := kept[source]
		return i, ok
	}, p.Table.Rows())
	if beyond >= 0 { // also where that leaves a fold without rows: this is the cause
		err = &resample.FileError{Problem: fmt.Sprintf("lists row %d, but the data have rows 0 to %d", beyond, p.Profile.RowsRead-1)}
	}
	if err != nil {
		return nil, fmt.Errorf("folds.file %s: %w", s.Folds.File, err)
	}
	return folds, nil
}

// checkFold refuses folds that nothing can be trained on; a test part without events is
// allowed, its concordance is then undefined.
func checkFold(y survival.Outcome, f resample.Fold) error {
	if len(f.Test) == 0 || len(f.Train) == 0 {
		return fmt.Errorf("%w: fold %d has %d test and %d training rows, both need at least one",
			resample.ErrFolds, f.Index, len(f.Test), len(f.Train))
	}
	for _, i := range f.Train {
		if y.Event[i] {
			return nil
		}
	}
	return fmt.Errorf("fold %d: %d training rows: %w", f.Index, len(f.Train), survival.ErrNoEvents)
}

// deriveGrid sets tau and the grid of every fold: from all rows, never from the folds,
// except burk80, which is defined on each fold's test rows.
func (p *Preparation) deriveGrid(m config.Metrics) error {
	p.Tau = math.Inf(1)
	if m.Tau != nil {
		p.Tau = *m.Tau
	}
	p.Grids = make([][]float64, len(p.Folds))
	if m.Grid.Burk80 {
		for i, f := range p.Folds {
			p.Grids[i] = metric.Burk80(p.Table.Outcome.Take(f.Test))
		}
		return nil
	}
	grid := m.Grid.Times
	switch {
	case grid != nil && m.Tau == nil:
		p.Tau = grid[len(grid)-1]
	case grid == nil:
		var err error
		if m.Tau == nil {
			if p.Tau, err = metric.DefaultTau(p.Table.Outcome, metric.Convention(m.Convention)); err != nil {
				return err
			}
		}
		if grid, err = metric.Grid(p.Table.Outcome, m.Grid.Count, p.Tau); err != nil {
			return err
		}
	}
	p.oneGrid(grid)
	return nil
}

func (p *Preparation) oneGrid(times []float64) {
	for i := range p.Grids {
		p.Grids[i] = times
	}
}

// keepGrid goes on with the grid, and the default tau, that a former start of the run fixed.
func (p *Preparation) keepGrid(s *config.Spec, former *artifact.Run, request config.Request) {
	if former == nil || former.Grid.PerFold || !former.KeepsGrid(s, request.RetrainChanged) {
		return
	}
	p.oneGrid(former.Grid.Times)
	if s.Metrics.Tau == nil && former.Spec.Metrics.Tau == nil && former.Grid.Tau != nil {
		p.Tau = *former.Grid.Tau
	}
}

// foldData is fold i as the store keeps it.
func (p *Preparation) foldData(i int) artifact.FoldData {
	f := p.Folds[i]
	y := p.Table.Outcome
	return artifact.FoldData{
		Index: f.Index, Repeat: f.Repeat, Train: f.Train, Test: f.Test, Times: p.Grids[i],
		TrainEvents: y.Take(f.Train).Events(), TestEvents: y.Take(f.Test).Events(),
	}
}

// run is run.json as it will be, but for what only writing tells (data.file, times of day).
func (p *Preparation) run(s *config.Spec, build string) *artifact.Run {
	run := &artifact.Run{
		Spec: s, SpecDigest: s.Digest(), Build: build, Versions: versions(),
		Data: artifact.DataInfo{Digest: p.Profile.UsedDigest(), Rows: p.Table.Rows(), Events: p.Table.Outcome.Events(), Final: p.Final.describe()},
		Grid: artifact.Grid{PerFold: s.Metrics.Grid.Burk80},
	}
	run.Data.Groups = digestGroups(p.Table.Group)
	if !run.Grid.PerFold && len(p.Grids) > 0 {
		run.Grid.Times = p.Grids[0]
	}
	if !math.IsInf(p.Tau, 1) {
		run.Grid.Tau = &p.Tau
	}
	for i := range p.Folds {
		run.Folds = append(run.Folds, artifact.DescribeFold(p.foldData(i), p.Table.Rows()))
	}
	return run
}

// digestGroups digests the group of every row; "" without groups.
func digestGroups(group []int) string {
	if group == nil {
		return ""
	}
	numbers := make([]int64, len(group))
	for i, g := range group {
		numbers[i] = int64(g)
	}
	return artifact.ArraySHA256(numbers)
}

// versions are the algorithm versions of this program.
func versions() artifact.Versions {
	v := artifact.Versions{Preprocess: preprocess.Version, Metric: metric.Version, Models: map[string]int{}}
	for _, typ := range registry.Types() {
		kind, _ := registry.Lookup(typ)
		v.Models[typ] = kind.Version
	}
	return v
}
