package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/artifact/cost"
	"everfold/config"
	"everfold/internal/app"
)

func (p *program) planCommand() *cobra.Command {
	var spec specFlags
	var asked requestFlags
	var explain, printInput bool
	command := &cobra.Command{
		Use:   "plan SPEC",
		Short: "say what run would do about each fold, and why",
		Long: `Reads the data and the store as run would, and says per fold whether it would be reused,
scored again from its files, or trained. It writes nothing and needs no server. --explain adds
which check failed. Where run would refuse, the plan is printed all the same, with the reason
on standard error and exit code 2.

--print-input prints the workflow's JSON input instead, for temporal workflow start.`,
		Example: "  starter plan examples/veteran.yaml --explain\n" +
			"  starter plan examples/veteran.yaml --set folds.k=10 --run veteran-10 --json\n" +
			"  starter plan examples/veteran.yaml --print-input > run.json",
		Args: exactArgs("SPEC"),
		RunE: func(command *cobra.Command, args []string) error {
			loaded, err := spec.load(args[0])
			if err != nil {
				return err
			}
			request, err := asked.request(command, loaded)
			if err != nil {
				return err
			}
			if printInput {
				return p.printInput(loaded, request)
			}
			return p.presentPlan(command.Context(), loaded, request, explain)
		},
	}
	spec.add(command)
	asked.add(command)
	command.Flags().BoolVar(&explain, "explain", false, "one line per fold with the reason")
	command.Flags().BoolVar(&printInput, "print-input", false, "print the workflow's JSON input and nothing else")
	p.addJSON(command)
	return command
}

// presentPlan prints the plan; also one that run would refuse, because it replaces complete
// folds without being asked to, and then returns that refusal.
func (p *program) presentPlan(ctx context.Context, spec *config.Spec, request config.Request, explain bool) error {
	preview, err := app.Plan(ctx, spec, request)
	if err != nil {
		err = planError(err)
	}
	if preview == nil {
		return err
	}
	doc := newPlanDocument(spec, preview.Plan, preview.Table.Rows(), preview.Run.Data.Events)
	doc.addCost(preview.Cost, runtime.GOMAXPROCS(0))
	doc.addPredict(spec, preview)
	doc.Warnings = preview.Warnings()
	if err != nil {
		doc.Refused = err.Error()
	}
	if !p.json {
		doc.present(p.console.screen(false), explain)
		return err
	}
	if documentErr := p.document(doc); documentErr != nil {
		return documentErr
	}
	return err
}

// printInput prints what run would send to the workflow.
func (p *program) printInput(spec *config.Spec, request config.Request) error {
	input, err := config.EncodeInput(spec, request)
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", spec.RunID(), err)
	}
	return p.document(json.RawMessage(input))
}

// planError gives a refusal its next step.
func planError(err error) error {
	var refused *app.PreparationError
	var changed *artifact.ChangedError
	switch {
	case errors.As(err, &changed): // its message says what to do
		return err
	case errors.As(err, &refused) && errors.Is(err, fs.ErrNotExist):
		key := "data.uri"
		if source := (*app.SourceError)(nil); errors.As(err, &source) {
			key = source.Key
		}
		return fail(applicationCode(refused.Type), key+" starts at the spec's folder; --set "+key+"=FILE takes another file", "%s: %w", refused.Type, refused.Err)
	case errors.As(err, &refused):
		return fail(applicationCode(refused.Type), hintFor(refused.Type), "%s: %w", refused.Type, refused.Err)
	}
	return err
}

// planDocument is what `plan --json` prints.
type planDocument struct {
	Run        string              `json:"run"`
	WorkflowID string              `json:"workflow_id"`
	Output     string              `json:"output"`
	Rows       int                 `json:"rows"`
	Events     int                 `json:"events"`
	Train      int                 `json:"train"`
	Rescore    int                 `json:"rescore"`
	Reuse      int                 `json:"reuse"`
	Folds      []artifact.FoldPlan `json:"folds"`
	Left       []artifact.Task     `json:"left,omitempty"` // with --only-failed: not planned before
	// Finals are absent where only the scores of folds still to be fitted tell which is best.
	Finals  []artifact.FinalPlan `json:"finals,omitempty"`
	Predict *predictPlan         `json:"predict,omitempty"` // with final.data
	Refused string               `json:"refused,omitempty"` // why run would start nothing
	// Warnings are of what is in place.
	Warnings []string `json:"warnings,omitempty"`

	CoreSeconds float64    `json:"core_seconds"` // the work of all fits, estimated
	ETASeconds  float64    `json:"eta_seconds"`  // that work shared by this machine's cores
	Cores       int        `json:"cores"`
	Basis       cost.Basis `json:"eta_basis"` // run | store | builtin
}

// predictPlan is final.data as a run would predict it.
type predictPlan struct {
	predictReport
	Reason   string   `json:"reason"` // how it stands to the predictions in place
	Warnings []string `json:"warnings,omitempty"`
}

// addPredict enters the rows of final.data.
func (d *planDocument) addPredict(spec *config.Spec, p *app.Preview) {
	f := p.Final
	if f == nil {
		return
	}
	reason := "none of its rows are predicted yet"
	switch p.Predicted {
	case "":
	case f.Digest:
		reason = "as predicted last"
	default:
		reason = "its rows are not those predicted last: they are predicted anew"
	}
	d.Predict = &predictPlan{predictReport{spec.Final.Data, f.Rows, f.Digest}, reason, f.Warnings}
}

// addCost enters what the plan will take on so many cores. Fits share the cores, and the
// last one has them all.
func (d *planDocument) addCost(e *cost.Estimate, cores int) {
	d.CoreSeconds, d.Basis, d.Cores = e.Total(), e.Basis, cores
	d.ETASeconds = d.CoreSeconds / float64(cores)
}

// eta is such as "About 3m on 2 cores, by fits of this run"; "" where nothing is to be done.
func (d *planDocument) eta() string {
	if d.CoreSeconds == 0 {
		return ""
	}
	left := time.Duration(d.ETASeconds * float64(time.Second))
	return fmt.Sprintf("About %s on %s, %s", about(left), countOf(d.Cores, "core"), d.Basis)
}

func newPlanDocument(spec *config.Spec, plan *artifact.Plan, rows, events int) *planDocument {
	run := runRef{kind: string(spec.Type), name: spec.Run}
	d := &planDocument{
		Run: spec.RunID(), WorkflowID: spec.WorkflowID(), Output: run.dir(spec.Store.URI),
		Rows: rows, Events: events, Folds: plan.Folds, Left: plan.Left, Finals: plan.Finals,
	}
	for _, f := range plan.Folds {
		switch f.Action {
		case artifact.Train:
			d.Train++
		case artifact.Rescore:
			d.Rescore++
		case artifact.Reuse:
			d.Reuse++
		}
	}
	return d
}

func (d *planDocument) present(s screen, explain bool) {
	for _, warning := range d.Warnings {
		s.printf("%s %s\n", label(s, "Warning"), warning)
	}
	s.printf("%s: %s, %s\n", d.Run, countOf(d.Rows, "row"), countOf(d.Events, "event"))
	s.printf("%s: %d to train, %d to rescore, %d to reuse\n", countOf(len(d.Folds), "fold"), d.Train, d.Rescore, d.Reuse)
	if eta := d.eta(); eta != "" {
		s.printf("%s\n", eta)
	}
	s.printf("\n")
	if explain {
		s.printf("%s\n", s.fitting(d.reasons(s.live), d.reasons(false)))
	} else {
		s.printf("%s\n", s.fitting(d.actions(s.live), d.actions(false)))
	}
	if len(d.Finals) == 0 {
		s.printf("\nFinal model: the best, known after the folds\n")
	}
	for _, f := range d.Finals {
		s.printf("\nFinal model: %s: %s", f.Model, f.Action)
		if explain {
			s.printf(", %s", f.Reason)
		}
	}
	if len(d.Finals) > 0 {
		s.printf("\n")
	}
	if p := d.Predict; p != nil {
		s.printf("Predicts: %s of %s", countOf(p.Rows, "row"), p.Data)
		if explain {
			s.printf(": %s", p.Reason)
		}
		s.printf("\n")
		for _, warning := range p.Warnings {
			s.printf("%s %s\n", label(s, "Warning"), warning)
		}
	}
	if len(d.Left) > 0 {
		s.printf("\n%s left alone: not planned before (--only-failed)\n", countOf(len(d.Left), "fold"))
	}
}

// actions is a row per model with the numbers of its folds under each action.
func (d *planDocument) actions(framed bool) table.Writer {
	t := newTable(framed)
	t.AppendHeader(table.Row{"Model", "Train", "Rescore", "Reuse"})
	for start := 0; start < len(d.Folds); {
		end := start
		numbers := map[artifact.Action][]int{}
		for end < len(d.Folds) && d.Folds[end].Model == d.Folds[start].Model {
			numbers[d.Folds[end].Action] = append(numbers[d.Folds[end].Action], d.Folds[end].Fold)
			end++
		}
		t.AppendRow(table.Row{
			d.Folds[start].Model, ranges(numbers[artifact.Train]), ranges(numbers[artifact.Rescore]), ranges(numbers[artifact.Reuse]),
		})
		start = end
	}
	return t
}

// reasons is a row per fold.
func (d *planDocument) reasons(framed bool) table.Writer {
	t := newTable(framed)
	t.AppendHeader(table.Row{"Model", "Fold", "Action", "Why"})
	for _, f := range d.Folds {
		t.AppendRow(table.Row{f.Model, f.Fold, f.Action, f.Reason})
	}
	rightAlign(t, "Fold")
	return t
}

// ranges writes numbers shortly: "0-4, 7". None is a dash.
func ranges(numbers []int) string {
	if len(numbers) == 0 {
		return "–"
	}
	slices.Sort(numbers)
	var parts []string
	for start := 0; start < len(numbers); {
		end := start
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		part := strconv.Itoa(numbers[start])
		if end > start {
			part += "-" + strconv.Itoa(numbers[end])
		}
		parts = append(parts, part)
		start = end + 1
	}
	return strings.Join(parts, ", ")
}
