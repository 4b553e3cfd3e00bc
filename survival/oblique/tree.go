package oblique

import (
	"math"

	"everfold/survival/modelfile"
)

// obliqueTree sends rows to leaves by linear combinations of a few columns. Node 0 is the
// root; a node's left child follows it, so that only right children are stored.
type obliqueTree struct {
	// By node:
	terms []int32   // their number; 0 is a leaf
	first []int32   // where they begin, or the number of the leaf
	cut   []float64 // Σ coef·x ≤ cut goes left
	right []int32   // the right child

	column []int32   // by term
	coef   []float32 // by term, on the scale of the column
	fill   []float64 // by column: what stands for a missing value
	leaves int
}

// Route writes, at their places in leaf, the leaves of the given rows of x.
func (t *obliqueTree) Route(x [][]float64, rows, leaf []int32) {
	values := make([]float64, len(x))
	for _, row := range rows {
		for j, column := range x {
			values[j] = column[row]
		}
		leaf[row] = t.leaf(values)
	}
}

// leaf is the number of the leaf of a row of covariates.
func (t *obliqueTree) leaf(row []float64) int32 {
	i := int32(0)
	for t.terms[i] > 0 {
		first, last := t.first[i], t.first[i]+t.terms[i]
		if t.project(row, t.column[first:last], t.coef[first:last]) <= t.cut[i] {
			i++
		} else {
			i = t.right[i]
		}
	}
	return t.first[i]
}

// project is Σ coef·x, summed in the order of terms.
func (t *obliqueTree) project(row []float64, column []int32, coef []float32) float64 {
	sum := 0.0
	for k, j := range column {
		v := row[j]
		if v != v {
			v = t.fill[j]
		}
		sum += float64(float64(coef[k]) * v)
	}
	return sum
}

// add appends a node that is the next leaf until split.
func (t *obliqueTree) add() int {
	t.terms = append(t.terms, 0)
	t.first = append(t.first, int32(t.leaves))
	t.cut = append(t.cut, 0)
	t.right = append(t.right, 0)
	return len(t.terms) - 1
}

// split makes node i split by a combination; its right child is still to come.
func (t *obliqueTree) split(i int, c combination) {
	t.terms[i], t.first[i], t.cut[i] = int32(len(c.column)), int32(len(t.column)), c.cut
	t.column = append(t.column, c.column...)
	t.coef = append(t.coef, c.coef...)
}

// Write appends the tree to a model file: the number of terms of each node in order, 0 for
// a leaf; the cuts; columns and coefficients of all terms; the fill values. Right children
// and leaf numbers follow from the order.
func (t *obliqueTree) Write(w *modelfile.Writer) {
	w.Int32s(t.terms)
	var cuts []float64
	for i, n := range t.terms {
		if n > 0 {
			cuts = append(cuts, t.cut[i])
		}
	}
	w.Floats(cuts)
	w.Int32s(t.column)
	w.Float32s(t.coef)
	w.Floats(t.fill)
}

// readTree reads a tree over the given number of columns. What is not one is a failure of
// r, and the result is then nil.
func readTree(r *modelfile.Reader, columns int) *obliqueTree {
	terms, cuts := r.Int32s(), r.Floats()
	t := &obliqueTree{}
	column, coef := r.Int32s(), r.Float32s()
	t.fill = r.Floats()
	if len(t.fill) != columns || len(column) != len(coef) || !finite(t.fill) || !finite(cuts) || !finite(coef) {
		r.Fail("a tree's numbers do not fit its columns")
		return nil
	}
	for _, j := range column {
		if j < 0 || int(j) >= columns {
			r.Fail("a tree splits on a column that is not there")
			return nil
		}
	}
	if !t.link(terms, cuts, combination{column: column, coef: coef}) {
		r.Fail("a tree is incomplete")
		return nil
	}
	return t
}

// link lays out nodes of so many terms each; all is the terms of all nodes. It says
// whether they form a tree.
func (t *obliqueTree) link(terms []int32, cuts []float64, all combination) bool {
	var open []int // nodes whose right child is still to come
	for i, n := range terms {
		at := t.add()
		if i > 0 && terms[i-1] == 0 { // after a leaf comes the innermost open right child
			if len(open) == 0 {
				return false
			}
			t.right[open[len(open)-1]] = int32(i)
			open = open[:len(open)-1]
		}
		if n == 0 {
			t.leaves++
			continue
		}
		if n < 0 || int(n) > len(all.column) || len(cuts) == 0 {
			return false
		}
		t.split(at, combination{column: all.column[:n], coef: all.coef[:n], cut: cuts[0]})
		all.column, all.coef, cuts = all.column[n:], all.coef[n:], cuts[1:]
		open = append(open, at)
	}
	return len(terms) > 0 && len(open) == 0 && len(cuts) == 0 && len(all.column) == 0
}

func finite[F float32 | float64](v []F) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}
