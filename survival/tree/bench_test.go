package tree

import (
	"context"
	"math/rand/v2"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// BenchmarkLogRankTree grows one tree on all columns, depth unlimited, from a bootstrap
// sample of 20,000 rows: 9 numeric columns, 8 dummies, 700 distinct times.
func BenchmarkLogRankTree(b *testing.B) {
	const n = 20_000
	rng := rand.New(rand.NewPCG(1, 1))
	x := &survival.Design{Rows: n, Columns: make([]survival.Column, 17)}
	for j := range x.Columns {
		x.Columns[j].Values = make([]float64, n)
	}
	y, count := Ranked{}, make([]uint32, n)
	for i := range n {
		late := float64(i) / n
		for j := range 9 {
			x.Columns[j].Values[i] = rng.NormFloat64() + late*float64(j)/9
		}
		if class := rng.IntN(9); class > 0 {
			x.Columns[8+class].Values[i] = 1
		}
		y.Rank = append(y.Rank, int32(i*700/n))
		y.Event = append(y.Event, rng.IntN(2) == 0)
		count[rng.IntN(n)]++
	}
	m, err := NewMatrix(context.Background(), x, ascending(n), Quantiles, 1)
	if err != nil {
		b.Fatal(err)
	}
	g, crit, leaves := NewGrower(m), NewLogRank(y), &Leaves{}
	for b.Loop() {
		crit.Draw(count, leaves)
		if _, err := g.Grow(context.Background(), crit, Options{MinSplit: 10, MinLeaf: 5}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkState writes a deep tree and its leaves as the state of an unfinished forest has them.
func BenchmarkState(b *testing.B) {
	tree, leaves, _ := grown(b, 120_000, 1, 1)
	p, outcomes := tree.Pack(), leaves.Pack()
	for b.Loop() {
		w := modelfile.NewWriter("t", 1)
		p.Write(w)
		outcomes.Keep(w)
	}
	b.ReportMetric(float64(p.Leaves()), "leaves")
}
