package artifact

import (
	"fmt"
	"io"
	"math"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// Prediction is a row of predictions.csv: what a final model says of one row. NaN is an
// empty cell.
type Prediction struct {
	ID           string
	Survival     []float64 // at the horizons
	RMST         float64
	Risk         float64
	Rank         int  // by risk: 1 is the highest, ties share the lowest number
	InTraining   bool // not in tables of new rows, nor where nothing tells
	Extrapolated bool // some cell lies beyond the last observed time of the training rows
}

// HorizonColumn is such as "survival_12".
func HorizonColumn(h float64) string { return "survival_" + number(h) }

// horizonColumns are the columns of the horizons, in their order.
func horizonColumns(horizons []float64) []string {
	names := make([]string, len(horizons))
	for i, h := range horizons {
		names[i] = HorizonColumn(h)
	}
	return names
}

// PredictionTables writes predictions.csv and predictions.parquet row by row, or tables of new
// rows. Equal rows give equal bytes.
type PredictionTables struct {
	csv      *rows
	width    int
	parquet  *parquet.GenericWriter[any] // nil: none
	batch    []parquet.Row
	training trainingColumn
}

// trainingColumn is what a table's in_training says.
type trainingColumn int

const (
	withoutTraining trainingColumn = iota // there is no such column
	emptyTraining                         // nothing tells
	fullTraining
)

// parquetBatch is how many rows are handed to the Parquet writer at a time.
const parquetBatch = 1 << 10

// ParquetGroup is how many rows a row group of predictions.parquet has, which is held until it
// is full.
const ParquetGroup = 1 << 17

// NewPredictionTables begins both tables with their headers.
func NewPredictionTables(csvOut, parquetOut io.Writer, horizons []float64) (*PredictionTables, error) {
	return newTables(csvOut, parquetOut, horizons, fullTraining)
}

// NewUnmatchedTables begins both tables for rows of which nothing tells whether the model was
// fitted on them: in_training is empty.
func NewUnmatchedTables(csvOut, parquetOut io.Writer, horizons []float64) (*PredictionTables, error) {
	return newTables(csvOut, parquetOut, horizons, emptyTraining)
}

// NewScoreTables begins tables of rows that were perhaps not fitted on: without in_training.
// Either may be left out: a nil writer.
func NewScoreTables(csvOut, parquetOut io.Writer, horizons []float64) (*PredictionTables, error) {
	if csvOut == nil {
		csvOut = io.Discard
	}
	return newTables(csvOut, parquetOut, horizons, withoutTraining)
}

func newTables(csvOut, parquetOut io.Writer, horizons []float64, training trainingColumn) (*PredictionTables, error) {
	survival := horizonColumns(horizons)
	header := append(append([]string{"id"}, survival...), "rmst", "risk", "risk_rank")
	if training != withoutTraining {
		header = append(header, "in_training")
	}
	header = append(header, "extrapolated")
	t := &PredictionTables{csv: newRows(csvOut, header), width: len(header), training: training}
	if parquetOut != nil {
		t.parquet = parquet.NewGenericWriter[any](parquetOut, predictionSchema(survival, training),
			parquet.CreatedBy("everfold", "1", "predictions"), parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(ParquetGroup))
	}
	return t, t.csv.err
}

// predictionSchema has the columns in the order of predictions.csv.
func predictionSchema(survival []string, training trainingColumn) *parquet.Schema {
	var fields []reflect.StructField
	add := func(name string, of any, optional string) {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("Column%d", len(fields)),
			Type: reflect.TypeOf(of), Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s%s"`, name, optional))})
	}
	add("id", "", "")
	for _, name := range survival {
		add(name, 0.0, ",optional")
	}
	add("rmst", 0.0, ",optional")
	add("risk", 0.0, "")
	add("risk_rank", int64(0), "")
	switch training {
	case fullTraining:
		add("in_training", false, "")
	case emptyTraining:
		add("in_training", false, ",optional")
	}
	add("extrapolated", false, "")
	return parquet.NewSchema("predictions", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

// Write appends a row to both tables.
func (t *PredictionTables) Write(p Prediction) error {
	row := append(make(parquet.Row, 0, t.width), parquet.ByteArrayValue([]byte(p.ID)).Level(0, 0, 0))
	t.csv.string(p.ID)
	optionally := func(v float64) {
		t.csv.float(v)
		if math.IsNaN(v) {
			row = append(row, parquet.NullValue().Level(0, 0, len(row)))
			return
		}
		row = append(row, parquet.DoubleValue(v).Level(0, 1, len(row)))
	}
	for _, s := range p.Survival {
		optionally(s)
	}
	optionally(p.RMST)
	t.csv.float(p.Risk)
	t.csv.int(p.Rank)
	flag := func(v bool) {
		t.csv.bool(v)
		row = append(row, parquet.BooleanValue(v).Level(0, 0, len(row)))
	}
	row = append(row, parquet.DoubleValue(p.Risk).Level(0, 0, len(row)), parquet.Int64Value(int64(p.Rank)).Level(0, 0, len(row)+1))
	switch t.training {
	case fullTraining:
		flag(p.InTraining)
	case emptyTraining:
		optionally(math.NaN())
	}
	flag(p.Extrapolated)
	if err := t.csv.end(); err != nil || t.parquet == nil {
		return err
	}
	if t.batch = append(t.batch, row); len(t.batch) < parquetBatch {
		return nil
	}
	return t.flush()
}

func (t *PredictionTables) flush() error {
	_, err := t.parquet.WriteRows(t.batch)
	t.batch = t.batch[:0]
	return err
}

// Close writes what is held back.
func (t *PredictionTables) Close() error {
	if t.parquet != nil {
		if err := t.flush(); err != nil {
			return err
		}
		if err := t.parquet.Close(); err != nil {
			return err
		}
	}
	return t.csv.flush()
}

// OutOfFoldTable writes oof.csv row by row.
type OutOfFoldTable struct{ csv *rows }

// NewOutOfFoldTable begins the table with its header.
func NewOutOfFoldTable(out io.Writer, horizons []float64) (*OutOfFoldTable, error) {
	header := append([]string{"id", "fold", "model", "risk"}, horizonColumns(horizons)...)
	t := &OutOfFoldTable{csv: newRows(out, header)}
	return t, t.csv.err
}

// Write appends a row; survival is NaN where the stored curve has ended.
func (t *OutOfFoldTable) Write(id string, task Task, risk float64, survival []float64) error {
	t.csv.string(id)
	t.csv.int(task.Fold)
	t.csv.string(task.Model)
	t.csv.float(risk)
	for _, s := range survival {
		t.csv.float(s)
	}
	return t.csv.end()
}

// Close writes what is held back.
func (t *OutOfFoldTable) Close() error { return t.csv.flush() }
