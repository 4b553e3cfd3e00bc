package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"everfold/artifact"
)

// maxTerms bounds the terms of a model that are shown.
const maxTerms = 20

// proportional are the tests of proportional hazards of unpenalised Cox models.
func (b *builder) proportional(context.Context) (section, error) {
	s := section{ID: "proportional", Title: "Proportional hazards"}
	for _, model := range b.models {
		if t, left := b.phTable(model); t != nil {
			s.Blocks = append(s.Blocks, block{Table: t})
			if left > 0 {
				s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("%s more: artifacts/ph_tests.csv.", counted(left, "term"))})
			}
		}
	}
	if s.Blocks == nil {
		s.Blocks = append(s.Blocks, block{Text: "No unpenalised Cox model is complete, so there is nothing to test."})
		return s, nil
	}
	s.Blocks = append([]block{{Text: "A Cox model says that a column multiplies the hazard by the same factor at all times. A small p says that it does not: the " +
		"effect grows or fades. With many rows small departures are found, too; look at the size of the effect before giving up the model."}}, s.Blocks...)
	return s, nil
}

// tested is a term with its tests.
type tested struct {
	term     string
	final    *artifact.PHTest
	folds    []float64 // p of each fold
	rejected int       // at 5 %
}

// phTable has a row a term, the least p first, GLOBAL on top; left counts those that are not
// shown.
func (b *builder) phTable(model string) (t *table, left int) {
	var terms []*tested
	find := func(name string) *tested {
		for _, k := range terms {
			if k.term == name {
				return k
			}
		}
		terms = append(terms, &tested{term: name})
		return terms[len(terms)-1]
	}
	for _, m := range b.folds(model) {
		for _, test := range m.PHTests {
			k := find(test.Term)
			if test.P == nil {
				continue
			}
			k.folds = append(k.folds, *test.P)
			if *test.P < 0.05 {
				k.rejected++
			}
		}
	}
	for _, info := range b.Finals {
		for i, test := range info.PHTests {
			if info.Model == model {
				find(test.Term).final = &info.PHTests[i]
			}
		}
	}
	if len(terms) == 0 {
		return nil, 0
	}
	slices.SortStableFunc(terms, func(x, y *tested) int {
		return cmp.Or(cmp.Compare(y.global(), x.global()), cmp.Compare(x.p(), y.p()))
	})
	t = &table{Caption: "Score tests of proportional hazards: " + model, Head: columns("Term")}
	final := slices.ContainsFunc(terms, func(k *tested) bool { return k.final != nil })
	if final {
		t.Head = append(t.Head, columns("Final model: chi-square", "df", "p")...)
	}
	t.Head = numbers(append(t.Head, columns("Folds: median p", "with p < 0.05")...), 1)
	for _, k := range terms[:min(maxTerms, len(terms))] {
		cells := []string{k.term}
		if final {
			cells = append(cells, k.finalCells()...)
		}
		middle := k.median()
		t.add(append(cells, pvalue(middle), fmt.Sprintf("%d of %d", k.rejected, len(k.folds)))...)
		t.Rows[len(t.Rows)-1].Strong = k.global() == 1
	}
	return t, max(0, len(terms)-maxTerms)
}

func (k *tested) global() int {
	if k.term == "GLOBAL" {
		return 1
	}
	return 0
}

// p is what terms are sorted by.
func (k *tested) p() float64 {
	p := k.median()
	if k.final != nil && k.final.P != nil {
		p = k.final.P
	}
	if p == nil {
		return 2
	}
	return *p
}

// median is that of the folds' p, nil without one; of two in the middle the smaller.
func (k *tested) median() *float64 {
	if len(k.folds) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(k.folds))
	return &sorted[(len(sorted)-1)/2]
}

// finalCells are the test of the fit on all rows.
func (k *tested) finalCells() []string {
	if k.final == nil {
		return []string{dash, dash, dash}
	}
	chisq := dash
	if k.final.Chisq != nil {
		chisq = strconv.FormatFloat(*k.final.Chisq, 'f', 2, 64)
	}
	return []string{chisq, strconv.Itoa(k.final.DF), pvalue(k.final.P)}
}
