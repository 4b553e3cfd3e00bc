package activities

import (
	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/survival/forecast"
)

// fitBase is of any fit: small buffers, what the collector leaves.
const fitBase = 24 << 20

// scored is what preparing the scores of a fold takes for each of its rows.
const scored = 500

// The encoded columns of a fit, and how often they are held: as they are, in the model's own
// form, in those of inner folds, and as garbage.
const (
	columnsOf      = 3
	columnsOblique = 3.5
	columnsCoxnet  = 4
	columnsInner   = 3 // of each inner fold in hand
)

// preparation estimates what a table needs that has been read, with the encoded columns of a fit.
func preparation(t *dataset.Table) int64 { return fitBase + 3*t.Bytes() }

// memory estimates what one fit of the job needs on so many threads beside the program and the
// prepared table, which are there already: so that a fit that would not fit is refused before it
// takes the worker with it. `go run ./bench/memory` sets it beside what fits really take.
func (j *job) memory(threads int) int64 {
	rows, test := int64(len(j.fold.Train)), int64(len(j.fold.Test))
	curves := (8 + 4) * test * int64(len(j.fold.Times)) // once as they are summed, once as they are stored
	if test > 0 {
		curves += scored * (rows + test)
	}
	return fitBase + curves + j.explanation(test) + j.need(j.model, threads, rows, test)
}

// explanation is that of the rows that are explained: encoded and predicted again and again, once
// in use and once as garbage.
func (j *job) explanation(test int64) int64 {
	if j.spec.Explain.IsZero() || j.model.Type == config.KM {
		return 0
	}
	return 2 * min(test, int64(j.spec.Explain.Rows)) * (2*8*j.encoded() + (8+4)*int64(len(j.fold.Times)))
}

// need is that of one model, fitted to so many rows.
func (j *job) need(m config.Model, threads int, rows, test int64) int64 {
	design := 8 * (rows + test) * j.encoded()
	times := func(n float64) int64 { return int64(n * float64(design)) }
	trees := 100*rows*int64(threads) + j.forest(m, rows, test)
	switch m.Type {
	case config.KM:
		return 64*(rows+test) + design/2 // encoded, though no column is read
	case config.Coxnet:
		inner := min(int64(threads), numberOf(m, "inner_folds")) // each with a design of its own
		return (columnsCoxnet + columnsInner*inner) * design
	case config.RSF:
		return times(columnsOf) + trees
	case config.ORSF:
		return times(columnsOblique) + trees
	case config.Stack:
		return j.stack(m, threads, rows, test)
	}
	return times(columnsOf) + 200*rows
}

// encoded counts the columns after encoding.
func (j *job) encoded() int64 {
	n := int64(0)
	for _, c := range j.table.Columns {
		n += int64(max(2, len(c.Levels)+1)) // a number and perhaps an indicator of its gaps; a level each
	}
	return n
}

// forest is that of the trees: a fold holds a few at a time, a final fit all of them.
func (j *job) forest(m config.Model, rows, test int64) int64 {
	if test > 0 && j.spec.Explain.IsZero() {
		return 0
	}
	leaves := rows / max(1, numberOf(m, "min_leaf"))
	return numberOf(m, "trees") * (8*rows + 64*leaves) / 2
}

// stack is that of the bases, which are fitted one after the other, and of their predictions.
func (j *job) stack(m config.Model, threads int, rows, test int64) int64 {
	most := int64(0)
	names, _ := m.Settings["of"].([]any) // a list of texts: the spec was checked
	for _, name := range names {
		text, _ := name.(string)
		if base, err := j.spec.Model(text); err == nil {
			most = max(most, j.need(base, threads, rows, test))
		}
	}
	return most + int64(len(names))*12*rows*int64(len(j.fold.Times))
}

// numberOf is a whole number among a model's settings; 0 where it is a word.
func numberOf(m config.Model, key string) int64 {
	v, _ := m.Settings[key].(float64)
	return int64(v)
}

// Predictions hold so many numbers for each row, and while a wave of rows is encoded and predicted
// so many times its columns and results; a model whose curves are sums holds at most so many values of them a
// thread, once in use and once as garbage, and the Parquet writer so many bytes of each value of a
// row group.
const (
	ofRow     = 5
	ofWave    = 3
	ofCurves  = 1 << 22
	ofParquet = 40
)

// memory estimates what the predictions of so many rows need on so many threads, beside the
// program, the table and the rows, which are there already.
func (w *predictWork) memory(rows, threads int) int64 {
	n, values := int64(rows), int64(len(w.wanted.Horizons)+1)
	wave := min(n, int64(threads)*blockRows)
	need := fitBase + 2*w.model.File.Bytes + ofRow*8*n + ofWave*8*wave*(int64(len(w.model.Columns))+values)
	need += ofParquet * min(n, artifact.ParquetGroup) * (values + 4)
	switch w.model.Type {
	case config.RSF, config.ORSF, config.Stack:
		times := values + forecast.Cells + int64(len(w.wanted.Steps))
		need += int64(threads) * 2 * 8 * min(ofCurves, min(n, blockRows)*times)
	}
	return need + w.outOfFold()
}

// outOfFold is that of the folds: the test rows of all of them, and the curves of two, of which one
// has been written.
func (w *predictWork) outOfFold() int64 {
	held, most := int64(0), int64(0)
	for _, f := range w.run.Folds {
		held += 8 * int64(f.TestRows)
		most = max(most, int64(f.TestRows)*(8+4*int64(f.Times.Shape[0])))
	}
	return held + 2*most
}
