package dataset

import (
	"context"
	"fmt"
	"math"
	"strings"

	"everfold/survival"
)

// checkRows is how many rows a loop handles between two calls of survival.Check.
const checkRows = 1 << 16

// Reasons for which a row is dropped, as Profile names them.
const (
	ReasonZeroTime = "zero_time"         // on_zero_time: drop
	ReasonMissing  = "missing_covariate" // impute: drop-row
)

// checkOutcome refuses outcome columns that no row dropping could mend: other codes,
// missing cells, infinite and negative times.
func (c *collector) checkOutcome() error {
	if err := c.checkEvents(); err != nil {
		return err
	}
	if err := refuseRows(c.time.values, c.schema.Time, notFinite, "missing or not a finite number", "a positive finite number"); err != nil {
		return err
	}
	negative := func(v float64) bool { return v < 0 }
	if err := refuseRows(c.time.values, c.schema.Time, negative, "negative", "a positive finite number"); err != nil {
		return err
	}
	if c.entry != nil {
		if err := refuseRows(c.entry.values, c.schema.Entry, notFinite, "missing or not a finite number", "a finite number before the time"); err != nil {
			return err
		}
	}
	if c.weight != nil {
		bad := func(v float64) bool { return notFinite(v) || v <= 0 }
		if err := refuseRows(c.weight.values, c.schema.Weight, bad, "missing, not finite or not positive", "a positive finite number"); err != nil {
			return err
		}
	}
	if c.group != nil && c.group.gaps > 0 {
		for i, code := range c.group.codes {
			if code < 0 {
				return invalidRow(i, c.schema.Group, fmt.Sprintf("is missing in %d rows", c.group.gaps), "a group in every row")
			}
		}
	}
	return nil
}

func notFinite(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// refuseRows refuses a column in which some value is bad, naming the first row and the count.
func refuseRows(values []float64, column string, bad func(float64) bool, what, allowed string) error {
	first, n := -1, 0
	for i, v := range values {
		if bad(v) {
			if n++; n == 1 {
				first = i
			}
		}
	}
	if n == 0 {
		return nil
	}
	return invalidRow(first, column, fmt.Sprintf("is %s in %d rows, of which this is the first", what, n), allowed+" in every row")
}

func (c *collector) checkEvents() error {
	e := c.event
	const allowed = "0 or 1, true or false"
	if e.odd > 0 {
		codes := "more than 5 other codes"
		if len(e.codes) <= maxCodes {
			codes = "the codes " + strings.Join(e.codes, ", ")
		}
		return invalidRow(e.other, c.schema.Event,
			fmt.Sprintf("has %s in %d rows; if they are other kinds of end (competing risks), decide which one is the event and code the others as 0, "+
				"bearing in mind that they are then treated as censored", codes, e.odd), allowed)
	}
	if e.gaps > 0 {
		return invalidRow(e.gap, c.schema.Event, fmt.Sprintf("is missing in %d rows, of which this is the first", e.gaps), allowed)
	}
	return nil
}

// dropRows applies on_zero_time and drop-row: it gives the rows to keep (nil: all) and
// what was dropped.
func (c *collector) dropRows(ctx context.Context, used []*feature) ([]int, []Drop, error) {
	zero, err := c.zeroTimes()
	if err != nil {
		return nil, nil, err
	}
	missing := Drop{Reason: ReasonMissing}
	kept := make([]int, 0, c.rows)
	for i, t := range c.time.values {
		if i%checkRows == 0 {
			if err := survival.Check(ctx, float64(i), float64(c.rows)); err != nil {
				return nil, nil, err
			}
		}
		if t == 0 {
			continue
		}
		gap := firstGap(used, i, c.schema.Impute)
		if gap != nil && c.schema.Impute == RefuseGaps {
			return nil, nil, invalidRow(i, gap.name, "is missing", "a value in every row, as impute is error; see preprocess.impute")
		}
		if gap != nil {
			missing.add(c.event.values[i])
			continue
		}
		kept = append(kept, i)
	}
	var drops []Drop
	for _, d := range []Drop{zero, missing} {
		if d.Rows > 0 {
			drops = append(drops, d)
		}
	}
	if len(kept) == c.rows {
		kept = nil
	}
	return kept, drops, nil
}

// firstGap is the first feature whose cell is missing in row i, where that matters.
func firstGap(used []*feature, i int, impute string) *feature {
	if impute != DropRow && impute != RefuseGaps {
		return nil
	}
	for _, f := range used {
		if f.gaps() > 0 && f.missing(i) {
			return f
		}
	}
	return nil
}

// zeroTimes applies on_zero_time; afterwards a time of zero means "drop".
func (c *collector) zeroTimes() (Drop, error) {
	d := Drop{Reason: ReasonZeroTime}
	first, events := -1, 0
	for i, t := range c.time.values {
		if c.event.values[i] {
			events++
		}
		if t != 0 {
			continue
		}
		if d.add(c.event.values[i]); first < 0 {
			first = i
		}
		if c.schema.ZeroTime == ZeroReplace {
			c.time.values[i] = c.schema.ZeroValue
		}
	}
	switch {
	case d.Rows == 0 || c.schema.ZeroTime == ZeroDrop:
		return d, nil
	case c.schema.ZeroTime == ZeroReplace:
		c.replaced = d
		return Drop{}, nil
	}
	return d, invalidRow(first, c.schema.Time,
		fmt.Sprintf("is 0 in %d of %d rows, of which this is the first; %s", d.Rows, c.rows, d.hold(events)),
		"positive times; or set data.on_zero_time to drop, or to a positive number that replaces 0")
}
