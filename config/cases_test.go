package config_test

// minimal is the shortest valid spec; what a case adds starts in line 4.
const minimal = "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e}\n"

// refusal is a document that must be refused with exactly one problem.
type refusal struct {
	name string
	text string // whole document, or after "+" an addition to minimal
	want string // the whole message
	// across says that the rule concerns several keys or the text itself, which JSON
	// Schema cannot express.
	across bool
}

func (r refusal) document() string {
	if r.text != "" && r.text[0] == '+' {
		return minimal + r.text[1:]
	}
	return r.text
}

var topRefusals = []refusal{
	{name: "typo at the top", text: "+modles: []\n",
		want: `run spec: line 4: modles: unknown key; did you mean "models"?`},
	{name: "unknown key far from all", text: "+zzzzzzzz: 1\n",
		want: "run spec: line 4: zzzzzzzz: unknown key; allowed: run, type, data, preprocess, folds, metrics, models, final, explain, store, tracker, notify, on_model_failure, resources"},
	{name: "request is not part of a spec file", text: "+request: {fresh: true}\n",
		want: "run spec: line 4: request: unknown key; allowed: run, type, data, preprocess, folds, metrics, models, final, explain, store, tracker, notify, on_model_failure, resources"},
	{name: "missing run", text: "type: sample\ndata: {uri: d.csv, time: t, event: e}\n",
		want: "run spec: line 1: run: missing; give a name matching ^[a-z0-9][a-z0-9._-]{0,62}$"},
	{name: "path in the run name", text: "run: ../r\ntype: sample\ndata: {uri: d.csv, time: t, event: e}\n",
		want: `run spec: line 1: run: "../r" is not allowed; want a name matching ^[a-z0-9][a-z0-9._-]{0,62}$`},
	{name: "number as run name", text: "run: 2026\ntype: sample\ndata: {uri: d.csv, time: t, event: e}\n",
		want: "run spec: line 1: run: the number 2026 is not allowed; want a name matching ^[a-z0-9][a-z0-9._-]{0,62}$; put text in quotes"},
	{name: "unknown run type", text: "run: r\ntype: prodction\ndata: {uri: d.csv, time: t, event: e}\n",
		want: `run spec: line 2: type: "prodction" is not allowed; want sample or production; did you mean "production"?`},
	{name: "empty group", text: "+folds:\n",
		want: "run spec: line 4: folds: nothing (null) is not allowed; want a group of keys: k, repeats, seed, stratify, file"},
	{name: "null where a value is needed", text: "+folds: {k: ~}\n",
		want: "run spec: line 4: folds.k: nothing (null) is not allowed; want an integer from 2 to 5000"},
	{name: "list for a group", text: "+store: [a]\n",
		want: "run spec: line 4: store: a list is not allowed; want a group of keys: uri, endpoint, region, path_style"},
	{name: "on_model_failure", text: "+on_model_failure: stop\n",
		want: `run spec: line 4: on_model_failure: "stop" is not allowed; want continue or fail`},
}

var dataRefusals = []refusal{
	{name: "missing uri", text: "run: r\ntype: sample\ndata: {time: t, event: e}\n",
		want: "run spec: line 3: data.uri: missing; give a path, file:// or s3:// URI ending in .csv, .csv.gz or .parquet"},
	{name: "uri of another format", text: "run: r\ntype: sample\ndata: {uri: d.xlsx, time: t, event: e}\n",
		want: "run spec: line 3: data.uri: this value is not allowed; want a path, file:// or s3:// URI ending in .csv, .csv.gz or .parquet"},
	{name: "uri with a password", text: "run: r\ntype: sample\ndata: {uri: 's3://me:hush@b/d.csv', time: t, event: e}\n", across: true,
		want: "run spec: line 3: data.uri: holds a user or password; credentials come from the worker's environment"},
	{name: "uri of another scheme", text: "run: r\ntype: sample\ndata: {uri: 'https://h/d.csv', time: t, event: e}\n", across: true,
		want: "run spec: line 3: data.uri: this scheme is not supported; want a path, file:// or s3://"},
	{name: "s3 without a bucket", text: "run: r\ntype: sample\ndata: {uri: 's3:///d.csv', time: t, event: e}\n", across: true,
		want: "run spec: line 3: data.uri: s3:// without a bucket; want s3://bucket/prefix"},
	{name: "NUL in a path", text: "run: r\ntype: sample\ndata: {uri: \"a\\0.csv\", time: t, event: e}\n", across: true,
		want: "run spec: line 3: data.uri: holds a NUL character"},
	{name: "empty column name", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: '', event: e}\n",
		want: "run spec: line 3: data.time: empty; want a column name"},
	{name: "negative replacement of zero", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, on_zero_time: -1}\n",
		want: "run spec: line 3: data.on_zero_time: the number -1 is not allowed; want error, drop or a number above 0"},
	{name: "no sample", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, sample_rows: 0}\n",
		want: "run spec: line 3: data.sample_rows: the number 0 is not allowed; want an integer from 1 to 1000000000"},
	{name: "time is event", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: t}\n", across: true,
		want: `run spec: line 3: data.event: column "t" is data.time already`},
	{name: "outcome as covariate", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, numeric: [a, t]}\n", across: true,
		want: `run spec: line 3: data.numeric[1]: column "t" is data.time already`},
	{name: "numeric and categorical", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, numeric: [a], categorical: [a]}\n", across: true,
		want: `run spec: line 3: data.categorical[0]: column "a" is data.numeric already`},
	{name: "ignored covariate", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, categorical: [a], ignore: [a]}\n", across: true,
		want: `run spec: line 3: data.ignore[0]: column "a" is data.categorical already`},
	{name: "column listed twice", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, numeric: [a, b, a]}\n",
		want: "run spec: line 3: data.numeric[2]: the same as data.numeric[0]"},
	{name: "ipcw with entry", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, entry: s}\nmetrics: {cindex: ipcw}\nmodels: [{type: cox_ph}]\n", across: true,
		want: "run spec: line 4: metrics.cindex: ipcw is not defined with data.entry (left truncation); want harrell"},
	{name: "model without left truncation", text: "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, entry: s}\nmetrics: {cindex: harrell}\nmodels: [{type: rsf}]\n", across: true,
		want: "run spec: line 5: models[0].type: data.entry (left truncation): type rsf cannot be fitted with it; allowed: km, cox_ph, cox_stratified or weibull_aft"},
}

var sectionRefusals = []refusal{
	{name: "impute", text: "+preprocess: {impute: medain}\n",
		want: `run spec: line 4: preprocess.impute: "medain" is not allowed; want median, mean, native, drop-row or error; did you mean "median"?`},
	{name: "rare_level of one", text: "+preprocess: {rare_level: 1}\n",
		want: "run spec: line 4: preprocess.rare_level: the number 1 is not allowed; want a number of at least 0, below 1"},
	{name: "rare_keep alone", text: "+preprocess: {rare_keep: 5}\n", across: true,
		want: "run spec: line 4: preprocess.rare_keep: needs rare_merge: least-kept or other"},
	{name: "rare_merge alone", text: "+preprocess: {rare_merge: other}\n", across: true,
		want: "run spec: line 4: preprocess.rare_merge: needs rare_keep: how many levels are kept"},
	{name: "boolean as text", text: "+preprocess: {drop_constant: yes}\n",
		want: `run spec: line 4: preprocess.drop_constant: "yes" is not allowed; want true or false`},
	{name: "native gaps for a linear model", text: "+preprocess: {impute: native}\nmodels: [{type: cox_ph}]\n", across: true,
		want: "run spec: line 5: models[0].type: preprocess.impute: native leaves gaps, which type cox_ph cannot take; allowed: km, gbsa, rsf, orsf or stack"},
	{name: "k = 1", text: "+folds: {k: 1}\n",
		want: "run spec: line 4: folds.k: the number 1 is not allowed; want an integer from 2 to 5000"},
	{name: "fraction for an integer", text: "+folds: {repeats: 1.5}\n",
		want: "run spec: line 4: folds.repeats: the number 1.5 is not allowed; want an integer from 1 to 5000"},
	{name: "negative seed", text: "+folds: {seed: -1}\n",
		want: "run spec: line 4: folds.seed: the number -1 is not allowed; want an integer from 0 to 18446744073709551615"},
	{name: "seed that has lost digits", text: "+folds: {seed: 1e19}\n", across: true,
		want: "run spec: line 4: folds.seed: the number 1e19 is not allowed; want an integer from 0 to 18446744073709551615"},
	{name: "folds by time", text: "+folds: {kind: time}\n",
		want: "run spec: line 4: folds.kind: not available yet"},
	{name: "too many folds", text: "+folds: {k: 100, repeats: 100}\n", across: true,
		want: "run spec: line 4: folds: k × repeats is 10000; at most 5000 folds are allowed"},
	{name: "fold file of a scheme", text: "+folds: {file: 's3://b/f.csv'}\n", across: true,
		want: "run spec: line 4: folds.file: this scheme is not supported; want a path or file://"},
	{name: "wrong type beside a fold file", text: "+folds: {file: f.csv, k: five}\n",
		want: `run spec: line 4: folds.k: "five" is not allowed; want an integer from -9007199254740992 to 9007199254740992`},
	{name: "grid of one", text: "+metrics: {grid: 1}\n",
		want: "run spec: line 4: metrics.grid: the number 1 is not allowed; want burk80, an integer from 2 to 10000 or a list of 1 to 10000 increasing times"},
	{name: "grid that falls", text: "+metrics: {grid: [2, 1]}\n", across: true,
		want: "run spec: line 4: metrics.grid[1]: 1 is not above the entry before it; want burk80, an integer from 2 to 10000 or a list of 1 to 10000 increasing times"},
	{name: "empty grid", text: "+metrics: {grid: []}\n",
		want: "run spec: line 4: metrics.grid: 0 entries; want burk80, an integer from 2 to 10000 or a list of 1 to 10000 increasing times"},
	{name: "infinite tau", text: "+metrics: {tau: .inf}\n", across: true,
		want: "run spec: line 4: metrics.tau: +Inf is not a finite number; want a number above 0"},
	{name: "final names no model", text: "+final: {models: [cox_phh]}\n", across: true,
		want: `run spec: line 4: final.models[0]: no model "cox_phh" in models; did you mean "cox_ph"?`},
	{name: "final keyword", text: "+final: {models: bst}\n",
		want: `run spec: line 4: final.models: "bst" is not allowed; want best, all or a list of 1 to 201 model names; did you mean "best"?`},
	{name: "horizon of zero", text: "+final: {horizons: [0, 1]}\n",
		want: "run spec: line 4: final.horizons[0]: the number 0 is not allowed; want a number above 0"},
	{name: "file scheme without a path", text: "+store: {uri: 'file://'}\n", across: true,
		want: "run spec: line 4: store.uri: file:// without a path"},
	{name: "endpoint of a folder", text: "+store: {uri: out, endpoint: 'http://h'}\n", across: true,
		want: "run spec: line 4: store.endpoint: only with store.uri: s3://bucket/prefix"},
	{name: "endpoint that is no URL", text: "+store: {uri: 's3://b/p', endpoint: h}\n", across: true,
		want: "run spec: line 4: store.endpoint: not a URL of the form http://host or https://host"},
	{name: "tracker with a password", text: "+tracker: {uri: 'http://me:hush@h'}\n", across: true,
		want: "run spec: line 4: tracker.uri: holds a user or password; credentials come from the worker's environment"},
	{name: "environment name inside a tracker URL", text: "+tracker: {uri: 'http://${H}/'}\n", across: true,
		want: "run spec: line 4: tracker.uri: not a URL of the form http://host or https://host"},
	{name: "number as duration", text: "+tracker: {timeout: 10}\n",
		want: `run spec: line 4: tracker.timeout: the number 10 is not allowed; want a duration above zero such as "90m"`},
	{name: "duration without a unit", text: "+resources: {fit_timeout: '24'}\n",
		want: `run spec: line 4: resources.fit_timeout: "24" is not allowed; want a duration above zero such as "90m"`},
	{name: "duration of zero", text: "+resources: {fit_budget: 0s}\n", across: true,
		want: `run spec: line 4: resources.fit_budget: "0s" is not allowed; want a duration above zero such as "90m"`},
	{name: "notification target in the spec", text: "+notify: ['slack://hush@x']\n",
		want: "run spec: line 4: notify[0]: this value is not allowed; want ${EVERFOLD_NOTIFY_…}, the name of a worker environment variable"},
	{name: "notification that is no text", text: "+notify: [5]\n",
		want: "run spec: line 4: notify[0]: a number is not allowed; want ${EVERFOLD_NOTIFY_…}, the name of a worker environment variable; put text in quotes"},
	{name: "parallel_fits", text: "+resources: {parallel_fits: -1}\n",
		want: "run spec: line 4: resources.parallel_fits: the number -1 is not allowed; want an integer from 0 to 1000"},
}

var modelRefusals = []refusal{
	{name: "typo in a model", text: "+models:\n  - {type: cox_ph}\n  - {type: coxnet, alfas: 5}\n",
		want: `run spec: line 6: models[1].alfas: unknown key; did you mean "alphas"?`},
	{name: "setting of another type", text: "+models: [{type: weibull_aft, ties: efron}]\n",
		want: `run spec: line 4: models[0].ties: unknown key; allowed: name, type`},
	{name: "bad ties", text: "+models: [{type: cox_ph}, {name: b, type: cox_ph, ties: efronn}]\n",
		want: `run spec: line 4: models[1].ties: "efronn" is not allowed; want efron or breslow; did you mean "efron"?`},
	{name: "unknown type", text: "+models: [{type: coxph}]\n",
		want: `run spec: line 4: models[0].type: "coxph" is not a model type; want km, cox_ph, cox_stratified, weibull_aft, coxnet, gbsa, rsf, orsf or stack; did you mean "cox_ph"?`},
	{name: "no type", text: "+models: [{name: a}]\n",
		want: "run spec: line 4: models[0].type: missing; give km, cox_ph, cox_stratified, weibull_aft, coxnet, gbsa, rsf, orsf or stack"},
	{name: "model that is text", text: "+models: [cox_ph]\n",
		want: `run spec: line 4: models[0]: "cox_ph" is not allowed; want a model such as {type: cox_ph}`},
	{name: "tuning", text: "+models: [{type: rsf, tune: {}}]\n",
		want: "run spec: line 4: models[0].tune: not available yet"},
	{name: "path in a model name", text: "+models: [{name: ../x, type: rsf}]\n",
		want: `run spec: line 4: models[0].name: "../x" is not allowed; want a name matching ^[a-z][a-z0-9_-]{0,62}$`},
	{name: "duplicate name", text: "+models:\n  - {type: rsf}\n  - {type: rsf}\n", across: true,
		want: `run spec: line 6: models[1].name: "rsf" is the name of models[0] already; give one of them another name`},
	{name: "km as the name of another type", text: "+models: [{name: km, type: rsf}]\n", across: true,
		want: "run spec: line 4: models[0].name: km is reserved for type km"},
	{name: "km under another name", text: "+models: [{name: base, type: km}]\n",
		want: "run spec: line 4: models[0].name: type km has no other name than km"},
	{name: "penalty below zero", text: "+models: [{type: cox_ph, alpha: -0.1}]\n",
		want: "run spec: line 4: models[0].alpha: the number -0.1 is not allowed; want a number of at least 0"},
	{name: "no L1 at all", text: "+models: [{type: coxnet, l1_ratio: 0}]\n",
		want: "run spec: line 4: models[0].l1_ratio: the number 0 is not allowed; want a number above 0, at most 1"},
	{name: "alpha_min_ratio of one", text: "+models: [{type: coxnet, alpha_min_ratio: 1}]\n",
		want: "run spec: line 4: models[0].alpha_min_ratio: the number 1 is not allowed; want a number above 0 and below 1"},
	{name: "another number of bins", text: "+models: [{type: gbsa, bins: 256}]\n",
		want: "run spec: line 4: models[0].bins: the number 256 is not allowed; want exact or 255"},
	{name: "bins of an oblique forest", text: "+models: [{type: orsf, bins: 255}]\n",
		want: `run spec: line 4: models[0].bins: unknown key; allowed: name, type, trees, min_split, min_leaf, mtry, depth, bootstrap, min_stat`},
	{name: "mtry", text: "+models: [{type: rsf, mtry: 0}]\n",
		want: "run spec: line 4: models[0].mtry: the number 0 is not allowed; want sqrt, all or an integer from 1 to 100000"},
	{name: "stratified without strata", text: "+models: [{type: cox_stratified}]\n",
		want: "run spec: line 4: models[0].strata: missing; give a list of 1 to 100000 column names"},
	{name: "stratified by the outcome", text: "+models: [{type: cox_stratified, strata: [a, e]}]\n", across: true,
		want: `run spec: line 4: models[0].strata[1]: column "e" is the outcome (data.time, data.event)`},
	{name: "stack of nothing", text: "+models: [{type: stack, of: []}]\n",
		want: "run spec: line 4: models[0].of: 0 entries; want a list of 1 to 200 model names"},
	{name: "stack of a missing model", text: "+models: [{type: rsf}, {type: stack, of: [rfs]}]\n", across: true,
		want: `run spec: line 4: models[1].of[0]: no model "rfs" in models; did you mean "rsf"?`},
	{name: "stack of itself", text: "+models: [{type: stack, of: [stack]}]\n", across: true,
		want: `run spec: line 4: models[0].of[0]: "stack" is a stack; a stack is made of other models`},
	{name: "stack of strata", text: "+models: [{type: cox_stratified, strata: [a]}, {type: stack, of: [cox_stratified]}]\n", across: true,
		want: `run spec: line 4: models[1].of[0]: "cox_stratified" is of type cox_stratified, which cannot be in a stack: its strata are covariates for the other models`},
}

func allRefusals() []refusal {
	var all []refusal
	for _, group := range [][]refusal{topRefusals, dataRefusals, sectionRefusals, modelRefusals} {
		all = append(all, group...)
	}
	return all
}

// accepted are valid specs that touch every branch of every rule.
var accepted = map[string]string{
	"minimal":             minimal,
	"production":          "run: churn-2026.11_b\ntype: production\ndata: {uri: 'file:///d.csv.gz', time: t, event: e, id: i, group: i, weight: w}\n",
	"columns":             "run: r\ntype: sample\ndata: {uri: 's3://b/d.parquet', time: t, event: e, numeric: [], categorical: [a, b], ignore: [c]}\n",
	"zero time dropped":   "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, on_zero_time: drop}\n",
	"zero time replaced":  "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, on_zero_time: 0.5, id: ~, entry: ~}\n",
	"entry":               "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e, entry: s}\nmetrics: {cindex: harrell}\nmodels: [{type: km}, {type: cox_ph}, {type: cox_stratified, strata: [g]}, {type: weibull_aft}]\n",
	"burk":                minimal + "folds: {file: f.csv, k: 1, repeats: 0, stratify: never}\nmetrics: {cindex: harrell, convention: mlr3proba, grid: burk80}\npreprocess: {scale: none, encode: treatment, rare_keep: 5, rare_merge: least-kept}\nmodels: [{type: km}, {type: cox_ph, ties: efron, alpha: 0.0}]\n",
	"native":              minimal + "preprocess: {impute: native, rare_level: 0.01}\nmodels: [{type: rsf, mtry: 3, bins: exact}, {type: gbsa, leaf: newton}, {type: orsf}, {type: stack, of: [rsf, gbsa, km]}]\n",
	"grid and horizons":   minimal + "metrics: {grid: [1, 2.5, 3], tau: 3}\nfinal: {models: [rsf, km], select: ibs, horizons: [3, 6], rmst: 36, data: new.parquet}\n",
	"seed of 64 bits":     minimal + "folds: {k: 10, repeats: 3, seed: 18446744073709551615, stratify: none}\n",
	"s3 store":            minimal + "store: {uri: 's3://b/p', endpoint: 'https://h:9000', region: eu, path_style: true}\n",
	"tracker by name":     minimal + "tracker: {uri: '${MLFLOW_URI}', attempts: 1, timeout: 1.5s, budget: 1h30m}\nnotify: ['${EVERFOLD_NOTIFY_SLACK}']\n",
	"tracker URL":         minimal + "tracker: {uri: 'https://h/path', experiment: x}\n",
	"tracker off":         minimal + "tracker: {uri: off}\non_model_failure: fail\nresources: {parallel_fits: 8}\n",
	"only the baseline":   minimal + "models: []\n",
	"integer as fraction": minimal + "folds: {k: 4.0}\n",
	"exponent":            minimal + "models: [{type: cox_ph, alpha: 1e-4}]\nmetrics: {tau: +1.5E+2}\n",
	"alias":               minimal + "preprocess: {scale: &none none}\nfolds: {stratify: *none}\n",
}
