package preprocess

import (
	"cmp"
	"slices"

	"everfold/survival"
)

// factorTerm is what is learnt of a categorical column.
type factorTerm struct {
	Levels []string    `json:"levels"` // after merging, in byte order; Levels[0] is the reference
	First  int         `json:"first"`  // levels from here on have a dummy
	Known  []knownRule `json:"known"`  // levels of the training rows, in byte order
}

// knownRule says which of factorTerm.Levels a level of the training rows became.
type knownRule struct {
	Level string `json:"level"`
	To    int    `json:"to"`
}

// tally is a level and its training rows.
type tally struct {
	level string
	rows  int
}

// fitFactor learns a categorical column; nil where it gives no design column.
func (b *builder) fitFactor(f *survival.Feature) (*factorTerm, error) {
	counts, err := b.tallies(f)
	if err != nil {
		return nil, err
	}
	into := b.mergeRare(counts)
	t := &factorTerm{}
	for _, level := range into {
		if !slices.Contains(t.Levels, level) {
			t.Levels = append(t.Levels, level)
		}
	}
	slices.Sort(t.Levels)
	for k, c := range counts {
		to, _ := slices.BinarySearch(t.Levels, into[k])
		t.Known = append(t.Known, knownRule{c.level, to})
	}
	if b.options.Encode != "onehot" {
		t.First = 1
	}
	if len(t.Levels) == 1 && (t.First == 1 || b.options.DropConstant) {
		b.drop(f.Name, "one level in the training rows")
		return nil, nil
	}
	return t, nil
}

// tallies counts the levels that occur in the training rows, in byte order.
func (b *builder) tallies(f *survival.Feature) ([]tally, error) {
	rows := make([]int, len(f.Levels))
	missing := 0
	for _, r := range b.rows {
		code := f.Codes[r]
		if code >= 0 {
			rows[code]++
			continue
		}
		if b.options.refusesGaps() {
			return nil, gapError(r, f.Name)
		}
		missing++
	}
	var counts []tally
	for code, n := range rows {
		switch {
		case n == 0:
		case f.Levels[code] == MissingLevel: // a level so named already is the same
			missing += n
		default:
			counts = append(counts, tally{f.Levels[code], n})
		}
	}
	if missing > 0 {
		counts = append(counts, tally{MissingLevel, missing})
	}
	slices.SortFunc(counts, func(x, y tally) int { return cmp.Compare(x.level, y.level) })
	return counts, nil
}

// mergeRare gives the level that each of counts becomes.
func (b *builder) mergeRare(counts []tally) []string {
	into := make([]string, len(counts))
	rare := func(c tally) bool { return float64(c.rows)/float64(len(b.rows)) < b.options.RareLevel }
	if b.options.RareKeep == 0 {
		for k, c := range counts {
			if into[k] = c.level; rare(c) {
				into[k] = OtherLevel
			}
		}
		return into
	}
	byRows := slices.Clone(counts)
	slices.SortStableFunc(byRows, func(x, y tally) int { return cmp.Compare(y.rows, x.rows) })
	kept := min(b.options.RareKeep, len(byRows))
	for kept < len(byRows) && b.options.RareLevel > 0 && !rare(byRows[kept]) {
		kept++
	}
	target := OtherLevel
	if b.options.RareMerge == "least-kept" {
		target = byRows[kept-1].level
	}
	for k, c := range counts {
		into[k] = target
		for _, keeper := range byRows[:kept] {
			if keeper.level == c.level {
				into[k] = c.level
			}
		}
	}
	return into
}

// recode gives for each of levels the level number of the pipeline, −1 where unseen, and
// the same for a missing cell.
func (t *factorTerm) recode(levels []string) (to []int, missing int) {
	to = make([]int, len(levels))
	for k, level := range levels {
		to[k] = t.number(level)
	}
	return to, t.number(MissingLevel)
}

func (t *factorTerm) number(level string) int {
	k, ok := slices.BinarySearchFunc(t.Known, level, func(r knownRule, l string) int { return cmp.Compare(r.Level, l) })
	if !ok {
		return -1
	}
	return t.Known[k].To
}

// unseen is where a level goes that the training rows lack: OtherLevel, else the reference.
func (t *factorTerm) unseen() int {
	if k, ok := slices.BinarySearch(t.Levels, OtherLevel); ok {
		return k
	}
	return 0
}
