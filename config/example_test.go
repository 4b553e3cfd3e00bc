package config_test

import (
	"fmt"

	"everfold/config"
)

func ExampleParseYAML() {
	spec, err := config.ParseYAML([]byte(`
run: churn-2026-11
type: production
data: {uri: churn.csv, time: months, event: left}
models:
  - {type: cox_ph}
`), "churn.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(spec.WorkflowID(), spec.FoldCount(), "folds")
	for _, m := range spec.AllModels() {
		fmt.Println(m.Name, string(m.SettingsJSON()))
	}
	// Output:
	// everfold/production/churn-2026-11 5 folds
	// cox_ph {"alpha":0,"ties":"efron"}
	// km {}
}

func ExampleError() {
	_, err := config.ParseYAML([]byte(`
run: churn
type: production
data: {uri: churn.csv, time: months, event: left}
models:
  - {type: cox_ph, tiess: efron}
folds: {k: 1}
`), "churn.yaml")
	fmt.Println(err)
	// Output:
	// churn.yaml: 2 problems
	//   line 6: models[0].tiess: unknown key; did you mean "ties"?
	//   line 7: folds.k: the number 1 is not allowed; want an integer from 2 to 500
}

func ExampleWithSet() {
	text := []byte("run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e}\n")
	spec, err := config.ParseYAML(text, "", config.WithSet("folds.k=10", "models.gbsa.trees=500"))
	if err != nil {
		fmt.Println(err)
		return
	}
	gbsa, _ := spec.Model("gbsa")
	fmt.Println(spec.Folds.K, gbsa.NonDefaultSettings())
	// Output: 10 map[trees:500]
}

func ExampleSpec_ResolvePaths() {
	spec, _ := config.ParseYAML([]byte("run: r\ntype: sample\ndata: {uri: data/d.csv, time: t, event: e}\n"), "")
	spec.ResolvePaths("/home/me/specs")
	fmt.Println(spec.Data.URI, spec.CheckAbsolute())
	// Output: /home/me/specs/data/d.csv <nil>
}
