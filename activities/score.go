package activities

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/forecast"
)

// ScoreInput asks for predictions of new rows by a final model of a run.
type ScoreInput struct {
	Model   string // "": the one that the run's predictions are of
	Data    string // absolute URI; .csv, .csv.gz or .parquet
	Given   string // the column with the times up to which customers are known to be active; "": none
	Threads int
}

// Scoring is what there is to say of new rows before their predictions are written. Nothing of
// it needs Temporal.
type Scoring struct {
	Model    string
	Type     string
	Rows     int
	Horizons []float64
	RMST     float64 // up to there
	Last     float64 // the last observed time of the training rows
	// Unseen counts, by column, rows with a level that the training rows lack.
	Unseen   map[string]int
	Warnings []string

	predictor *predictor
	given     []float64 // nil: none
}

// NewScoring reads and verifies the model, reads the rows and examines them. It writes nothing.
// Errors: store.ErrNotFound where run or model are missing, artifact.ErrDamaged where they do
// not verify, and what reading data gives.
func NewScoring(ctx context.Context, s store.Store, open OpenFile, in ScoreInput) (*Scoring, error) {
	run, _, err := artifact.ReadRun(ctx, s)
	if err != nil {
		return nil, err
	}
	if in.Model == "" {
		if in.Model, err = artifact.PredictedModel(ctx, s); err != nil {
			return nil, err
		}
	}
	info, err := artifact.ReadFinal(ctx, s, in.Model)
	if err != nil {
		return nil, err
	}
	out := &Scoring{Model: info.Model, Type: info.Type, Last: info.Times.Last, Unseen: map[string]int{}}
	out.checkInputs(run, info)
	tau, err := tauOrDefault(ctx, s, run)
	if err != nil {
		return nil, err
	}
	p, err := decode(ctx, s, info)
	if err != nil {
		return nil, err
	}
	p.wanted, p.threads = wantedOf(run, info, tau), max(1, in.Threads)
	out.predictor, out.Horizons, out.RMST = p, p.wanted.Horizons, p.wanted.Restriction
	if err := out.read(ctx, open, in, run.Spec); err != nil {
		return nil, err
	}
	return out, out.examine(ctx)
}

// checkInputs warns of a model that is not of the run's present spec and data.
func (s *Scoring) checkInputs(run *artifact.Run, info *artifact.ModelInfo) {
	inputs, err := run.FinalInputs(info.Model)
	if err != nil || inputs.Fingerprint() != info.Fingerprint {
		s.warn("the final %s was fitted from other inputs than those of run.json: run the spec again to have it fitted anew", info.Model)
	}
}

// tauOrDefault is tau of the run; where it has none, the default rule's, of the prepared table.
func tauOrDefault(ctx context.Context, s store.Store, run *artifact.Run) (float64, error) {
	if run.Grid.Tau != nil {
		return *run.Grid.Tau, nil
	}
	table, err := loadTable(ctx, s, run.Data.File)
	if err != nil {
		return 0, err
	}
	return restriction(run, table)
}

func (s *Scoring) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// read reads the columns that the model needs, the id and the given times.
func (s *Scoring) read(ctx context.Context, open OpenFile, in ScoreInput, spec *config.Spec) error {
	id := spec.Data.ID
	schema := dataset.FeatureSchema{ID: id}
	kinds := map[string]survival.FeatureKind{}
	for _, c := range s.predictor.pipeline.Needs() {
		kinds[c.Name] = c.Kind
		if c.Kind == survival.CategoricalFeature {
			schema.Categorical = append(schema.Categorical, c.Name)
		} else {
			schema.Numeric = append(schema.Numeric, c.Name)
		}
	}
	if kind, used := kinds[in.Given]; in.Given != "" && (in.Given == id || used && kind != survival.NumericFeature) {
		return &dataset.InvalidError{Source: in.Data, Row: -1, Column: in.Given, Problem: "cannot be the time given: it is the id or holds levels",
			Allowed: "a column of numbers"}
	} else if in.Given != "" && !used {
		schema.Numeric = append(schema.Numeric, in.Given)
	}
	x, err := dataset.ReadFeatures(ctx, dataset.Source{Name: in.Data, Limits: limitsOf(ctx),
		Open: func(ctx context.Context) (io.ReadCloser, int64, error) { return open(ctx, in.Data, spec.Store) }}, schema)
	if err != nil {
		return err
	}
	s.Rows, s.predictor.frame, s.predictor.id = x.Rows, x.Frame(), x.RowID
	if in.Given == "" {
		return nil
	}
	column, err := s.predictor.frame.Column(in.Given)
	if err != nil {
		return err
	}
	s.given = column.Values
	for i, c := range s.given {
		if !(c >= 0) {
			return &dataset.InvalidError{Source: in.Data, Row: int64(i), Column: in.Given, Problem: "is missing or negative", Allowed: "the time for which the row is known to be active, at least 0"}
		}
	}
	return nil
}

// examine counts what the training rows did not show, and cells that will be empty.
func (s *Scoring) examine(ctx context.Context) error {
	p := s.predictor
	findings, err := p.pipeline.Examine(ctx, p.frame)
	if err != nil {
		return err
	}
	maps.Copy(s.Unseen, unseenLevels(findings))
	for _, f := range findings {
		s.warn("%s", f.Warning(s.Rows).Message)
	}
	if s.given == nil {
		if columns := beyond(p.wanted); len(columns) > 0 {
			s.warn("%s", beyondMessage(columns, p.wanted.Extrapolate))
		}
		return nil
	}
	far, what := 0, "their cells there are empty"
	if p.wanted.Extrapolate {
		what = "they are extrapolated by the model's law"
	}
	longest := slices.Max(append(slices.Clone(p.wanted.Horizons), p.wanted.Restriction))
	for _, c := range s.given {
		if c+longest > p.wanted.Last {
			far++
		}
	}
	if far > 0 {
		s.warn("%d of %d rows reach beyond the last observed time, %g: %s", far, s.Rows, p.wanted.Last, what)
	}
	return nil
}

// Write writes the table, in the order of the rows. It is called once.
func (s *Scoring) Write(ctx context.Context, out io.Writer, format dataset.Format) error {
	switch format {
	case dataset.Parquet:
		return s.write(ctx, nil, out)
	case dataset.CSVGzip:
		z := gzip.NewWriter(out)
		return cmp.Or(s.write(ctx, z, nil), z.Close())
	}
	return s.write(ctx, out, nil)
}

func (s *Scoring) write(ctx context.Context, csv, parquet io.Writer) error {
	tables, err := artifact.NewScoreTables(csv, parquet, s.Horizons)
	if err != nil {
		return err
	}
	if s.given != nil {
		return s.writeGiven(ctx, tables)
	}
	return s.predictor.write(ctx, tables, func(int) bool { return false })
}

// givenTimes is how many different times given a block of rows may have: curves are evaluated at
// those of the whole block.
const givenTimes = 256

// writeGiven writes conditional predictions. Rows with near times given are predicted together,
// so values of all rows are held until they can be written in order.
func (s *Scoring) writeGiven(ctx context.Context, tables *artifact.PredictionTables) error {
	p, h := s.predictor, len(s.Horizons)
	risk, ranks, err := p.risks(ctx)
	if err != nil {
		return err
	}
	survivals, means := make([]float64, s.Rows*h), make([]float64, s.Rows)
	blocks := s.givenBlocks()
	failed := make([]error, len(blocks))
	survival.Each(len(blocks), p.threads, func(k int) {
		rows := blocks[k]
		given := make([]float64, len(rows))
		for i, r := range rows {
			given[i] = s.given[r]
		}
		failed[k] = p.block(ctx, rows, func(ctx context.Context, x *survival.Design) error {
			return forecast.Given(ctx, p.wanted, p.fitted, x, given, func(i int, r forecast.Row) error {
				copy(survivals[rows[i]*h:(rows[i]+1)*h], r.Survival)
				means[rows[i]] = r.RMST
				return nil
			})
		})
	})
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("predict: %w", err)
	}
	for i := range s.Rows {
		filled := p.extrapolates(s.given[i]) && !math.IsNaN(means[i])
		err := tables.Write(artifact.Prediction{ID: p.id(i), Survival: survivals[i*h : (i+1)*h], RMST: means[i], Risk: risk[i], Rank: ranks[i], Extrapolated: filled})
		if err != nil {
			return err
		}
	}
	return tables.Close()
}

// givenBlocks are all rows by their times given, few different ones in a block.
func (s *Scoring) givenBlocks() [][]int {
	order := make([]int, s.Rows)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(s.given[a], s.given[b]), a-b) })
	var blocks [][]int
	for start, times, i := 0, 1, 1; start < len(order); i++ {
		if i < len(order) && s.given[order[i]] != s.given[order[i-1]] {
			times++
		}
		if i == len(order) || times > givenTimes || i-start == blockRows {
			blocks = append(blocks, order[start:i])
			start, times = i, 1
		}
	}
	return blocks
}
