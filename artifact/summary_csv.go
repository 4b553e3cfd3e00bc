package artifact

import (
	"cmp"
	"slices"
	"strconv"

	"everfold/config"
)

// summaryHeader is published: scripts that others keep read these columns.
var summaryHeader = []string{"model", "cindex_mean", "cindex_std", "ibs_mean", "ibs_std", "n_folds",
	"rank", "cindex_lo", "cindex_hi", "ipa_mean", "rank_ibs", "failed_folds"}

// Standing is one row of model_summary.csv; nil is an empty cell.
type Standing struct {
	Model       string   `json:"model"`
	CIndexMean  *float64 `json:"cindex_mean,omitempty"`
	CIndexStd   *float64 `json:"cindex_std,omitempty"` // sample standard deviation, n − 1
	IBSMean     *float64 `json:"ibs_mean,omitempty"`
	IBSStd      *float64 `json:"ibs_std,omitempty"`
	Folds       int      `json:"n_folds"`        // complete
	Rank        int      `json:"rank,omitempty"` // by CIndexMean, highest first; 0: not ranked
	CIndexLo    *float64 `json:"cindex_lo,omitempty"`
	CIndexHi    *float64 `json:"cindex_hi,omitempty"`
	IPAMean     *float64 `json:"ipa_mean,omitempty"`
	RankIBS     int      `json:"rank_ibs,omitempty"` // by IBSMean, lowest first; 0: not ranked
	FailedFolds int      `json:"failed_folds"`       // planned and not complete
}

// SummaryPlan is what a run plans. It tells of models and folds that have no row at all.
type SummaryPlan struct {
	Models []string // in spec order, km last
	Folds  []int
}

// SummaryPlan is the plan of the run's tables.
func (r *Run) SummaryPlan() *SummaryPlan {
	p := &SummaryPlan{}
	for _, m := range r.Spec.AllModels() {
		p.Models = append(p.Models, m.Name)
	}
	for _, f := range r.Folds {
		p.Folds = append(p.Folds, f.Index)
	}
	return p
}

// SummaryFromMetrics makes model_summary.csv from model_metrics.csv. With plan nil the
// models and folds that occur are taken for all there are: the result differs only where
// a planned model or fold has no row at all. Errors are *CSVError.
func SummaryFromMetrics(metrics []byte, plan *SummaryPlan) ([]byte, error) {
	standings, err := Standings(metrics, plan)
	if err != nil {
		return nil, err
	}
	return FormatSummary(standings), nil
}

// Standings is the leaderboard of model_metrics.csv: ranked models by rank, then others in
// the plan's order, then km.
//
// Means and deviations are over the folds in which the model has the metric. A model is
// ranked if it has all planned folds, and the metric in each of them but those in which no
// model has it (such as a test fold without comparable pairs). Equal means (as float64)
// share the lowest rank.
//
// The interval is mean ± t·s·√(1/J + Σn_test/Σn_train), t the 0.975 quantile of Student's
// distribution with J−1 degrees of freedom: Nadeau and Bengio, "Inference for the
// Generalization Error", Machine Learning 52 (2003), whose factor allows for training sets
// that overlap. It is not clipped to [0,1], and empty for one fold.
func Standings(metrics []byte, plan *SummaryPlan) ([]Standing, error) {
	rows, err := ParseMetrics(metrics)
	if err != nil {
		return nil, err
	}
	t := newTable(rows, plan)
	standings := make([]Standing, len(t.models))
	for i, model := range t.models {
		standings[i] = t.standing(model)
	}
	rank(standings, t.eligible(cindexOf), func(s *Standing) *int { return &s.Rank },
		func(a, b *Standing) int { return cmp.Compare(*b.CIndexMean, *a.CIndexMean) })
	rank(standings, t.eligible(ibsOf), func(s *Standing) *int { return &s.RankIBS },
		func(a, b *Standing) int { return cmp.Compare(*a.IBSMean, *b.IBSMean) })
	slices.SortStableFunc(standings, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(group(a), group(b)), cmp.Compare(a.Rank, b.Rank))
	})
	return standings, nil
}

func group(s Standing) int {
	switch {
	case s.Model == config.KM:
		return 2
	case s.Rank == 0:
		return 1
	default:
		return 0
	}
}

type metric func(*MetricsRow) *float64

func cindexOf(r *MetricsRow) *float64 { return r.Scores.CIndex }
func ibsOf(r *MetricsRow) *float64    { return r.Scores.IBS }
func ipaOf(r *MetricsRow) *float64    { return r.Scores.IPA }

// table is model_metrics.csv by model.
type table struct {
	models  []string // in the plan's order, then in the rows'
	rows    map[string][]MetricsRow
	all     []MetricsRow
	planned map[int]bool // folds
}

func newTable(rows []MetricsRow, plan *SummaryPlan) *table {
	t := &table{rows: map[string][]MetricsRow{}, all: rows, planned: map[int]bool{}}
	if plan != nil {
		t.models = slices.Clone(plan.Models)
		for _, fold := range plan.Folds {
			t.planned[fold] = true
		}
	}
	for _, r := range rows {
		if !slices.Contains(t.models, r.Model) {
			t.models = append(t.models, r.Model)
		}
		t.rows[r.Model] = append(t.rows[r.Model], r)
		t.planned[r.Fold] = true
	}
	return t
}

func (t *table) standing(model string) Standing {
	rows := t.rows[model]
	s := Standing{Model: model, Folds: len(rows), FailedFolds: len(t.planned) - len(rows)}
	s.CIndexMean, s.CIndexStd = meanStd(rows, cindexOf)
	s.IBSMean, s.IBSStd = meanStd(rows, ibsOf)
	s.IPAMean, _ = meanStd(rows, ipaOf)
	cindex := valuesOf(rows, cindexOf)
	s.CIndexLo, s.CIndexHi = cindex.interval()
	return s
}

// eligible are the models, but km, that have every planned fold, and the metric in each
// that any model has it in.
func (t *table) eligible(of metric) map[string]bool {
	defined := map[int]bool{}
	for i := range t.all {
		if of(&t.all[i]) != nil {
			defined[t.all[i].Fold] = true
		}
	}
	eligible := map[string]bool{}
	for _, model := range t.models {
		complete, has := 0, 0
		for i := range t.rows[model] {
			complete++
			if of(&t.rows[model][i]) != nil {
				has++
			}
		}
		eligible[model] = model != config.KM && complete == len(t.planned) && has == len(defined) && has > 0
	}
	return eligible
}

// rank numbers the eligible standings in the order of better, equal ones alike.
func rank(standings []Standing, eligible map[string]bool, field func(*Standing) *int, better func(a, b *Standing) int) {
	var ranked []*Standing
	for i := range standings {
		if eligible[standings[i].Model] {
			ranked = append(ranked, &standings[i])
		}
	}
	slices.SortStableFunc(ranked, better)
	for i, s := range ranked {
		*field(s) = i + 1
		if i > 0 && better(ranked[i-1], s) == 0 {
			*field(s) = *field(ranked[i-1])
		}
	}
}

// meanStd is over the rows that have the metric, in row order; nil where undefined.
func meanStd(rows []MetricsRow, of metric) (mean, std *float64) {
	v := valuesOf(rows, of)
	return v.meanStd()
}

func valuesOf(rows []MetricsRow, of metric) foldValues {
	var v foldValues
	for i := range rows {
		v.add(of(&rows[i]), rows[i].TrainRows, rows[i].TestRows)
	}
	return v
}

// FormatSummary is model_summary.csv of the standings, in their order.
func FormatSummary(standings []Standing) []byte {
	records := [][]string{summaryHeader}
	for _, s := range standings {
		records = append(records, []string{
			s.Model, optional(s.CIndexMean), optional(s.CIndexStd), optional(s.IBSMean), optional(s.IBSStd),
			strconv.Itoa(s.Folds), position(s.Rank), optional(s.CIndexLo), optional(s.CIndexHi),
			optional(s.IPAMean), position(s.RankIBS), strconv.Itoa(s.FailedFolds),
		})
	}
	return formatCSV(records)
}

func position(rank int) string {
	if rank == 0 {
		return ""
	}
	return strconv.Itoa(rank)
}
