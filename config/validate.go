package config

import (
	"fmt"
	"slices"
	"strings"
)

// validator checks the rules that concern several keys. spec is bound and each key of
// it is valid alone; Models still holds km where it was listed, so that indices are
// those of the document.
type validator struct {
	problems
	spec *Spec
	root *node
}

func (v *validator) run() {
	v.columns()
	v.preprocess()
	v.folds()
	v.modelNames()
	for i := range v.spec.Models {
		v.model(i)
	}
	v.entry()
	v.final()
	v.store()
}

// fail reports a problem at the key's place, or where its nearest group is.
func (v *validator) fail(path, format string, args ...any) {
	v.add(path, v.root.find(path), format, args...)
}

// columns: no column has two roles that contradict each other. Outcome columns as
// covariates would leak the answer.
func (v *validator) columns() {
	d := &v.spec.Data
	roles := []struct{ key, column string }{
		{"data.time", d.Time}, {"data.event", d.Event}, {"data.entry", d.Entry}, {"data.weight", d.Weight},
	}
	for i, r := range roles {
		for _, earlier := range roles[:i] {
			if r.column != "" && r.column == earlier.column {
				v.fail(r.key, "column %q is %s already", shorten(r.column), earlier.key)
			}
		}
	}
	outcomes := map[string]string{d.Time: "data.time", d.Event: "data.event"}
	v.disjoint("data.numeric", d.Numeric, outcomes)
	v.disjoint("data.categorical", d.Categorical, outcomes)
	v.disjoint("data.ignore", d.Ignore, outcomes)
	covariates := map[string]string{}
	for _, c := range d.Numeric {
		covariates[c] = "data.numeric"
	}
	v.disjoint("data.categorical", d.Categorical, covariates)
	for _, c := range d.Categorical {
		covariates[c] = "data.categorical"
	}
	v.disjoint("data.ignore", d.Ignore, covariates)
}

func (v *validator) disjoint(key string, columns []string, taken map[string]string) {
	for i, c := range columns {
		if other, ok := taken[c]; ok && c != "" {
			v.fail(fmt.Sprintf("%s[%d]", key, i), "column %q is %s already", shorten(c), other)
		}
	}
}

func (v *validator) preprocess() {
	p := &v.spec.Preprocess
	switch {
	case p.RareKeep > 0 && p.RareMerge == "":
		v.fail("preprocess.rare_keep", "needs rare_merge: least-kept or other")
	case p.RareKeep == 0 && p.RareMerge != "":
		v.fail("preprocess.rare_merge", "needs rare_keep: how many levels are kept")
	}
}

func (v *validator) folds() {
	f := &v.spec.Folds
	if f.File == "" && f.K*f.Repeats > MaxFolds {
		v.fail("folds", "k × repeats is %d; at most %d folds are allowed", f.K*f.Repeats, MaxFolds)
		return
	}
	if trouble := v.spec.tooManyFits(v.spec.FoldCount()); trouble != "" {
		v.fail("folds", "%s", trouble)
	}
}

// CheckFits refuses, with an *Error, more fits than a run may have, once the folds of a folds file
// are counted.
func (s *Spec) CheckFits(folds int) error {
	var found problems
	if trouble := s.tooManyFits(folds); trouble != "" {
		found.add("folds", nil, "%s", trouble)
	}
	return found.err("")
}

func (s *Spec) tooManyFits(folds int) string {
	models := len(s.AllModels())
	if models*folds <= MaxFits {
		return ""
	}
	return fmt.Sprintf("%d models × %d folds are %d fits; at most %d are allowed: make several runs of the models", models, folds, models*folds, MaxFits)
}

// modelNames: unique; km for type km and for nothing else.
func (v *validator) modelNames() {
	first := map[string]int{}
	for i, m := range v.spec.Models {
		path := fmt.Sprintf("models[%d].name", i)
		if earlier, ok := first[m.Name]; ok {
			v.fail(path, "%q is the name of models[%d] already; give one of them another name", m.Name, earlier)
			continue
		}
		first[m.Name] = i
		switch {
		case m.Name == KM && m.Type != KM:
			v.fail(path, "km is reserved for type km")
		case m.Type == KM && m.Name != KM:
			v.fail(path, "type km has no other name than km")
		}
	}
}

func (v *validator) model(i int) {
	m := &v.spec.Models[i]
	path := fmt.Sprintf("models[%d]", i)
	t := findType(m.Type)
	if v.spec.Preprocess.Impute == imputeNative && !t.gaps {
		v.fail(path+".type", "preprocess.impute: native leaves gaps, which type %s cannot take; allowed: %s",
			m.Type, orList(typesWhere(func(t *modelType) bool { return t.gaps })))
	}
	for j, column := range m.strings("strata") {
		if column == v.spec.Data.Time || column == v.spec.Data.Event {
			v.fail(fmt.Sprintf("%s.strata[%d]", path, j), "column %q is the outcome (data.time, data.event)", shorten(column))
		}
	}
	for j, base := range m.strings("of") {
		v.base(fmt.Sprintf("%s.of[%d]", path, j), base)
	}
}

// base: a stack is made of other models of the spec, km included; not of stacks, nor of
// stratified models, whose stratum columns are covariates for the other bases.
func (v *validator) base(path, name string) {
	for _, m := range v.spec.AllModels() {
		if m.Name != name {
			continue
		}
		switch m.Type {
		case Stack:
			v.fail(path, "%q is a stack; a stack is made of other models", name)
		case CoxStratified:
			v.fail(path, "%q is of type cox_stratified, which cannot be in a stack: its strata are covariates for the other models", name)
		}
		return
	}
	v.fail(path, "no model %q in models%s", name, didYouMean(name, v.names()))
}

func (v *validator) entry() {
	if v.spec.Data.Entry == "" {
		return
	}
	for i, m := range v.spec.Models {
		if !findType(m.Type).entry {
			v.fail(fmt.Sprintf("models[%d].type", i), "data.entry (left truncation): type %s cannot be fitted with it; allowed: %s",
				m.Type, orList(typesWhere(func(t *modelType) bool { return t.entry })))
		}
	}
	if v.spec.Metrics.CIndex == cindexIPCW {
		v.fail("metrics.cindex", "ipcw is not defined with data.entry (left truncation); want harrell")
	}
}

func (v *validator) final() {
	for i, name := range v.spec.Final.Models.Names {
		if !slices.Contains(v.names(), name) {
			v.fail(fmt.Sprintf("final.models[%d]", i), "no model %q in models%s", name, didYouMean(name, v.names()))
		}
	}
}

func (v *validator) store() {
	s := &v.spec.Store
	if s.KMSKey != "" && !strings.HasPrefix(s.Encryption, encryptionKMS) {
		v.fail("store.kms_key", "only with store.encryption: %s", encryptionKMS)
	}
	if _, local := LocalPath(s.URI); !local {
		return
	}
	given := []struct {
		key string
		is  bool
	}{
		{"store.endpoint", s.Endpoint != ""}, {"store.region", s.Region != ""}, {"store.path_style", s.PathStyle},
		{"store.encryption", s.Encryption != ""},
	}
	for _, g := range given {
		if g.is {
			v.fail(g.key, "only with store.uri: s3://bucket/prefix")
		}
	}
}

func (v *validator) names() []string {
	var names []string
	for _, m := range v.spec.AllModels() {
		names = append(names, m.Name)
	}
	return names
}

func typesWhere(holds func(*modelType) bool) []string {
	var names []string
	for i := range modelTypes {
		if holds(&modelTypes[i]) {
			names = append(names, modelTypes[i].name)
		}
	}
	return names
}
