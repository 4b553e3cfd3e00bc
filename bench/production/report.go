package main

import (
	"fmt"
	"strings"

	"everfold/bench/page"
)

// report is what the JSON file holds.
type report struct {
	page.Machine
	Quick bool      `json:"quick"`
	Rows  int       `json:"rows"`
	Run   *measured `json:"run"`
	Bare  *bare     `json:"bare"`
	// Overheads, in percent of the bare fits.
	WallOverhead float64  `json:"wall_overhead_percent"` // of the whole command
	CPUOverhead  float64  `json:"cpu_overhead_percent"`  // processor seconds of all programs
	SlotOverhead float64  `json:"slot_overhead_percent"` // (slots × window − busy) / busy
	Samples      *samples `json:"samples,omitempty"`
	Kill         *killed  `json:"kill,omitempty"`
}

func (r *report) compare() {
	r.WallOverhead = 100 * (r.Run.Wall/r.Bare.Wall - 1)
	r.CPUOverhead = 100 * (r.Run.cpu()/r.Bare.CPU - 1)
	r.SlotOverhead = 100 * (slots*r.Run.Window/r.Run.Busy - 1)
}

// table is the page's.
func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %d rows. %s.\n\n| figure | is |\n|---|---|\n", r.Date, r.Rows, r.Machine)
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&b, "| %s | "+format+" |\n", append([]any{name}, values...)...)
	}
	line("the whole run, from command to prompt", "%.1f s", r.Run.Wall)
	line("from the first fit to the last", "%.1f s, of which no fit was going on in %.1f s", r.Run.Window, r.Run.Idle)
	line("inside fit and predict, all fits together", "%.1f s", r.Run.Busy)
	longest := r.Run.longest()
	line("the longest fit", "%s: %.1f s", longest.name(), longest.Seconds)
	for _, p := range r.Run.Processes {
		line("`"+p.Name+"`", "%.0f MB at most, %.1f processor seconds", p.MemoryMB, p.CPU)
	}
	line("the fits alone, by library calls", "%.1f s, %.1f processor seconds, %.0f MB", r.Bare.Wall, r.Bare.CPU, r.Bare.MemoryMB)
	line("the run beyond them", "%+.1f %% of wall time, %+.1f %% of processor time", r.WallOverhead, r.CPUOverhead)
	line("slots that waited, or shared their cores", "%.1f %% of the fits' seconds", r.SlotOverhead)
	if s := r.Samples; s != nil {
		all, own := s.beyond()
		line("by samples, beyond fits and scores", "%.1f %% of their processor time", all)
		for _, p := range s.Parts {
			of := ""
			if p.Alone > 0 {
				of = fmt.Sprintf(", %.1f s of it without server and store, too", p.Alone)
			}
			line("– "+p.Name, "%.1f s%s: %.2f %%", p.Seconds, of, 100*p.beyond()/s.Fits)
		}
		line("– without table, predictions and report", "%.1f %%", own)
	}
	if k := r.Kill; k != nil {
		line("the worker killed", "after %.1f s of %s", k.At, fit{Model: k.Model, Fold: k.Fold}.name())
		for _, l := range k.Lost {
			line("work lost, "+l.Fit, "%.1f s", l.Seconds)
		}
		line("until a fit went on from its checkpoint", "%.1f s", k.Resumed)
		line("the run with the kill", "%+.1f s", k.Extra)
		line("artifacts with other bytes than the undisturbed run's", "%d of %d", len(k.Differ), k.Files)
	}
	b.WriteString("\n")
	return b.String()
}

func (f fit) name() string {
	if f.Fold < 0 {
		return f.Model + ", final fit"
	}
	return fmt.Sprintf("%s, fold %d", f.Model, f.Fold)
}
