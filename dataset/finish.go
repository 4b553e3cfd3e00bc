package dataset

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"

	"everfold/survival"
)

// finish checks what was collected and makes the table.
func (c *collector) finish(ctx context.Context) (*Table, *Profile, error) {
	if c.rows == 0 {
		return nil, nil, invalid("", "has no data rows", "at least two rows")
	}
	used, warnings, err := c.settleKinds()
	if err != nil {
		return nil, nil, err
	}
	if err = c.checkOutcome(); err != nil {
		return nil, nil, err
	}
	kept, drops, err := c.dropRows(ctx, used)
	if err != nil {
		return nil, nil, err
	}
	t := &Table{Outcome: c.outcome(kept), SourceRow: sourceRows(kept, c.rows)}
	if err = c.checkTable(t, drops); err != nil {
		return nil, nil, err
	}
	if err = c.identify(t, kept); err != nil {
		return nil, nil, err
	}
	for _, f := range used {
		if err = survival.Check(ctx, float64(c.rows), float64(c.rows)); err != nil {
			return nil, nil, err
		}
		t.Columns = append(t.Columns, f.column(kept))
	}
	p := c.profile(t, used, drops, warnings)
	p.Digest = t.Digest()
	return t, p, nil
}

func (c *collector) outcome(kept []int) survival.Outcome {
	y := survival.Outcome{Time: keep(c.time.values, kept), Event: keep(c.event.values, kept)}
	if c.entry != nil {
		y.Entry = keep(c.entry.values, kept)
	}
	if c.weight != nil {
		y.Weight = keep(c.weight.values, kept)
	}
	return y
}

func sourceRows(kept []int, n int) []int64 {
	if kept != nil {
		n = len(kept)
	}
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = int64(i)
		if kept != nil {
			rows[i] = int64(kept[i])
		}
	}
	return rows
}

// checkTable refuses outcomes of which nothing can be estimated.
func (c *collector) checkTable(t *Table, drops []Drop) error {
	y := t.Outcome
	dropped := 0
	for _, d := range drops {
		dropped += d.Rows
	}
	if y.Len() == 0 {
		return invalid("", fmt.Sprintf("has no rows left: all %d were dropped", dropped), "rows with a positive time and, under impute drop-row, all covariates")
	}
	if y.Events() == 0 {
		refused := invalid(c.schema.Event, fmt.Sprintf("has no events: all %d rows kept are censored (%d read, %d dropped)", y.Len(), c.rows, dropped),
			"at least one row with event 1; is the coding reversed?")
		refused.Err = survival.ErrNoEvents
		return refused
	}
	for i, entry := range y.Entry {
		if !(entry < y.Time[i]) {
			return invalidRow(int(t.SourceRow[i]), c.schema.Entry, "is not before the time", "entry < time in every row")
		}
	}
	if !slices.ContainsFunc(y.Time, func(v float64) bool { return v != y.Time[0] }) {
		return invalid(c.schema.Time, "is the same in every row", "at least two different times")
	}
	return nil
}

// identify adds ids and groups and refuses ids that repeat without a group.
func (c *collector) identify(t *Table, kept []int) error {
	if c.group != nil {
		t.Group = groups(keep(c.group.codes, kept), len(c.group.names))
	}
	if c.id == nil {
		return nil
	}
	t.ID = keep(c.id.strings(), kept)
	if c.group != nil {
		return nil
	}
	if i, first := firstRepeat(t.ID); i >= 0 {
		return invalidRow(int(t.SourceRow[i]), c.schema.ID, fmt.Sprintf("repeats the id of row %d", t.SourceRow[first]),
			"different ids; where rows belong together, name what they share in data.group")
	}
	return nil
}

// firstRepeat is the first id that came before, and where; −1 where all differ. Ids in
// ascending order, as keys often are, are told by comparing neighbours; others go into an
// open-addressing table of their indices, at most half full.
func firstRepeat(ids []string) (i, first int) {
	ascending := true
	for i := 1; i < len(ids) && ascending; i++ {
		ascending = ids[i-1] < ids[i]
	}
	if ascending {
		return -1, -1
	}
	slots := make([]int32, 2<<bits.Len(uint(len(ids)))) // index + 1; 0: free
	seed := maphash.MakeSeed()
	for i, id := range ids {
		k := maphash.String(seed, id) & uint64(len(slots)-1)
		for ; slots[k] != 0; k = (k + 1) & uint64(len(slots)-1) {
			if first := int(slots[k] - 1); ids[first] == id {
				return i, first
			}
		}
		slots[k] = int32(i + 1)
	}
	return -1, -1
}

// groups numbers the groups from 0 in order of appearance among the rows kept.
func groups(codes []int32, n int) []int {
	number := make([]int, n)
	next := 0
	out := make([]int, len(codes))
	for i, c := range codes {
		if number[c] == 0 {
			next++
			number[c] = next
		}
		out[i] = number[c] - 1
	}
	return out
}
