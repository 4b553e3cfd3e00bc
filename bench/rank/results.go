package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// task is one fold of one model on one data set.
type task struct {
	Set, Model string
	Fold       int
}

func (t task) compare(other task) int {
	if c := strings.Compare(t.Model, other.Model); c != 0 {
		return c
	}
	if c := strings.Compare(t.Set, other.Set); c != 0 {
		return c
	}
	return t.Fold - other.Fold
}

// result is a line of the results file. Harrell and IBS are nil where the fold has none;
// Reason then says why.
type result struct {
	task
	Harrell, IBS *float64
	Seconds      float64 // fit and prediction, on one thread
	Fingerprint  string  // of everything that the fit depends on, shortened
	Reason       string
}

var resultHeader = []string{"model", "set", "fold", "harrell", "ibs", "seconds", "fingerprint", "reason"}

func (r result) record() []string {
	return []string{r.Model, r.Set, strconv.Itoa(r.Fold), optional(r.Harrell), optional(r.IBS),
		strconv.FormatFloat(r.Seconds, 'f', 3, 64), r.Fingerprint, r.Reason}
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// readResults reads the results file, the last line of a task counting; none yet is no
// error, and a last line that a kill cut short is left out.
func readResults(path string) (map[task]result, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[task]result{}, nil
	}
	if err != nil {
		return nil, err
	}
	whole := text[:strings.LastIndexByte(string(text), '\n')+1]
	records, err := csv.NewReader(strings.NewReader(string(whole))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	out := map[task]result{}
	for i, record := range records {
		if i == 0 && slices.Equal(record, resultHeader) {
			continue
		}
		r, err := parseResult(record)
		if err != nil {
			return nil, fmt.Errorf("read %s: record %d: %w", path, i+1, err)
		}
		out[r.task] = r
	}
	return out, nil
}

func parseResult(record []string) (result, error) {
	if len(record) != len(resultHeader) {
		return result{}, fmt.Errorf("%d fields, want %d", len(record), len(resultHeader))
	}
	r := result{task: task{Model: record[0], Set: record[1]}, Fingerprint: record[6], Reason: record[7]}
	var errs [4]error
	r.Fold, errs[0] = strconv.Atoi(record[2])
	r.Harrell, errs[1] = parseOptional(record[3])
	r.IBS, errs[2] = parseOptional(record[4])
	r.Seconds, errs[3] = strconv.ParseFloat(record[5], 64)
	return r, errors.Join(errs[:]...)
}

func parseOptional(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	return &v, err
}

// writeResults writes the whole file anew, sorted by model, set and fold.
func writeResults(path string, results map[task]result) error {
	sorted := make([]result, 0, len(results))
	for _, r := range results {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b result) int { return a.compare(b.task) })
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(resultHeader) // a strings.Builder takes everything
	for _, r := range sorted {
		_ = w.Write(r.record())
	}
	w.Flush()
	partial := path + ".partial"
	if err := os.WriteFile(partial, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// journal appends results to the file as they come.
type journal struct{ file *os.File }

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &journal{f}, nil
}

func (j *journal) add(r result) error {
	w := csv.NewWriter(j.file)
	if err := w.Write(r.record()); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

func (j *journal) close() error { return j.file.Close() }
