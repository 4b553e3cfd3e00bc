// Package config is the run spec: its types, every default, validation and JSON Schema.
// The keys, defaults and allowed values are those of the published contract
// (docs/ARCHITECTURE.md, "Run spec"); no other package holds a default.
package config

// RunType is the folder of a run and says whether all rows are used.
type RunType string

// The run types.
const (
	Sample     RunType = "sample"     // keeps Data.SampleRows rows
	Production RunType = "production" // keeps all rows
)

// Spec is one run, completely. A Spec from ParseYAML or DecodeJSON has every default filled in
// and is valid; its JSON form is what the workflow takes and what run.json keeps.
type Spec struct {
	Run            string     `json:"run"`
	Type           RunType    `json:"type"`
	Data           Data       `json:"data"`
	Preprocess     Preprocess `json:"preprocess"`
	Folds          Folds      `json:"folds"`
	Metrics        Metrics    `json:"metrics"`
	Models         []Model    `json:"models"` // without km, which every run has: see AllModels
	Final          Final      `json:"final"`
	Explain        Explain    `json:"explain,omitzero"`
	Store          Store      `json:"store"`
	Tracker        Tracker    `json:"tracker"`
	Notify         []string   `json:"notify"`
	OnModelFailure string     `json:"on_model_failure"` // continue | fail
	Resources      Resources  `json:"resources"`
}

// Data says where the rows are and what the columns mean. Empty names mean "none".
type Data struct {
	URI         string   `json:"uri"`
	ID          string   `json:"id,omitempty"`
	Time        string   `json:"time"`
	Event       string   `json:"event"`
	OnZeroTime  ZeroTime `json:"on_zero_time"`
	Entry       string   `json:"entry,omitempty"`
	Weight      string   `json:"weight,omitempty"`
	Group       string   `json:"group,omitempty"`
	Numeric     []string `json:"numeric,omitzero"`     // nil: every other numeric column
	Categorical []string `json:"categorical,omitzero"` // nil: every other text column
	Ignore      []string `json:"ignore"`
	SampleRows  int      `json:"sample_rows"`
}

// ZeroTime is data.on_zero_time: "error", "drop" or a positive number that replaces zero.
type ZeroTime struct {
	Mode  string  // "error" | "drop" | "replace"
	Value float64 // with "replace"
}

// Preprocess is fitted on the training rows of each fold only.
type Preprocess struct {
	Impute       string  `json:"impute"` // median | mean | native | drop-row | error
	Scale        string  `json:"scale"`  // standard | none
	Encode       string  `json:"encode"` // treatment | onehot
	RareLevel    float64 `json:"rare_level"`
	RareKeep     int     `json:"rare_keep,omitempty"`  // 0: not used
	RareMerge    string  `json:"rare_merge,omitempty"` // "" | least-kept | other
	DropConstant bool    `json:"drop_constant"`
}

// Folds says how rows are assigned to folds.
type Folds struct {
	K        int    `json:"k"`
	Repeats  int    `json:"repeats"`
	Seed     uint64 `json:"seed"`
	Stratify string `json:"stratify"` // event | none
	File     string `json:"file,omitempty"`
}

// Metrics says how folds are scored.
type Metrics struct {
	CIndex     string   `json:"cindex"`     // ipcw | harrell
	Convention string   `json:"convention"` // riskregression | scikit-survival | mlr3proba
	Grid       Grid     `json:"grid"`
	Tau        *float64 `json:"tau,omitempty"` // nil: the default rule
}

// Grid is metrics.grid: a count of equally spaced times, an explicit list, or burk80.
type Grid struct {
	Count  int
	Times  []float64
	Burk80 bool
}

// Model is one model of the run, in JSON one flat object {"name", "type", settings…}. Settings holds every key of the type with its default
// filled in, as decoded JSON values (string, float64, bool, []any), without name and type.
type Model struct {
	Name     string
	Type     string
	Settings map[string]any
}

// Final says which models are fitted on all rows and what they predict.
type Final struct {
	Models   FinalModels `json:"models"`
	Select   string      `json:"select"` // cindex | ibs
	Horizons []float64   `json:"horizons,omitempty"`
	RMST     *float64    `json:"rmst,omitempty"`
	Data     string      `json:"data,omitempty"`
}

// FinalModels is final.models: "best", "all" or names.
type FinalModels struct {
	Keyword string // "best" | "all" | "" (then Names)
	Names   []string
}

// Explain says how each fold's model is explained on its test rows. It costs predictions,
// (Importance + Dependence)·Rows for every column and fold.
type Explain struct {
	Importance int `json:"importance"` // permutations of a column; 0: none
	Dependence int `json:"dependence"` // values of a column; 0: none
	Rows       int `json:"rows"`       // at most so many test rows, drawn at random
}

// IsZero says that nothing is explained. Such a spec has the JSON form, and the digest, of
// one from before the key was introduced.
func (e Explain) IsZero() bool { return e.Importance == 0 && e.Dependence == 0 }

// Store is where the output tree is.
type Store struct {
	URI       string `json:"uri"`
	Endpoint  string `json:"endpoint,omitempty"`
	Region    string `json:"region,omitempty"`
	PathStyle bool   `json:"path_style,omitempty"`

	Encryption string `json:"encryption,omitempty"` // AES256 | aws:kms | aws:kms:dsse; "": the bucket's own
	KMSKey     string `json:"kms_key,omitempty"`
}

// Tracker is the experiment tracker; URI "" means the worker's environment, "off" none.
type Tracker struct {
	URI        string   `json:"uri,omitempty"`
	Experiment string   `json:"experiment"`
	Attempts   int      `json:"attempts"`
	Timeout    Duration `json:"timeout"`
	Budget     Duration `json:"budget"`
}

// Off says that the spec wants no tracker, whatever the environment names.
func (t Tracker) Off() bool { return t.URI == trackerOff }

// Resources bounds the run.
type Resources struct {
	ParallelFits   int      `json:"parallel_fits"` // 0: as many as workers have slots, at most 200
	FitTimeout     Duration `json:"fit_timeout"`
	FitBudget      Duration `json:"fit_budget"`
	MaxLostWorkers int      `json:"max_lost_workers"`
}
