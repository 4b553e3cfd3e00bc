package linear

import (
	"context"

	"everfold/survival"
)

// RowProduct is X·gamma, to be computed for some rows at a time.
type RowProduct struct {
	of           *Compact
	plain, table []float64 // gamma of the dense columns, and by pattern what the others add
}

// RowProduct prepares X·gamma.
func (m *Compact) RowProduct(gamma []float64) RowProduct {
	p := RowProduct{of: m, plain: make([]float64, m.dense.P), table: make([]float64, max(1, len(m.members)))}
	for k := range p.plain {
		p.plain[k] = gamma[m.at[k]]
	}
	base := 0.0
	for k := m.dense.P; k < m.P; k++ {
		base += float64(m.low[k] * gamma[m.at[k]])
	}
	p.table[0] = base
	for c, set := range m.members {
		p.table[c] = base
		for _, k := range set {
			p.table[c] += float64(m.width[k] * gamma[m.at[k]])
		}
	}
	return p
}

// Of writes the products of the rows from start to dst.
func (p RowProduct) Of(dst []float64, start int) {
	clear(dst)
	p.addTo(dst, start)
}

func (p RowProduct) addTo(dst []float64, start int) {
	m := p.of
	if m.code != nil {
		for i, c := range m.code[start : start+len(dst)] {
			dst[i] += p.table[c]
		}
	}
	m.rows(start, start+len(dst)).Product(dst, p.plain)
}

// Product adds X·gamma to dst, which has one element a row.
func (m *Compact) Product(dst, gamma []float64, threads int) {
	p := m.RowProduct(gamma)
	Blocks(m.N, blockRows, threads, func(_, start, end int) { p.addTo(dst[start:end], start) })
}

// rows are the dense columns of some rows.
func (m *Compact) rows(start, end int) *Matrix {
	q := m.dense.P
	return &Matrix{Columns: Columns{N: end - start, P: q}, X: m.dense.X[start*q : end*q]}
}

// AddRows adds Σ_k v_k·(row start+k) to dst, which is in inner order.
func (m *Compact) AddRows(dst []float64, start int, v []float64) {
	m.dense.AddRows(dst[:m.dense.P], start, v)
	if m.code == nil {
		return
	}
	for i, c := range m.code[start : start+len(v)] {
		for _, k := range m.members[c] {
			dst[k] += v[i]
		}
	}
}

// AddTransposed adds Xᵀ·v to dst, which has one element a column.
func (m *Compact) AddTransposed(dst, v []float64, threads int) {
	inner, total := m.Sums(v, threads)
	out := make([]float64, m.P)
	m.Vector(out, inner, total)
	for j, s := range out {
		dst[j] += s
	}
}

// Sums are Σ_r v_r·(row r) in inner order and Σ_r v_r.
func (m *Compact) Sums(v []float64, threads int) (inner []float64, total float64) {
	count, size := (m.N+blockRows-1)/blockRows, m.P+1
	partial := make([]float64, count*size)
	Blocks(m.N, blockRows, threads, func(b, start, end int) {
		part := partial[b*size : (b+1)*size]
		m.dense.AddRows(part[:m.dense.P], start, v[start:end])
		part[m.P] = m.addPatterns(part, start, v[start:end])
	})
	sums := make([]float64, size)
	for b := range count {
		for k, s := range partial[b*size : (b+1)*size] {
			sums[k] += s
		}
	}
	return sums[:m.P], sums[m.P]
}

// addPatterns adds the sums of v over the rows of each b_k to dst and returns the sum of all
// rows. Even and odd rows have tables of their own: otherwise an addition would often wait
// for the one before, of the same pattern.
func (m *Compact) addPatterns(dst []float64, start int, v []float64) (total float64) {
	if m.code == nil {
		for _, x := range v {
			total += x
		}
		return total
	}
	var even, odd [maxPatterns]float64
	code := m.code[start : start+len(v)]
	i := 0
	for ; i+1 < len(code); i += 2 {
		even[code[i]%maxPatterns] += v[i]
		odd[code[i+1]%maxPatterns] += v[i+1]
	}
	if i < len(code) {
		even[code[i]%maxPatterns] += v[i]
	}
	for c, set := range m.members {
		sum := even[c] + odd[c]
		total += sum
		for _, k := range set {
			dst[k] += sum
		}
	}
	return total
}

// Gram adds Σ_r w_r·r rᵀ over rows r in inner order to the upper triangle of the P×P matrix
// h. The bits do not depend on threads. The error is that of survival.Check.
func (m *Compact) Gram(ctx context.Context, h, w []float64, threads int) error {
	if m.P > compactColumns {
		return RankUpdate(ctx, h, Weighted{P: m.P, X: m.dense.X, W: w}, threads)
	}
	step := max(blockRows, chunk/(m.P*m.P+1)/blockRows*blockRows)
	partial := make([]float64, (min(step, m.N)+blockRows-1)/blockRows*m.P*m.P)
	for from := 0; from < m.N; from += step {
		if err := survival.Check(ctx, float64(from), float64(m.N)); err != nil {
			return err
		}
		to := min(from+step, m.N)
		clear(partial)
		Blocks(to-from, blockRows, threads, func(b, start, end int) {
			m.gramBlock(partial[b*m.P*m.P:(b+1)*m.P*m.P], w, from+start, from+end)
		})
		for b := range (to - from + blockRows - 1) / blockRows {
			for i, v := range partial[b*m.P*m.P : (b+1)*m.P*m.P] {
				h[i] += v
			}
		}
	}
	return nil
}

// gramBlock is Gram for the rows start ≤ r < end.
func (m *Compact) gramBlock(h, w []float64, start, end int) {
	q := m.dense.P
	block := Weighted{P: q, X: m.dense.X[start*q : end*q], W: w[start:end]}
	if m.code == nil {
		block.addTo(h, 0, q)
		return
	}
	plain := make([]float64, q*q)
	block.addTo(plain, 0, q)
	for i := range q {
		copy(h[i*m.P+i:i*m.P+q], plain[i*q+i:(i+1)*q])
	}
	kept, _ := m.tables.Get().(*[]float64)
	if kept == nil {
		fresh := make([]float64, len(m.members)*(q+1))
		kept = &fresh
	}
	table := *kept
	for r, v := range block.W {
		sums := table[int(m.code[start+r])*(q+1):][:q+1]
		sums[0] += v
		sums = sums[1:]
		for k, z := range block.X[r*q : (r+1)*q] {
			sums[k] += float64(v * z)
		}
	}
	for c, set := range m.members {
		m.spread(h, table[c*(q+1):(c+1)*(q+1)], set)
	}
	clear(table)
	m.tables.Put(kept)
}

// spread adds one pattern's sums, Σw and Σw·z of the dense columns, to its products.
func (m *Compact) spread(h, sums []float64, set []int) {
	for i, k := range set {
		for j, v := range sums[1:] {
			h[j*m.P+k] += v
		}
		for _, l := range set[i:] {
			h[k*m.P+l] += sums[0]
		}
	}
}

// Vector writes a sum of rows, in inner order and with total weight total, to dst in column
// order. With total 0 two-valued columns count from their commoner value: differences of
// rows do not notice.
func (m *Compact) Vector(dst, inner []float64, total float64) {
	for k, j := range m.at {
		dst[j] = float64(m.low[k]*total) + float64(m.width[k]*inner[k])
	}
}

// Square writes a sum of products rᵀr, upper triangle in inner order, to the upper triangle
// of dst in column order. sums and total are as for Vector; nil sums mean 0.
func (m *Compact) Square(dst, inner, sums []float64, total float64) {
	for k, i := range m.at {
		for l := k; l < m.P; l++ {
			v := m.width[k] * m.width[l] * inner[k*m.P+l]
			if sums != nil {
				v += float64(m.low[k]*m.width[l]*sums[l]) + float64(m.low[l]*m.width[k]*sums[k]) +
					float64(m.low[k]*m.low[l]*total)
			}
			j := m.at[l]
			dst[min(i, j)*m.P+max(i, j)] = v
		}
	}
}
