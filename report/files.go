package report

import (
	"context"
	"fmt"
	"path"
	"strings"

	"everfold/artifact"
)

// files says where everything is, and how to go on.
func (b *builder) files(context.Context) (section, error) {
	s := section{ID: "files", Title: "Files, and how to go on"}
	t := &table{Caption: "In the run’s folder", Head: columns("File", "Holds")}
	t.add(artifact.SummaryKey, "the leaderboard, every digit")
	t.add(artifact.MetricsKey, "the scores of every fold")
	t.add("artifacts/*.csv", "what the other sections show: calibration, coefficients, importance, dependence, comparisons, tests")
	t.add("artifacts/<model>/", "risks and survival curves of the test rows, fold by fold, with a manifest each")
	var finals []string
	for _, m := range b.Finals {
		finals = append(finals, m.Model)
	}
	if finals != nil {
		t.add("models/<model>/", "fitted on all rows: "+strings.Join(finals, ", ")+"; file, description, model card, and predict.py, which needs numpy alone")
	}
	if b.Predictions != nil {
		t.add(artifact.PredictionsKey+", .parquet", b.predicted())
		t.add(artifact.OutOfFoldKey, counted(b.Predictions.OutOfFold, "prediction")+" of rows by models that were not fitted on them")
	}
	t.add("report/", "this page, and every picture as .svg and .png")
	t.add("logs/", "what happened, as JSON lines")
	s.Blocks = append(s.Blocks, block{Table: t})
	if b.Run == nil {
		return s, nil
	}
	spec := b.Run.Spec
	folder := quote(fmt.Sprintf("%s/%s/%s", strings.TrimSuffix(spec.Store.URI, "/"), spec.Type, spec.Run))
	commands := []command{{"The leaderboard in a terminal, or for a document", "starter results " + folder + " --format markdown"}}
	if len(b.Finals) > 0 {
		commands = append(commands, command{"Score new rows with the final model", "starter predict " + folder + " --data NEW.csv --out SCORED.csv"})
	}
	if len(b.Missing) > 0 {
		commands = append(commands, command{"Go on with what is not complete, from the spec that the run was started by", "starter run SPEC.yaml --only-failed"})
	}
	commands = append(commands,
		command{"Write this report again, after something changed", "starter report " + folder},
		command{"Bring a tracking server in line", "starter track sync " + folder})
	s.Blocks = append(s.Blocks, block{Commands: commands})
	s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("Data %.12s, spec %.12s, everfold %s.", b.Run.Data.Digest, b.Run.SpecDigest, b.Run.Build)})
	return s, nil
}

// predicted is what predictions.csv holds.
func (b *builder) predicted() string {
	p := b.Predictions
	text := counted(p.Rows, "row")
	if p.Data != "" {
		text += " of " + path.Base(p.Data) + " (final.data)"
	}
	if p.InTraining != nil {
		text += fmt.Sprintf(", %s of them fitted on,", amount(*p.InTraining))
	}
	return text + " by " + p.Model
}

// plainWord needs no quotes in a shell.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@+%"

// quote makes a word that a shell takes as it is.
func quote(word string) string {
	if word != "" && strings.Trim(word, plainWord) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
