package main

import (
	"regexp"
	"strings"

	"everfold/config"
)

// runRef names a run: <type>/<run>.
type runRef struct{ kind, name string }

func (r runRef) String() string     { return r.kind + "/" + r.name }
func (r runRef) workflowID() string { return "everfold/" + r.String() }

// dir is the run's folder in a store.
func (r runRef) dir(store string) string {
	return strings.TrimSuffix(store, "/") + "/" + r.String()
}

var runName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// parseRun reads RUN as operators write it. A workflow id is understood too, since the Web
// UI shows that.
func parseRun(words string) (runRef, error) {
	kind, name, found := strings.Cut(strings.TrimPrefix(words, "everfold/"), "/")
	known := kind == string(config.Sample) || kind == string(config.Production)
	if !found || !known || !runName.MatchString(name) {
		return runRef{}, usageError("RUN is <type>/<run>, such as production/hdfail; starter list shows the runs of a store",
			"%q is not a run", words)
	}
	return runRef{kind: kind, name: name}, nil
}
