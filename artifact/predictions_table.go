package artifact

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// Prediction is a row of predictions.csv: what a final model says of one row. NaN is an
// empty cell.
type Prediction struct {
	ID           string
	Survival     []float64 // at the horizons
	RMST         float64
	Risk         float64
	Rank         int // by risk: 1 is the highest, ties share the lowest number
	InTraining   bool
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

// PredictionTables writes predictions.csv and predictions.parquet row by row. Equal rows
// give equal bytes.
type PredictionTables struct {
	csv     *csv.Writer
	cells   []string
	parquet *parquet.GenericWriter[any]
	batch   []parquet.Row
}

// parquetBatch is how many rows are handed to the Parquet writer at a time, and
// parquetGroup how many its row groups have.
const (
	parquetBatch = 1 << 10
	parquetGroup = 1 << 17
)

// NewPredictionTables begins both tables with their headers.
func NewPredictionTables(csvOut, parquetOut io.Writer, horizons []float64) (*PredictionTables, error) {
	survival := horizonColumns(horizons)
	t := &PredictionTables{csv: csv.NewWriter(csvOut), parquet: parquet.NewGenericWriter[any](parquetOut, predictionSchema(survival),
		parquet.CreatedBy("everfold", "1", "predictions"), parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(parquetGroup))}
	header := append(append([]string{"id"}, survival...), "rmst", "risk", "risk_rank", "in_training", "extrapolated")
	t.cells = make([]string, len(header))
	return t, t.csv.Write(header)
}

// predictionSchema has the columns in the order of predictions.csv.
func predictionSchema(survival []string) *parquet.Schema {
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
	add("in_training", false, "")
	add("extrapolated", false, "")
	return parquet.NewSchema("predictions", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

// Write appends a row to both tables.
func (t *PredictionTables) Write(p Prediction) error {
	t.cells[0] = p.ID
	row := append(make(parquet.Row, 0, len(t.cells)), parquet.ByteArrayValue([]byte(p.ID)).Level(0, 0, 0))
	value := func(v parquet.Value, text string) {
		t.cells[len(row)] = text
		row = append(row, v.Level(0, 0, len(row)))
	}
	optionally := func(v float64) {
		t.cells[len(row)] = defined(v)
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
	value(parquet.DoubleValue(p.Risk), number(p.Risk))
	value(parquet.Int64Value(int64(p.Rank)), strconv.Itoa(p.Rank))
	value(parquet.BooleanValue(p.InTraining), strconv.FormatBool(p.InTraining))
	value(parquet.BooleanValue(p.Extrapolated), strconv.FormatBool(p.Extrapolated))
	t.batch = append(t.batch, row)
	if err := t.csv.Write(t.cells); err != nil {
		return err
	}
	if len(t.batch) < parquetBatch {
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
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.parquet.Close(); err != nil {
		return err
	}
	t.csv.Flush()
	return t.csv.Error()
}

// OutOfFoldTable writes oof.csv row by row.
type OutOfFoldTable struct {
	csv   *csv.Writer
	cells []string
}

// NewOutOfFoldTable begins the table with its header.
func NewOutOfFoldTable(out io.Writer, horizons []float64) (*OutOfFoldTable, error) {
	header := append([]string{"id", "fold", "model", "risk"}, horizonColumns(horizons)...)
	t := &OutOfFoldTable{csv: csv.NewWriter(out), cells: make([]string, len(header))}
	return t, t.csv.Write(header)
}

// Write appends a row; survival is NaN where the stored curve has ended.
func (t *OutOfFoldTable) Write(id string, task Task, risk float64, survival []float64) error {
	t.cells[0], t.cells[1], t.cells[2], t.cells[3] = id, strconv.Itoa(task.Fold), task.Model, number(risk)
	for i, s := range survival {
		t.cells[4+i] = defined(s)
	}
	return t.csv.Write(t.cells)
}

// Close writes what is held back.
func (t *OutOfFoldTable) Close() error {
	t.csv.Flush()
	return t.csv.Error()
}

// defined is a number, or the empty cell of NaN.
func defined(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return number(v)
}
