package config

import (
	"encoding/json"
	"math"
	"regexp"
)

// Words that the code itself needs; all other choices only occur in the tables.
const (
	burk80          = "burk80"
	zeroReplace     = "replace"
	imputeNative    = "native"
	cindexIPCW      = "ipcw"
	keywordBest     = "best"
	trackerOff      = "off"
	sampleRowsLimit = 1_000_000_000
)

// The largest layout of a run, which workflows shows to stay within what the server holds: 2 MB for a
// plan, 51,200 events for a history.
const (
	MaxModels = 100   // beside km
	MaxFolds  = 500   // k × repeats, or those of a folds file
	MaxFits   = 5_000 // models, km among them, × folds
)

// Limits against absurd values, each stated in its message.
const (
	maxGrid     = 10_000
	maxColumns  = 100_000
	maxHorizons = 1_000
	maxNotify   = 100
	maxParallel = 1_000 // Temporal holds at most 2,000 pending activities
)

var (
	runName      = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	modelName    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	dataFile     = regexp.MustCompile(`\.(csv|csv\.gz|parquet)$`)
	notifyName   = regexp.MustCompile(`^\$\{EVERFOLD_NOTIFY_[A-Za-z0-9_]+\}$`)
	durationForm = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`) // time.ParseDuration's, unsigned
	forceEntry   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}(:[0-9]{1,9})?$`)
)

// specShape is the published contract's key table: the one place for names, defaults
// and allowed values of all keys but those of models[] (modelTypes).
var specShape = &shape{keys: []key{
	{name: "run", doc: "Name of the run; its folder under the store.", rule: namePattern("a name", runName), required: true},
	{name: "type", doc: "sample keeps data.sample_rows rows, production all.", rule: words(string(Sample), string(Production)), required: true},
	{name: "data", doc: "Where the rows are and what the columns mean.", rule: rule{group: dataShape}},
	{name: "preprocess", doc: "Fitted on the training rows of each fold only.", rule: rule{group: preprocessShape}},
	{name: "folds", doc: "How rows are assigned to folds.", rule: rule{group: foldsShape}},
	{name: "metrics", doc: "How folds are scored.", rule: rule{group: metricsShape}},
	{name: "models", doc: "The models; km is always fitted.", rule: modelList(), def: defaultModels()},
	{name: "final", doc: "The models fitted on all rows and what they predict.", rule: rule{group: finalShape}},
	{name: "explain", doc: "Explains each fold's model on its test rows; off unless asked for.", rule: rule{group: explainShape}},
	{name: "store", doc: "Where the output tree is.", rule: rule{group: storeShape}},
	{name: "tracker", doc: "The experiment tracker.", rule: rule{group: trackerShape}},
	{name: "notify", doc: "Worker environment variables that hold shoutrrr URLs.", rule: notifyList(), def: []any{}},
	{name: "on_model_failure", doc: "Whether the run goes on without a model that failed.", rule: words("continue", "fail"), def: "continue"},
	{name: "resources", doc: "Bounds of the run.", rule: rule{group: resourcesShape}},
}}

var dataShape = &shape{keys: []key{
	{name: "uri", doc: "Path, file:// or s3://; .csv, .csv.gz or .parquet.", rule: dataURI(), required: true},
	{name: "id", doc: "Identifier column; without it the row number.", rule: column()},
	{name: "time", doc: "Survival time column, above zero.", rule: column(), required: true},
	{name: "event", doc: "Event column, 0/1 or true/false.", rule: column(), required: true},
	{name: "on_zero_time", doc: "What to do with a time of zero; a number replaces it.", rule: rule{words: []string{"error", "drop"}, number: positive()}, def: "error"},
	{name: "entry", doc: "Left truncation time column.", rule: column()},
	{name: "weight", doc: "Case weight column, above zero.", rule: column()},
	{name: "group", doc: "Rows of one group stay in one fold.", rule: column()},
	{name: "numeric", doc: "Numeric covariates; without it every other numeric column.", rule: columns(0)},
	{name: "categorical", doc: "Categorical covariates; without it every other text column.", rule: columns(0)},
	{name: "ignore", doc: "Columns that are not used.", rule: columns(0), def: []any{}},
	{name: "sample_rows", doc: "Rows kept with type sample.", rule: integer(1, sampleRowsLimit), def: json.Number("2000")},
}}

var preprocessShape = &shape{keys: []key{
	{name: "impute", doc: "What replaces missing numbers.", rule: words("median", "mean", imputeNative, "drop-row", "error"), def: "median"},
	{name: "scale", doc: "Scaling of numeric columns.", rule: words("standard", "none"), def: "standard"},
	{name: "encode", doc: "Coding of categorical columns.", rule: words("treatment", "onehot"), def: "treatment"},
	{name: "rare_level", doc: "Levels under this share of training rows become (other).", rule: rule{number: &numberRule{max: 1, openMax: true}}, def: 0.0},
	{name: "rare_keep", doc: "With rare_merge: how many most frequent levels are kept.", rule: integer(1, 100_000)},
	{name: "rare_merge", doc: "With rare_keep: where the other levels go.", rule: words("least-kept", "other")},
	{name: "drop_constant", doc: "Drops columns that are constant in training.", rule: rule{boolean: true}, def: true},
}}

var foldsShape = &shape{keys: []key{
	{name: "k", doc: "Folds per repeat.", rule: integer(2, MaxFolds), def: json.Number("5")},
	{name: "repeats", doc: "Repeats of the whole assignment.", rule: integer(1, MaxFolds), def: json.Number("1")},
	{name: "seed", doc: "Seed of everything random in the run.", rule: integer(0, math.MaxUint64), def: json.Number("42")},
	{name: "stratify", doc: "Spreads events evenly over folds.", rule: words("event", "none"), def: "event"},
	{name: "file", doc: "CSV fold,row[,set]; k, repeats and stratify are then ignored.", rule: filePath("a path, file:// or s3:// URI of a CSV file")},
}, reserved: []string{"kind"}}

var metricsShape = &shape{keys: []key{
	{name: "cindex", doc: "What the column cindex and the ranking use.", rule: words(cindexIPCW, "harrell"), def: cindexIPCW},
	{name: "convention", doc: "Whose definitions decide ties and weights.", rule: words("riskregression", "scikit-survival", "mlr3proba"), def: "riskregression"},
	{name: "grid", doc: "Equally spaced times (a count), explicit times, or burk80.", rule: rule{
		words:  []string{burk80},
		number: &numberRule{integer: true, min: 2, max: maxGrid},
		list:   &listRule{item: rule{number: positive()}, what: "times", min: 1, max: maxGrid, increasing: true},
	}, def: json.Number("50")},
	{name: "tau", doc: "Truncation time of the scores.", rule: rule{number: positive()}},
}}

var finalShape = &shape{keys: []key{
	{name: "models", doc: "Which models are fitted on all rows.", rule: rule{
		words: []string{keywordBest, "all"},
		list:  &listRule{item: namePattern("a model name", modelName), what: "model names", min: 1, max: MaxModels + 1, unique: true},
	}, def: keywordBest},
	{name: "select", doc: "What best means.", rule: words("cindex", "ibs"), def: "cindex"},
	{name: "horizons", doc: "Times of the predicted survival probabilities.", rule: rule{
		list: &listRule{item: rule{number: positive()}, what: "times", min: 1, max: maxHorizons, unique: true},
	}},
	{name: "rmst", doc: "Restriction time of the mean survival time.", rule: rule{number: positive()}},
	{name: "data", doc: "File whose rows are predicted, read when the run is prepared; without it the rows of the run.", rule: dataURI()},
}}

var explainShape = &shape{keys: []key{
	{name: "importance", doc: "Permutations of each column for its importance; 0 for none.", rule: integer(0, 1_000), def: json.Number("0")},
	{name: "dependence", doc: "Values of each column at which the mean survival is computed; 0 for none.", rule: integer(0, 1_000), def: json.Number("0")},
	{name: "rows", doc: "At most so many test rows are used, drawn at random.", rule: integer(1, 1_000_000), def: json.Number("2000")},
}}

var storeShape = &shape{keys: []key{
	{name: "uri", doc: "DIR, file://DIR or s3://bucket/prefix.", rule: storeURI(), def: "outputs"},
	{name: "endpoint", doc: "S3 endpoint, http(s)://host.", rule: endpointURL()},
	{name: "region", doc: "S3 region.", rule: free("a region name")},
	{name: "path_style", doc: "S3 addresses with the bucket in the path.", rule: rule{boolean: true}, def: false},
	{name: "encryption", doc: "S3 server-side encryption; without it the bucket's own.", rule: words("AES256", encryptionKMS, encryptionKMS+":dsse")},
	{name: "kms_key", doc: "Key of encryption: aws:kms; without it the account's own.", rule: free("a key's id, ARN or alias")},
}}

var trackerShape = &shape{keys: []key{
	{name: "uri", doc: "Tracking server; without it the worker's $MLFLOW_TRACKING_URI; off for none.", rule: trackerURI()},
	{name: "experiment", doc: "Experiment name.", rule: free("a name"), def: "survival"},
	{name: "attempts", doc: "Attempts of one synchronisation.", rule: integer(1, 100), def: json.Number("3")},
	{name: "timeout", doc: "Limit of one call.", rule: rule{duration: true}, def: "10s"},
	{name: "budget", doc: "Limit of the time that a run loses by failed calls, its end included.", rule: rule{duration: true}, def: "1m"},
}}

var resourcesShape = &shape{keys: []key{
	{name: "parallel_fits", doc: "0: as many as workers have slots, at most 200.", rule: integer(0, maxParallel), def: json.Number("0")},
	{name: "fit_timeout", doc: "Limit of one attempt of one fit.", rule: rule{duration: true}, def: "24h"},
	{name: "fit_budget", doc: "Limit of all attempts of one fit.", rule: rule{duration: true}, def: "72h"},
	{name: "max_lost_workers", doc: "Workers that one fold, or another step of the run, may lose before it is given up.", rule: integer(1, 1000), def: json.Number("5")},
}}

func namePattern(what string, p *regexp.Regexp) rule {
	return rule{text: &textRule{what: what + " matching " + p.String(), pattern: p}}
}

func free(what string) rule { return rule{text: &textRule{what: what}} }

func column() rule { return free("a column name") }

func columns(atLeast int) rule {
	return rule{list: &listRule{item: column(), what: "column names", min: atLeast, max: maxColumns, unique: true}}
}

func notifyList() rule {
	item := rule{secret: true, text: &textRule{what: "${EVERFOLD_NOTIFY_…}, the name of a worker environment variable", pattern: notifyName}}
	return rule{list: &listRule{item: item, what: "names such as ${EVERFOLD_NOTIFY_SLACK}", max: maxNotify, unique: true}}
}
