package report

import (
	"fmt"
	"html/template"
	"path"
	"strings"
)

// maxMissing bounds the planned fits that are named; the rest is counted.
const maxMissing = 60

// head says in a few words what the run is and came to.
func (b *builder) head(p *page) {
	p.Title = "Survival models"
	p.Style = template.CSS(":root{" + variables(false) + "}\n" + pageStyle +
		"@media screen and (prefers-color-scheme:dark){:root{" + variables(true) + "}\n" + darkPictures() + "}\n")
	p.Problems = b.problems
	for _, m := range b.Missing[:min(maxMissing, len(b.Missing))] {
		p.Missing = append(p.Missing, fmt.Sprintf("%s: %s", m.Task, m.Reason))
	}
	if left := len(b.Missing) - maxMissing; left > 0 {
		p.Missing = append(p.Missing, fmt.Sprintf("and %s more", amount(left)))
	}
	p.Lead = append(p.Lead, b.verdict())
	if b.Run == nil {
		return
	}
	r := b.Run
	p.Title = "Survival models: " + r.Spec.Run
	kind := "All rows"
	if r.Spec.Type == "sample" {
		kind = "A sample"
	}
	planned := "Planned " + moment(r.Created)
	if !r.Updated.Equal(r.Created) {
		planned = "First planned " + moment(r.Created) + ", last " + moment(r.Updated)
	}
	p.Lead = append(p.Lead, fmt.Sprintf("%s of %s; times are in the column “%s”, events in “%s”. %s.",
		kind, path.Base(r.Spec.Data.URI), r.Spec.Data.Time, r.Spec.Data.Event, planned))
	p.Facts = append(p.Facts,
		fact{amount(r.Data.Rows), "rows", ""},
		fact{amount(r.Data.Events), "events", percent(r.Data.Events, r.Data.Rows)},
		fact{fmt.Sprintf("%d × %d", len(b.models), len(r.Folds)), "models × folds", "with the Kaplan–Meier baseline"},
		fact{fmt.Sprintf("%d of %d", len(b.Folds), len(r.Tasks())), "fits complete", ""})
	if st := b.first(); st != nil {
		p.Facts = append(p.Facts, fact{score(st.CIndexMean), "C-index of " + st.Model, ""}, fact{score(st.IBSMean), "IBS of " + st.Model, ""})
	}
}

// verdict is the run's outcome in a sentence or two.
func (b *builder) verdict() string {
	var parts []string
	st := b.first()
	switch {
	case len(b.Standings) == 0:
		parts = append(parts, "No model has been scored yet.")
	case st == nil:
		parts = append(parts, "No model is ranked: none has all of its folds.")
	default:
		ranked := 0
		for _, other := range b.Standings {
			if other.Rank > 0 {
				ranked++
			}
		}
		text := fmt.Sprintf("%s ranks first of %s with a C-index of %s", st.Model, counted(ranked, "model"), score(st.CIndexMean))
		if st.CIndexLo != nil {
			text += fmt.Sprintf(" (95 %% interval %s)", between(st.CIndexLo, st.CIndexHi))
		}
		parts = append(parts, text+b.flattered(st.Model)+".")
	}
	if n := len(b.Missing); n > 0 {
		parts = append(parts, fmt.Sprintf("%s not complete.", isAre(n, "planned fit")))
	}
	return strings.Join(parts, " ")
}

func isAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return counted(n, noun) + " are"
}
