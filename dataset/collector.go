package dataset

// collector holds the columns of a file while its rows pass.
type collector struct {
	schema   Schema
	limits   Limits
	header   []string
	roles    [][]role
	sinks    []sink
	rows     int
	room     int  // rows that there is room for, as far as that was asked for
	replaced Drop // rows whose time of zero was replaced

	id                  *texts
	time, entry, weight *numbers
	event               *events
	group               *levels
	features            []*feature // declared and inferred covariates, in file order
}

// sink is a builder and the column of the file that feeds it.
type sink struct {
	at      int
	builder builder
}

// feature is a covariate while it is collected; exactly one of the builders is set.
type feature struct {
	name     string
	at       int
	declared bool
	numbers  *numbers
	levels   *levels
	inferred *inferred
}

func newCollector(header []string, s Schema, limits Limits) (*collector, error) {
	if len(header) > limits.Columns {
		return nil, tooMany("columns", limits.Columns)
	}
	roles, err := s.roles(header)
	if err != nil {
		return nil, err
	}
	c := &collector{schema: s, limits: limits, header: header, roles: roles}
	for at := range header {
		for _, r := range roles[at] {
			if b := c.builder(r, at); b != nil {
				c.sinks = append(c.sinks, sink{at, b})
			}
		}
	}
	return c, nil
}

// reserve makes room for rows in all, as far as the limits go.
func (c *collector) reserve(rows int) {
	rows = min(rows, c.limits.Rows)
	if c.limits.Memory > 0 {
		rows = min(rows, int(c.limits.Memory/8)/max(1, len(c.sinks)))
	}
	for _, k := range c.sinks {
		k.builder.reserve(rows)
	}
}

// checkMemory refuses to go on beyond the limit.
func (c *collector) checkMemory() error {
	total := int64(0)
	for _, k := range c.sinks {
		total += k.builder.bytes()
	}
	return c.limits.fits(total)
}

// builder makes the builder of a role and remembers it; nil for unused columns.
func (c *collector) builder(r role, at int) builder {
	switch r {
	case roleID:
		c.id = &texts{}
		return c.id
	case roleTime:
		c.time = &numbers{outcome: true}
		return c.time
	case roleEntry:
		c.entry = &numbers{outcome: true}
		return c.entry
	case roleWeight:
		c.weight = &numbers{outcome: true}
		return c.weight
	case roleEvent:
		c.event = &events{}
		return c.event
	case roleGroup:
		c.group = newLevels(c.limits.Rows)
		return c.group
	case roleIgnored, roleUnlisted:
		return nil
	}
	f := &feature{name: c.header[at], at: at, declared: r != roleInferred}
	c.features = append(c.features, f)
	switch r {
	case roleNumeric:
		f.numbers = &numbers{}
		return f.numbers
	case roleCategorical:
		f.levels = newLevels(c.limits.Levels)
		return f.levels
	}
	f.inferred = newInferred()
	return f.inferred
}

// settle turns an inferred feature into the kind that its cells showed.
func (f *feature) settle() {
	if f.inferred != nil && f.inferred.mixed < 0 {
		f.numbers, f.levels = f.inferred.numbers, f.inferred.levels
	}
}

// gaps counts the missing cells, as read.
func (f *feature) gaps() int {
	if f.levels != nil {
		return f.levels.gaps
	}
	return f.numbers.gaps
}

// missing says whether the cell of a row is missing.
func (f *feature) missing(row int) bool {
	if f.levels != nil {
		return f.levels.codes[row] < 0
	}
	return f.numbers.values[row] != f.numbers.values[row]
}

// column is the feature restricted to rows; rows is nil where all are kept.
func (f *feature) column(rows []int) Column {
	if f.levels == nil {
		return Column{Name: f.name, Kind: Numeric, Values: keep(f.numbers.values, rows)}
	}
	codes, levels := compact(keep(f.levels.codes, rows), f.levels.names)
	return Column{Name: f.name, Kind: Categorical, Codes: codes, Levels: levels}
}

// keep is column restricted to rows, or column itself where rows is nil.
func keep[T any](column []T, rows []int) []T {
	if rows == nil {
		return column[:len(column):len(column)]
	}
	return pick(column, rows)
}
