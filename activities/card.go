package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"everfold/artifact"
	"everfold/config"
)

// cardCoefficients bounds the rows of a card's table.
const cardCoefficients = 60

// writeCompanions brings what lies beside a model in line: predict.py, which is this program's,
// and the model card, which follows the scores of the folds; these may change while the model
// stands. Both are projections: model.json does not name them.
func (w *finalWork) writeCompanions(ctx context.Context, info *artifact.ModelInfo) error {
	standings, err := artifact.ReadStandings(ctx, w.store, w.admission.Run)
	if err != nil {
		return err
	}
	selection, err := artifact.ReadSelection(ctx, w.store)
	if err != nil {
		return err
	}
	c := card{info: info, run: w.admission.Run, standings: standings, selection: selection}
	if err := artifact.PutProjection(ctx, w.store, artifact.CardKey(info.Model), []byte(c.markdown())); err != nil {
		return err
	}
	return artifact.PutProjection(ctx, w.store, artifact.PredictKey(info.Model), artifact.PredictScript())
}

// card is what a reader of a model needs to know, as Markdown. It holds no timings: equal
// models have equal cards.
type card struct {
	info      *artifact.ModelInfo
	run       *artifact.Run
	standings []Standing
	selection *artifact.Selection
	text      strings.Builder
}

func (c *card) printf(format string, args ...any) { fmt.Fprintf(&c.text, format, args...) }

func (c *card) markdown() string {
	c.model()
	c.data()
	c.performance()
	c.coefficients()
	c.use()
	c.limits()
	return c.text.String()
}

// kindOf says what a model type is.
var kindOf = map[string]string{
	"cox_ph": "Cox proportional hazards", "cox_stratified": "stratified Cox proportional hazards",
	"coxnet": "Cox with an elastic-net penalty", "weibull_aft": "Weibull accelerated failure time",
	"gbsa": "gradient boosting of the Cox likelihood", "rsf": "random survival forest",
	"orsf": "oblique random survival forest", "stack": "weighted average of models", config.KM: "Kaplan–Meier, without covariates",
}

func (c *card) model() {
	m := c.info
	settings, err := json.Marshal(m.Settings)
	if err != nil { // decoded from JSON, so it goes back
		settings = nil
	}
	c.printf("# Model card: %s\n\n", m.Model)
	c.printf("| | |\n|---|---|\n| model | %s (`%s`) |\n| run | `%s` |\n| settings | `%s` |\n", kindOf[m.Type], m.Type, c.run.Spec.RunID(), settings)
	c.printf("| columns of the design | %d |\n| algorithm versions | %s %d, preprocessing %d |\n", len(m.Columns), m.Type, m.Versions.Model, m.Versions.Preprocess)
	c.printf("| fingerprint | `%s` |\n", m.Fingerprint)
	if !m.Converged {
		c.printf("| convergence | **not reached** |\n")
	}
	if o := m.OutOfBag; o != nil {
		c.printf("| out-of-bag error | %.4f (1 − Harrell's C) |\n", o.Error)
	}
}

func (c *card) data() {
	m, d := c.info, c.run.Spec.Data
	c.printf("\n## Data\n\nFitted on all %d rows with %d events of `%s` (time `%s`, event `%s`), after the drops that\n`data/profile.json` lists. Content digest `%s`.\n",
		m.Rows, m.Events, d.URI, d.Time, d.Event, c.run.Data.Digest)
	if f := c.run.Data.Final; f != nil {
		c.printf("\nThe run predicts the %d rows of `%s` (`final.data`), content digest `%s`.\n", f.Rows, c.run.Spec.Final.Data, f.Digest)
	}
}

func (c *card) performance() {
	c.printf("\n## Performance\n\nOf the models of the folds, on rows that they were not fitted on; this model, fitted on all rows, has no\nheld-out rows of its own.\n\n")
	at := slices.IndexFunc(c.standings, func(st Standing) bool { return st.Model == c.info.Model })
	if at < 0 {
		c.printf("No fold of the model is complete.\n")
		return
	}
	st := c.standings[at]
	c.printf("| score | mean | standard deviation | 95 %% interval | rank |\n|---|---|---|---|---|\n")
	c.printf("| C-index (%s) | %s | %s | %s to %s | %s |\n", c.run.Spec.Metrics.CIndex, rounded(st.CIndexMean), rounded(st.CIndexStd),
		rounded(st.CIndexLo), rounded(st.CIndexHi), place(st.Rank))
	c.printf("| integrated Brier score | %s | %s | | %s |\n", rounded(st.IBSMean), rounded(st.IBSStd), place(st.RankIBS))
	c.printf("\n%d folds.", st.Folds)
	if s := c.selection; s != nil && s.Model == c.info.Model {
		c.printf(" Its %s is the **best of %d by cross-validation, optimistic**: %s as chosen", s.Metric, s.Models, rounded(s.Apparent))
		if s.Corrected != nil {
			c.printf(", about **%s** once corrected for the choice (%s to %s, bootstrap of out-of-fold predictions)",
				rounded(s.Corrected), rounded(s.Low), rounded(s.Hi))
		}
		c.printf(".")
	}
	c.printf("\n")
}

func (c *card) coefficients() {
	m := c.info
	if len(m.Coefficients) == 0 {
		return
	}
	c.printf("\n## Coefficients\n\nPer original unit")
	if m.Type == "weibull_aft" {
		c.printf(", on the scale of log time: above zero means later events.\n\n")
	} else {
		c.printf(", on the scale of log hazard: above zero means earlier events.\n\n")
	}
	c.printf("| column | estimate | standard error |\n|---|---|---|\n")
	for i, k := range m.Coefficients {
		if i == cardCoefficients {
			c.printf("\n%d more are in `model.json`.\n", len(m.Coefficients)-i)
			break
		}
		c.printf("| %s | %.6g | %s |\n", escape(k.Column), k.Estimate, rounded(k.SE))
	}
}

func (c *card) use() {
	m := c.info
	c.printf("\n## Use\n\n`model.bin` is the model, `model.json` its description with the fitted preprocessing and the digest of\n`model.bin`. New rows, by everfold or in Python with numpy alone:\n\n")
	c.printf("```sh\nstarter predict DIR --model %s --data new.csv --out out.csv\npython models/%s/predict.py --data new.csv --out out.csv\n```\n\nFrom Go:\n\n", m.Model, m.Model)
	c.printf("```go\nkind, _ := registry.Lookup(%q)\nmodel, err := kind.Decode(file)                  // the bytes of model.bin\n", m.Type)
	c.printf("err = json.Unmarshal(info.Preprocess, &pipeline) // preprocess.Pipeline, of model.json\nx, _, err := pipeline.Apply(ctx, frame, rows)\nerr = model.Risk(ctx, x, risk)                   // higher: an earlier event\n```\n")
}

func (c *card) limits() {
	m := c.info
	c.printf("\n## Limits\n\n- Nothing is known beyond the last observed time, %g.\n", m.Times.Last)
	c.printf("- Predictions describe rows like those fitted on; they do not say what an intervention would do.\n")
	for _, w := range m.Warnings {
		c.printf("- %s: %s\n", w.Category, escape(w.Message))
	}
}

// rounded is a score for reading.
func rounded(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.4f", *v)
}

func place(rank int) string {
	if rank == 0 {
		return "–"
	}
	return fmt.Sprint(rank)
}

// escape keeps a text within its cell of a table.
func escape(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}
