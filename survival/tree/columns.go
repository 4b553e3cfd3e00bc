package tree

// column is one stored column. It serves one design column, or several that exclude each
// other: a candidate of any of them is a set of its codes, so storing them together changes
// no split.
//
// An ordered column holds the codes of a numeric design column, 0…codes−1. Where that
// column has missing values, or an indicator of imputed ones beside it, there is one more
// code, numbered codes. A nominal column holds classes: zeros everywhere is class 0, a one
// in a design column that column's class.
type column struct {
	numeric   int   // the ordered column's design column, or −1
	codes     int   // without the extra code
	extra     bool  // code number codes is in use
	home      int   // extra rows count as this code for thresholds; −1: they are missing
	indicator int   // the design column that is 1 for extra rows exactly, or −1
	classes   []int // nominal: the design column of each class, −1 for none
}

// slots is the number of different codes.
func (c *column) slots() int {
	if c.extra {
		return c.codes + 1
	}
	return c.codes
}

// layout assigns design columns to stored ones. codes holds the stored codes by design row.
type layout struct {
	columns []column
	codes   [][]uint32
}

// lay lays out the design: numeric columns first, then those of two values, each joined to
// the first stored column that excludes it on every row.
func lay(features []feature) *layout {
	l := &layout{}
	for j := range features {
		if !binary(&features[j]) {
			l.ordered(j, &features[j])
		}
	}
	for j := range features {
		f := &features[j]
		if binary(f) && !l.join(j, f) {
			l.columns = append(l.columns, column{numeric: -1, codes: 2, home: -1, indicator: -1, classes: []int{-1, j}})
			l.codes = append(l.codes, f.codes)
		}
	}
	return l
}

func binary(f *feature) bool { return len(f.low) == 2 && !f.gaps }

func (l *layout) ordered(j int, f *feature) {
	c := column{numeric: j, codes: len(f.low), extra: f.gaps, home: -1, indicator: -1}
	codes := f.codes
	if f.gaps {
		codes = make([]uint32, len(f.codes))
		for i, v := range f.codes {
			codes[i] = min(v, uint32(c.codes)) // gap is above every code
		}
	}
	l.columns, l.codes = append(l.columns, c), append(l.codes, codes)
}

// join adds a column of two values to a stored column, if it can.
func (l *layout) join(j int, f *feature) bool {
	for k := range l.columns {
		if l.joinClass(k, j, f) || l.joinIndicator(k, j, f) {
			return true
		}
	}
	return false
}

// joinClass makes j a class of nominal column k if no row has both.
func (l *layout) joinClass(k, j int, f *feature) bool {
	c := &l.columns[k]
	if c.numeric >= 0 || c.codes >= maxBins {
		return false
	}
	for i, v := range f.codes {
		if v == 1 && l.codes[k][i] != 0 {
			return false
		}
	}
	l.recode(k, f, uint32(c.codes))
	c.classes = append(c.classes, j)
	c.codes++
	return true
}

// joinIndicator makes j the indicator of ordered column k if its ones share one code there.
func (l *layout) joinIndicator(k, j int, f *feature) bool {
	c := &l.columns[k]
	if c.numeric < 0 || c.extra || c.codes > maxBins {
		return false
	}
	home := -1
	for i, v := range f.codes {
		if v == 1 && home < 0 {
			home = int(l.codes[k][i])
		}
		if v == 1 && int(l.codes[k][i]) != home {
			return false
		}
	}
	l.recode(k, f, uint32(c.codes))
	c.extra, c.home, c.indicator = true, home, j
	return true
}

// recode gives the rows where f is 1 the new code of column k, in a copy.
func (l *layout) recode(k int, f *feature, code uint32) {
	codes := make([]uint32, len(f.codes))
	copy(codes, l.codes[k])
	for i, v := range f.codes {
		if v == 1 {
			codes[i] = code
		}
	}
	l.codes[k] = codes
}
