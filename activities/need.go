package activities

import (
	"everfold/config"
)

// The parts of a fit's memory that do not follow from its rows and columns.
const (
	fitBase   = 24 << 20 // of any fit: small buffers, what the collector leaves
	columnsOf = 2        // the encoded columns, and the model's own form of them
)

// memory estimates what one fit of the job needs on so many threads beside the program and the
// prepared table, which are there already: so that a fit that would not fit is refused before it
// takes the worker with it. `go run ./bench/memory` sets it beside what fits really take.
func (j *job) memory(threads int) int64 {
	rows, test := int64(len(j.fold.Train)), int64(len(j.fold.Test))
	curves := (8 + 4) * test * int64(len(j.fold.Times)) // once as they are summed, once as they are stored
	return fitBase + curves + j.need(j.model, threads, rows, test)
}

// need is that of one model, fitted to so many rows.
func (j *job) need(m config.Model, threads int, rows, test int64) int64 {
	design := 8 * (rows + test) * j.encoded()
	switch m.Type {
	case config.KM:
		return 64 * (rows + test)
	case config.Coxnet:
		inner := min(int64(threads), numberOf(m, "inner_folds")) // each with a design of its own
		return (columnsOf + 2*inner) * design
	case config.GBSA:
		return columnsOf*design + 200*rows
	case config.RSF, config.ORSF:
		return columnsOf*design + int64(threads)*100*rows + j.forest(m, rows, test)
	case config.Stack:
		return j.stack(m, threads, rows, test)
	}
	return columnsOf*design + 200*rows
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
	return numberOf(m, "trees") * (8*rows + 64*leaves) / 4
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
	return most + int64(len(names))*8*rows*int64(len(j.fold.Times))
}

// numberOf is a whole number among a model's settings; 0 where it is a word.
func numberOf(m config.Model, key string) int64 {
	v, _ := m.Settings[key].(float64)
	return int64(v)
}
