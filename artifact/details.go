package artifact

// Details are the scores of a fold beside Scores; nil is undefined. Reasons are by the
// column of metric_details.csv.
type Details struct {
	HarrellSE *float64    `json:"cindex_harrell_se,omitempty"`
	IPCWSE    *float64    `json:"cindex_ipcw_se,omitempty"`
	Antolini  *float64    `json:"antolini,omitempty"`
	LogLoss   *float64    `json:"log_loss,omitempty"`
	DCal      *DCal       `json:"dcal,omitempty"`
	Horizons  []AtHorizon `json:"horizons,omitempty"`
	Curves    *Curves     `json:"curves,omitempty"` // absent from manifests of older programs

	Reasons map[string]string `json:"reasons,omitempty"`
}

// MaxCurve is how many times Curves have at most.
const MaxCurve = 100

// Curves are scores over the fold's grid, perhaps thinned: for looking at, hence float32. nil
// is undefined; so is a curve that is absent.
type Curves struct {
	Times []float64  `json:"times"`
	Brier []float32  `json:"brier,omitempty"`
	AUC   []*float32 `json:"auc,omitempty"`
}

// DCal is the test of D-calibration.
type DCal struct {
	Chisq  float64   `json:"chisq"`
	P      float64   `json:"p"`
	Counts []float64 `json:"counts"` // rows by bucket of S(T|x), the lowest first
}

// AtHorizon are the scores of one fold at one grid time; nil is undefined. Reasons are by
// the column of calibration.csv, "calibration" standing for ici to emax.
type AtHorizon struct {
	Horizon float64      `json:"horizon"`
	Brier   *float64     `json:"brier,omitempty"`
	AUC     *float64     `json:"auc,omitempty"`
	ICI     *float64     `json:"ici,omitempty"`
	E50     *float64     `json:"e50,omitempty"`
	E90     *float64     `json:"e90,omitempty"`
	EMax    *float64     `json:"emax,omitempty"`
	Curve   []CurvePoint `json:"curve,omitempty"`

	Reasons map[string]string `json:"reasons,omitempty"`
}

// CurvePoint is a point of a calibration curve: probabilities of an event by the horizon.
type CurvePoint struct {
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
}

// Coefficient is one coefficient of a linear model, per original unit of its column and,
// beside it, of the column as the model saw it. nil: not computed, or undefined.
type Coefficient struct {
	Term     string   `json:"term"`   // the source column
	Column   string   `json:"column"` // the design column
	Estimate float64  `json:"estimate"`
	SE       *float64 `json:"se,omitempty"`        // model-based
	RobustSE *float64 `json:"robust_se,omitempty"` // of groups or weighted rows
	Scaled   float64  `json:"scaled_estimate"`
	ScaledSE *float64 `json:"scaled_se,omitempty"`
}

// ModelTest is a test that all coefficients of a fit are 0; nil is undefined.
type ModelTest struct {
	Test  string   `json:"test"` // likelihood_ratio, wald, score, robust_wald, robust_score
	Chisq float64  `json:"chisq"`
	DF    int      `json:"df"`
	P     *float64 `json:"p,omitempty"`
}

// Explanation says which columns a fold's model relies on, and how; absent unless asked
// for.
type Explanation struct {
	Rows       int          `json:"rows"` // test rows used
	Repeats    int          `json:"repeats,omitempty"`
	Importance []Importance `json:"importance,omitempty"`
	Dependence []Dependence `json:"dependence,omitempty"`
}

// Importance is what permuting a source column in the test rows costs, the mean over
// repeats; nil is undefined.
type Importance struct {
	Column     string   `json:"column"`
	CIndexDrop *float64 `json:"cindex_drop,omitempty"` // of Harrell's C
	IBSRise    *float64 `json:"ibs_rise,omitempty"`
}

// Dependence is the mean survival of the test rows with a source column set to a value.
type Dependence struct {
	Column   string      `json:"column"`
	Values   []string    `json:"values"` // numbers as text, or levels
	Horizons []float64   `json:"horizons"`
	Survival [][]float64 `json:"survival"` // by value and horizon
}
