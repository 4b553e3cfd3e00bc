package artifact

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// metricsHeader is published: scripts that others keep read these columns.
var metricsHeader = []string{"model", "fold", "cindex", "ibs", "cindex_harrell", "cindex_ipcw", "auc_mean",
	"n_train", "n_test", "events_train", "events_test", "fit_seconds", "predict_seconds", "converged", "repeat", "ipa", "reason"}

// MetricsRow is one row of model_metrics.csv.
type MetricsRow struct {
	Task
	Repeat         int
	Scores         Scores
	TrainRows      int
	TestRows       int
	TrainEvents    int
	TestEvents     int
	FitSeconds     float64
	PredictSeconds float64
	Converged      bool
	Reason         string // why metrics are undefined
}

// Row is the manifest's row of model_metrics.csv.
func (m *Manifest) Row() MetricsRow {
	return MetricsRow{
		Task: Task{m.Model, m.Fold}, Repeat: m.Repeat, Scores: m.Scores,
		TrainRows: m.TrainRows, TestRows: m.TestRows, TrainEvents: m.TrainEvents, TestEvents: m.TestEvents,
		FitSeconds: m.FitSeconds, PredictSeconds: m.PredictSeconds, Converged: m.Converged,
		Reason: reasonText(metricsHeader, m.Reasons),
	}
}

// reasonText is "cindex, cindex_ipcw: no comparable pair; ibs: …": metrics in the order of
// the columns, those of one reason together.
func reasonText(columns []string, reasons map[string]string) string {
	order := func(metric string) int {
		if i := slices.Index(columns, metric); i >= 0 {
			return i
		}
		return len(columns)
	}
	metrics := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		if c := order(a) - order(b); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var parts []string
	done := map[string]bool{}
	for _, metric := range metrics {
		text := reasons[metric]
		if done[text] {
			continue
		}
		done[text] = true
		var same []string
		for _, other := range metrics {
			if reasons[other] == text {
				same = append(same, other)
			}
		}
		parts = append(parts, strings.Join(same, ", ")+": "+text)
	}
	return strings.Join(parts, "; ")
}

// FormatMetrics is model_metrics.csv of the rows, in their order. Undefined values are
// empty cells.
func FormatMetrics(rows []MetricsRow) []byte {
	records := [][]string{metricsHeader}
	for _, r := range rows {
		records = append(records, []string{
			r.Model, strconv.Itoa(r.Fold), optional(r.Scores.CIndex), optional(r.Scores.IBS),
			optional(r.Scores.CIndexHarrell), optional(r.Scores.CIndexIPCW), optional(r.Scores.AUCMean),
			strconv.Itoa(r.TrainRows), strconv.Itoa(r.TestRows), strconv.Itoa(r.TrainEvents), strconv.Itoa(r.TestEvents),
			number(r.FitSeconds), number(r.PredictSeconds), strconv.FormatBool(r.Converged),
			strconv.Itoa(r.Repeat), optional(r.Scores.IPA), r.Reason,
		})
	}
	return formatCSV(records)
}

func formatCSV(records [][]string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.WriteAll(records) // a Buffer never fails
	return out.Bytes()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

// CSVError says where a CSV file is not what this program writes. It never holds a cell.
type CSVError struct {
	Line    int // 1-based
	Problem string
}

// Error is "line 3: …".
func (e *CSVError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// ParseMetrics reads model_metrics.csv strictly: the published columns in their order, one
// row a (model, fold), numbers as Go writes them. Errors are *CSVError.
func ParseMetrics(content []byte) ([]MetricsRow, error) {
	r := csv.NewReader(bytes.NewReader(content))
	header, err := r.Read()
	if err == io.EOF {
		return nil, &CSVError{1, "the file is empty; expected the header " + strings.Join(metricsHeader, ",")}
	}
	if err != nil {
		return nil, csvError(err)
	}
	if !slices.Equal(header, metricsHeader) {
		return nil, &CSVError{1, "the header is not " + strings.Join(metricsHeader, ",")}
	}
	var rows []MetricsRow
	seen := map[Task]bool{}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, csvError(err)
		}
		line, _ := r.FieldPos(0)
		c := cells{line: line, record: record}
		row := c.row()
		if c.err == nil && seen[row.Task] {
			c.fail("model", "and fold occur a second time")
		}
		if c.err != nil {
			return nil, c.err
		}
		seen[row.Task] = true
		rows = append(rows, row)
	}
}

func csvError(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &CSVError{parse.Line, parse.Err.Error()}
	}
	return &CSVError{0, err.Error()}
}

// cells reads the cells of one record and keeps the first problem.
type cells struct {
	line   int
	record []string
	err    error
}

func (c *cells) fail(column, problem string) {
	if c.err == nil {
		c.err = &CSVError{c.line, column + " " + problem}
	}
}

func (c *cells) text(column string) string { return c.record[slices.Index(metricsHeader, column)] }

var (
	wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)
	realNumber  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?$`)
	modelName   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
)

func (c *cells) whole(column string) int {
	text := c.text(column)
	if !wholeNumber.MatchString(text) {
		c.fail(column, "is not a whole number")
		return 0
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		c.fail(column, "is too large")
	}
	return v
}

func (c *cells) real(column string) float64 {
	text := c.text(column)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || !realNumber.MatchString(text) {
		c.fail(column, "is not a finite decimal number")
	}
	return v
}

func (c *cells) optional(column string) *float64 {
	if c.text(column) == "" {
		return nil
	}
	v := c.real(column)
	return &v
}

func (c *cells) row() MetricsRow {
	r := MetricsRow{
		Task:   Task{Model: c.text("model"), Fold: c.whole("fold")},
		Repeat: c.whole("repeat"),
		Scores: Scores{
			CIndex: c.optional("cindex"), IBS: c.optional("ibs"), CIndexHarrell: c.optional("cindex_harrell"),
			CIndexIPCW: c.optional("cindex_ipcw"), AUCMean: c.optional("auc_mean"), IPA: c.optional("ipa"),
		},
		TrainRows: c.whole("n_train"), TestRows: c.whole("n_test"),
		TrainEvents: c.whole("events_train"), TestEvents: c.whole("events_test"),
		FitSeconds: c.real("fit_seconds"), PredictSeconds: c.real("predict_seconds"),
		Converged: c.text("converged") == "true", Reason: c.text("reason"),
	}
	if !modelName.MatchString(r.Model) {
		c.fail("model", "is not a model name")
	}
	if text := c.text("converged"); text != "true" && text != "false" {
		c.fail("converged", "is neither true nor false")
	}
	return r
}
