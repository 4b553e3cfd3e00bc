package main

// settings are those of a model, or of a peer's program.
type settings = map[string]any

// scenario is one line of the comparison.
type scenario struct {
	name      string
	rows      int    // of the whole table; four fifths are fitted
	model     string // everfold's model type, or a score
	settings  settings
	peer      string // a program of bench/peers
	peerGiven settings
	target    float64 // how many times faster everfold is to be
	runs      int     // of each side, where they take too long for as many as the others; 0: no less
}

// production is the number of rows of the production table.
const production = 287_013

// scenarios are all comparisons. The quick ones have fewer rows and trees, no other difference.
func scenarios(quick bool) []scenario {
	rows, exact, quadratic, trees, manyTrees, exactTrees := production, 20_000, 5_000, 20, 100, 10
	million := 1_250_000 // four fifths are fitted: a million
	if quick {
		rows, exact, quadratic, trees, million, manyTrees = 20_000, 3_000, 1_500, 5, 50_000, 10
	}
	// XGBoost's own step and penalty, on both sides.
	boosting := settings{"trees": 100, "learning_rate": 0.3, "lambda": 1, "depth": 3, "leaf": "newton"}
	forest := func(trees int, bins any) settings {
		return settings{"trees": trees, "mtry": "all", "min_split": 10, "min_leaf": 5, "bins": bins}
	}
	return []scenario{
		{name: "cox_ph", rows: rows, model: "cox_ph", peer: "coxph.R", target: 10},
		{name: "weibull_aft", rows: rows, model: "weibull_aft", peer: "survreg.R", target: 10},
		{name: "coxnet, 100 penalties", rows: rows, model: "coxnet",
			settings: settings{"select": "last", "alphas": 100, "l1_ratio": 0.5, "alpha_min_ratio": 0.01}, peer: "glmnet.R", target: 5},
		{name: "gbsa, newton", rows: rows, model: "gbsa", settings: boosting,
			peer: "xgboost_cox.py", peerGiven: settings{"trees": 100, "eta": 0.3, "lambda": 1}, target: 3},
		{name: "gbsa, quadratic peer", rows: quadratic, model: "gbsa", settings: settings{"trees": 100}, runs: 3,
			peer: "sksurv_boosting.py", peerGiven: settings{"trees": 100}},
		{name: "rsf, few trees", rows: rows, model: "rsf", settings: forest(trees, 255),
			peer: "comprisk_forest.py", peerGiven: settings{"trees": trees}},
		{name: "rsf, all features", rows: rows, model: "rsf", runs: 3, settings: forest(manyTrees, 255),
			peer: "comprisk_forest.py", peerGiven: settings{"trees": manyTrees}, target: 3},
		{name: "rsf, exact bins", rows: exact, model: "rsf", runs: 3, settings: forest(exactTrees, "exact"),
			peer: "sksurv_forest.py", peerGiven: settings{"trees": exactTrees}, target: 50},
		{name: "rsf, a million rows", rows: million, model: "rsf", runs: 1,
			settings: settings{"trees": manyTrees, "mtry": "sqrt", "min_split": 10, "min_leaf": 5},
			peer:     "comprisk_forest.py", peerGiven: settings{"trees": manyTrees}},
		{name: "concordance", rows: rows, model: "concordance", peer: "concordance.R", target: 5},
		{name: "concordance, Python", rows: rows, model: "concordance", peer: "sksurv_scores.py", peerGiven: settings{"score": "concordance"}, target: 5},
		{name: "integrated Brier score", rows: rows, model: "brier", peer: "sksurv_scores.py", peerGiven: settings{"score": "brier"}, target: 5},
	}
}

// growing is one line of the growth table: a model fitted at growing sizes.
type growing struct {
	name     string
	model    string
	settings settings
	target   float64 // largest exponent
}

func growths() []growing {
	return []growing{
		{"cox_ph", "cox_ph", nil, 1.1},
		{"weibull_aft", "weibull_aft", nil, 1.1},
		{"coxnet", "coxnet", settings{"select": "last"}, 1.1},
		{"gbsa", "gbsa", settings{"trees": 20, "leaf": "newton"}, 1.1},
		{"rsf", "rsf", settings{"trees": 4, "mtry": "all", "min_split": 10, "min_leaf": 5}, 1.2},
	}
}

// threaded is one line of the table of threads: a fit of more than five seconds.
type threaded struct {
	name     string
	model    string
	settings settings
	target   float64 // least ratio
}

// threadings are timed at the production size, or on a small table.
func threadings() []threaded {
	return []threaded{
		{"gbsa", "gbsa", settings{"trees": 1500, "leaf": "newton"}, 1.8},
		{"rsf", "rsf", settings{"trees": 40, "mtry": "all", "min_split": 10, "min_leaf": 5}, 1.8},
	}
}

// sizes are the rows of the growing tables.
func sizes(quick bool) []int {
	if quick {
		return []int{5_000, 20_000, 80_000}
	}
	return []int{20_000, production, 1_000_000}
}
