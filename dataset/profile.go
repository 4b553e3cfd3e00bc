package dataset

import (
	"fmt"
	"math"

	"everfold/survival"
)

// Profile says what was read, how it was understood and what was dropped. It is meant to
// be stored beside the table; level names are the only contents of cells in it.
type Profile struct {
	Source       string             `json:"source"`
	Format       Format             `json:"format"`
	Bytes        int64              `json:"bytes"`         // of the file
	SourceSHA256 string             `json:"source_sha256"` // of the file's bytes
	Digest       string             `json:"digest"`        // of the table, see Table.Digest
	RowsRead     int                `json:"rows_read"`
	RowsKept     int                `json:"rows_kept"`
	Events       int                `json:"events"` // in the rows kept
	EventsRead   int                `json:"events_read"`
	Dropped      []Drop             `json:"dropped"`           // one a reason, in the order applied
	ZeroReplaced int                `json:"zero_replaced"`     // rows whose time of zero was replaced
	Sampled      *Sample            `json:"sampled,omitempty"` // set by whoever goes on with a part of the table
	Groups       int                `json:"groups"`            // distinct groups; 0 without a group column
	Columns      []ColumnProfile    `json:"columns"`           // every column of the file, in order
	Warnings     []survival.Warning `json:"warnings"`
}

// Sample is the part of the rows kept that a run uses.
type Sample struct {
	Rows   int    `json:"rows"`
	Events int    `json:"events"`
	Digest string `json:"digest"` // of the sample, see Table.Digest
}

// UsedDigest is the digest of the table that a run uses: the sample's where there is one.
func (p *Profile) UsedDigest() string {
	if p.Sampled != nil {
		return p.Sampled.Digest
	}
	return p.Digest
}

// Drop counts the rows dropped for one reason.
type Drop struct {
	Reason string  `json:"reason"` // ReasonZeroTime or ReasonMissing
	Rows   int     `json:"rows"`
	Events int     `json:"events"`       // events among them
	Share  float64 `json:"events_share"` // of all events read; 0 where there are none
}

func (d *Drop) add(event bool) {
	d.Rows++
	if event {
		d.Events++
	}
}

// share is that of all events read; 0 where there are none.
func (d *Drop) share(events int) float64 {
	if events == 0 {
		return 0
	}
	return float64(d.Events) / float64(events)
}

func (d *Drop) hold(events int) string {
	return fmt.Sprintf("they hold %d of the %d events (%.3g %%)", d.Events, events, 100*d.share(events))
}

// ColumnProfile says how one column of the file was understood.
type ColumnProfile struct {
	Name    string       `json:"name"`
	Role    string       `json:"role"`              // id, time, event, entry, weight, group, numeric, categorical, ignored, not used
	How     string       `json:"how"`               // declared | inferred
	Missing int          `json:"missing"`           // missing cells of a covariate, in the rows as read
	Share   float64      `json:"missing_share"`     // of the rows as read
	Levels  []LevelCount `json:"levels,omitempty"`  // categorical: in byte order
	Minimum *float64     `json:"minimum,omitempty"` // numeric: over the rows kept; absent where no cell is observed
	Maximum *float64     `json:"maximum,omitempty"`
}

// LevelCount is a level and the kept rows that have it.
type LevelCount struct {
	Level string `json:"level"`
	Rows  int    `json:"rows"`
}

// profile describes the finished table.
func (c *collector) profile(t *Table, used []*feature, drops []Drop, warnings []survival.Warning) *Profile {
	p := &Profile{RowsRead: c.rows, RowsKept: t.Rows(), Events: t.Outcome.Events(),
		Dropped: []Drop{}, ZeroReplaced: c.replaced.Rows, Warnings: append([]survival.Warning{}, warnings...)}
	for _, e := range c.event.values {
		if e {
			p.EventsRead++
		}
	}
	if c.replaced.Rows > 0 {
		p.Warnings = append(p.Warnings, survival.Warning{Category: "data", Message: fmt.Sprintf("column %q is 0 in %d of %d rows, and %g replaces it; %s",
			c.schema.Time, c.replaced.Rows, c.rows, c.schema.ZeroValue, c.replaced.hold(p.EventsRead))})
	}
	for _, d := range drops {
		d.Share = d.share(p.EventsRead)
		p.Dropped = append(p.Dropped, d)
	}
	if c.group != nil {
		p.Groups = len(c.group.names)
	}
	p.Columns = make([]ColumnProfile, len(c.header))
	for at, name := range c.header {
		p.Columns[at] = ColumnProfile{Name: name, Role: string(c.roles[at][0]), How: "declared"}
		if r := c.roles[at][0]; r == roleInferred || r == roleUnlisted {
			p.Columns[at].Role, p.Columns[at].How = "not used", "inferred"
		}
	}
	for k, f := range used {
		column := &p.Columns[f.at]
		column.Role = t.Columns[k].Kind.String()
		column.Missing, column.Share = f.gaps(), float64(f.gaps())/float64(c.rows)
		describe(column, t.Columns[k])
		if column.constant() {
			p.Warnings = append(p.Warnings, survival.Warning{Category: "data",
				Message: "column " + quoteAll([]string{column.Name}) + " has the same value in every observed cell"})
		}
	}
	return p
}

// describe adds what the rows kept hold.
func describe(column *ColumnProfile, f Column) {
	if f.Kind == Categorical {
		column.Levels = make([]LevelCount, len(f.Levels))
		for k, level := range f.Levels {
			column.Levels[k].Level = level
		}
		for _, code := range f.Codes {
			if code >= 0 {
				column.Levels[code].Rows++
			}
		}
		return
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range f.Values { // no comparison with NaN holds
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	if low <= high {
		column.Minimum, column.Maximum = &low, &high
	}
}

// constant says whether all observed cells of the rows kept are equal.
func (c *ColumnProfile) constant() bool {
	return len(c.Levels) == 1 || c.Minimum != nil && *c.Minimum == *c.Maximum
}
