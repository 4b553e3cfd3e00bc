package archtest

import "slices"

// Row is one line of the package table: a package and what of ours it may import directly.
type Row struct {
	Package string
	May     []string
}

// Patterns in the table: "x/..." is x and everything below it, "x/*" what is directly below
// x and has no row of its own, "..." everything.
const everything = "..."

// Table is the package table of docs/ARCHITECTURE.md. A package without a row is an error.
var Table = []Row{
	{"config", nil},
	{"logging", nil},
	{"examples", nil},

	{"survival", nil},
	{"survival/riskset", []string{"survival"}},
	{"survival/nonparam", []string{"survival", "survival/riskset"}},
	{"survival/cox", linear},
	{"survival/coxnet", linear},
	{"survival/aft", linear},
	{"survival/tree", []string{"survival", "survival/nonparam"}},
	{"survival/ensemble", append(slices.Clone(trees), "survival/metric")},
	{"survival/boost", trees},
	{"survival/forest", append(slices.Clone(trees), "survival/ensemble")},
	{"survival/stack", []string{"survival/..."}},
	{"survival/oblique", append(slices.Clone(trees), "survival/ensemble")},
	{"survival/resample", []string{"survival"}},
	{"survival/metric", judge},
	{"survival/explain", judge},
	{"survival/preprocess", []string{"survival"}},
	{"survival/registry", []string{"survival/..."}},
	{"survival/survtest", []string{"survival"}},
	{leaves, []string{"survival"}},

	{"dataset", []string{"survival"}},
	{"dataset/synthetic", []string{"survival/resample"}},
	{"store", nil},
	{"store/local", []string{"store"}},
	{"store/s3", []string{"store"}},
	{"store/storetest", []string{"store"}},
	{"artifact", []string{"config", "store", "survival/resample", "survival/registry"}},
	{"artifact/cost", []string{"config", "artifact"}},
	{"tracker", nil},
	{"tracker/mlflow", []string{"tracker"}},
	{"tracker/trackertest", []string{"tracker"}},
	{"notify", nil},
	{"report", []string{"survival", "survival/nonparam", "artifact"}},

	{"activities", []string{
		"config", "logging", "dataset", "survival/...", "store", "artifact/...", "tracker", "notify", "report",
	}},
	{"workflows", []string{"config", "activities"}},
	{"internal/metrics", nil},
	{"internal/codec", nil},
	{"internal/app", []string{
		"config", "logging", "survival/...", "dataset", "store/...", "artifact", "tracker/...",
		"notify", "report", "activities", "workflows", "internal/metrics", "internal/codec",
	}},
	{"internal/app/embedded", nil},
	{"internal/app/embedded", []string{"logging", "internal/app"}},
	{"worker", []string{"config", "logging", "internal/app"}},
	{"starter", []string{
		"config", "logging", "workflows", "artifact", "artifact/cost", "report", "internal/app", "internal/app/embedded",
		"examples", "dataset", "dataset/synthetic",
	}},

	{"testsuite/...", []string{everything}},
	{"bench/...", []string{everything}},
	{"internal/archtest", nil},
}

// leaves are small packages that several models share and that know only survival's types.
// Every package of survival/ may import them.
const leaves = "survival/*"

var (
	linear = []string{"survival", "survival/riskset", "survival/nonparam", "survival/resample"}
	trees  = []string{"survival", "survival/riskset", "survival/nonparam", "survival/tree", "survival/resample"}
	judge  = []string{"survival", "survival/riskset", "survival/nonparam"}
)

// testOnly are packages that nothing but tests, and they themselves, import.
var testOnly = []string{
	"survival/survtest", "survival/oracle", "store/storetest", "tracker/trackertest", "testsuite/...",
}

// topLevel must exist: a newcomer finds these at the root.
var topLevel = []string{
	"workflows", "activities", "worker", "starter", "testsuite", "config", "logging", "dataset",
	"survival", "store", "artifact", "internal", "docs", "tools",
	"go.mod", "docker-compose.yml", "Dockerfile", "README.md", "CHANGELOG.md", "Makefile", ".ci/run",
}
