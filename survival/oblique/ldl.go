package oblique

// ridge is ρ: how much the variance of each column is raised, relatively, before the
// direction is solved for. Few rows support a node's direction, and shrinking the part that
// the columns' correlations play helps: docs/DECISIONS.md has the figures.
const ridge = 1.0

// A symmetric matrix is its lower triangle, row by row: row a begins at a(a+1)/2.

// factor overwrites V of m rows with L and D of V + ridge·diag V = L·D·Lᵀ, D on the
// diagonal. A row whose variance is negligible, or explained by those before it, has D = 0
// and is as if absent.
func factor(v []float64, m int, ridge float64) {
	row := func(a int) []float64 { return v[a*(a+1)/2 : (a+1)*(a+2)/2] }
	for a := range m {
		la := row(a)
		for b := range a { // la becomes L·D
			for l, x := range row(b)[:b] {
				la[b] -= float64(la[l] * x)
			}
		}
		variance := la[a]
		pivot := variance * (1 + ridge)
		for b := range a {
			if d := row(b)[b]; d > 0 {
				pivot -= float64(la[b] * (la[b] / d))
				la[b] /= d
			} else {
				la[b] = 0
			}
		}
		if variance <= negligible || pivot <= singular*variance {
			pivot = 0
		}
		la[a] = pivot
	}
}

// singular is the share of a row's variance that those before it must leave.
const singular = 1e-9

// solve overwrites u with the solution β of L·D·Lᵀ·β = u; where D is 0, β is.
func solve(ld, u []float64) {
	row := func(a int) []float64 { return ld[a*(a+1)/2 : (a+1)*(a+2)/2] }
	for a := range u {
		for b, l := range row(a)[:a] {
			u[a] -= float64(l * u[b])
		}
	}
	for a := len(u) - 1; a >= 0; a-- {
		if d := row(a)[a]; d > 0 {
			u[a] /= d
		} else {
			u[a] = 0
		}
		for b := a + 1; b < len(u); b++ {
			u[a] -= float64(row(b)[a] * u[b])
		}
	}
}
