package report

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"everfold/artifact"
)

const (
	maxProfiled = 60 // columns that are listed
	maxLevels   = 6  // levels of one that are named
)

// profile is data/profile.json as far as it is shown.
type profile struct {
	RowsRead   int `json:"rows_read"`
	RowsKept   int `json:"rows_kept"`
	Events     int `json:"events"`
	EventsRead int `json:"events_read"`
	Dropped    []struct {
		Reason string  `json:"reason"`
		Rows   int     `json:"rows"`
		Events int     `json:"events"`
		Share  float64 `json:"events_share"`
	} `json:"dropped"`
	ZeroReplaced int `json:"zero_replaced"`
	Sampled      *struct {
		Rows   int `json:"rows"`
		Events int `json:"events"`
	} `json:"sampled"`
	Groups   int                `json:"groups"`
	Columns  []profiled         `json:"columns"`
	Warnings []artifact.Warning `json:"warnings"`
}

type profiled struct {
	Name    string  `json:"name"`
	Role    string  `json:"role"`
	How     string  `json:"how"`
	Missing int     `json:"missing"`
	Share   float64 `json:"missing_share"`
	Levels  []struct {
		Level string `json:"level"`
	} `json:"levels"`
	Minimum *float64 `json:"minimum"`
	Maximum *float64 `json:"maximum"`
}

// readProfile decodes the profile.
func (b *builder) readProfile() {
	if b.Profile == nil {
		return
	}
	p := &profile{}
	if err := json.Unmarshal(b.Profile, p); err != nil {
		b.leave(artifact.ProfileKey, err.Error())
		return
	}
	b.profile = p
}

// data is what was read, what was dropped of it, and how the columns were understood.
func (b *builder) data(context.Context) (section, error) {
	s := section{ID: "data", Title: "Data"}
	p := b.profile
	if p == nil {
		s.Blocks = append(s.Blocks, block{Text: "There is no data/profile.json, which would say what was read and what was dropped."})
		return s, nil
	}
	facts := []fact{{amount(p.RowsRead), "rows read", ""}, {amount(p.RowsKept), "rows kept", percent(p.RowsKept, p.RowsRead)},
		{amount(p.Events), "events in them", percent(p.Events, p.RowsKept)}}
	if p.Sampled != nil {
		facts = append(facts, fact{amount(p.Sampled.Rows), "rows of a sample of these are used", counted(p.Sampled.Events, "event")})
	}
	if p.Groups > 0 {
		facts = append(facts, fact{amount(p.Groups), "groups, each in one fold", ""})
	}
	if p.ZeroReplaced > 0 {
		facts = append(facts, fact{amount(p.ZeroReplaced), "times of zero replaced", percent(p.ZeroReplaced, p.RowsRead)})
	}
	s.Blocks = append(s.Blocks, block{Facts: facts}, block{Heading: "What was dropped"})
	if len(p.Dropped) == 0 {
		s.Blocks = append(s.Blocks, block{Text: "No row was dropped."})
	} else {
		t := &table{Caption: "Rows dropped, in the order of the checks", Head: numbers(columns("Reason", "Rows", "Of all rows", "Events", "Of all events"), 1)}
		for _, d := range p.Dropped {
			t.add(d.Reason, amount(d.Rows), percent(d.Rows, p.RowsRead), amount(d.Events), strconv.FormatFloat(100*d.Share, 'f', 1, 64)+" %")
		}
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	s.Blocks = append(s.Blocks, block{Heading: "Columns"}, block{Table: columnTable(p.Columns)})
	if left := len(p.Columns) - maxProfiled; left > 0 {
		s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("%s more: data/profile.json.", counted(left, "column"))})
	}
	return s, nil
}

func columnTable(all []profiled) *table {
	t := &table{Caption: "Columns of the file", Head: columns("Column", "Role", "Understood", "Missing", "Values")}
	t.Head[3].Numbers = true
	for _, c := range all[:min(maxProfiled, len(all))] {
		missing := dash
		if c.Role == "numeric" || c.Role == "categorical" {
			missing = "0"
			if c.Missing > 0 {
				missing = fmt.Sprintf("%s (%.1f %%)", amount(c.Missing), 100*c.Share)
			}
		}
		t.add(c.Name, c.Role, c.How, missing, c.values())
	}
	return t
}

// values are a column's range, or its levels.
func (c *profiled) values() string {
	switch {
	case c.Minimum != nil && c.Maximum != nil:
		return brief(*c.Minimum) + " to " + brief(*c.Maximum)
	case len(c.Levels) == 0:
		return dash
	}
	var some []string
	for _, l := range c.Levels[:min(maxLevels, len(c.Levels))] {
		some = append(some, short(l.Level, 30))
	}
	text := counted(len(c.Levels), "level") + ": " + strings.Join(some, ", ")
	if len(c.Levels) > maxLevels {
		text += ", …"
	}
	return text
}
