package config

import (
	"encoding/json"
	"fmt"
	"time"
)

// Scheduled is what a schedule starts again and again: a spec whose run is named by the
// time that the start was due, and what is done when the run has ended.
type Scheduled struct {
	Spec        *Spec     `json:"spec"` // its Run is an example
	RunTemplate Template  `json:"run_template"`
	Timezone    string    `json:"timezone,omitempty"` // of the template's variables; "": UTC
	Prune       Retention `json:"prune,omitzero"`
	AlertDrop   float64   `json:"alert_drop,omitempty"` // 0: nobody is told
	Start       Start     `json:"start,omitzero"`
}

// Retention says which runs of a sequence are kept: at most so many, none older.
type Retention struct {
	Keep     int  `json:"keep,omitempty"`    // finished runs; 0: any number
	MaxAge   Age  `json:"max_age,omitempty"` // since the last start; 0: any age
	KeepBest bool `json:"keep_best"`         // the best run stays, whatever its age
}

// IsZero says that nothing is removed.
func (r Retention) IsZero() bool { return r.Keep == 0 && r.MaxAge == 0 }

var scheduledShape = &shape{keys: []key{
	{name: "spec", doc: "The run spec; its run is not used.", rule: rule{spec: true}, required: true},
	{name: "run_template", doc: "The runs' name, with variables.", required: true,
		rule: rule{text: &textRule{what: "a run name with variables such as churn-{date}", valid: checkTemplate}}},
	{name: "timezone", doc: "Time zone of the variables; without it UTC.",
		rule: rule{text: &textRule{what: "a time zone such as Europe/Berlin", valid: checkTimezone}}},
	{name: "prune", doc: "Which runs of the template are kept.", rule: rule{group: retentionShape}},
	{name: "alert_drop", doc: "Alerts where the best C-index is lower than before by more than this.",
		rule: rule{number: &numberRule{max: 1, openMin: true, openMax: true}}},
	{name: "start", doc: "How a starter was told to make the schedule.", rule: rule{group: startShape}},
}}

var retentionShape = &shape{keys: []key{
	{name: "keep", doc: "At most so many finished runs.", rule: integer(1, 1_000_000)},
	{name: "max_age", doc: "None that was started longer ago.", rule: ageRule()},
	{name: "keep_best", doc: "The run with the best C-index stays.", rule: rule{boolean: true}, def: true},
}}

// DecodeScheduled reads the JSON object that a schedule's workflow is given, as strictly as
// a spec. The spec's key run may be missing; what is there is not used. The error is an
// *Error.
func DecodeScheduled(data []byte) (*Scheduled, error) {
	root, p := jsonTree(data)
	if p != nil {
		return nil, &Error{Problems: []Problem{*p}}
	}
	c := &checker{}
	if root.kind != mapNode {
		c.add("", root, "%s instead of keys; want at least spec and run_template", root.class())
		return nil, c.err("")
	}
	values := c.group("", root, scheduledShape)
	c.retention(root.get("prune"))
	template, _ := values["run_template"].(string)
	spec := c.scheduledSpec(root.get("spec"), Template(template))
	if spec != nil && len(spec.Notify) == 0 && values["alert_drop"] != nil {
		c.add("alert_drop", root.get("alert_drop"), "needs spec.notify: nobody would be told")
	}
	if len(c.list) > 0 {
		return nil, c.err("")
	}
	delete(values, "spec")
	text, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode checked values: %w", err)
	}
	s := &Scheduled{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("bind checked values: %w", err)
	}
	s.Spec = spec
	return s, nil
}

// retention: without a bound nothing would ever be removed.
func (c *checker) retention(n *node) {
	if n != nil && n.kind == mapNode && n.get("keep") == nil && n.get("max_age") == nil {
		c.add("prune", n, "needs keep or max_age: nothing would be removed")
	}
}

// scheduledSpec decodes the spec with the run that the template gives in its place.
func (c *checker) scheduledSpec(n *node, template Template) *Spec {
	if n == nil || n.kind != mapNode {
		return nil // it was reported
	}
	example := "run"
	if checkTemplate(string(template)) == "" {
		example = template.Expand(time.Unix(0, 0).UTC())
	}
	n.put("run", &node{kind: textNode, line: n.line, text: example})
	spec, found := decode(n)
	for _, p := range found.list {
		p.Path = join("spec", p.Path)
		c.list = append(c.list, p)
	}
	return spec
}

// EncodeScheduled writes what DecodeScheduled reads.
func EncodeScheduled(s *Scheduled) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the schedule of %s: %w", s.RunTemplate, err)
	}
	return text, nil
}

// Zone is the time zone of the template's variables.
func (s *Scheduled) Zone() *time.Location {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		panic("config: Zone: the schedule was not decoded: " + err.Error())
	}
	return zone
}

// RunAt is the name of the run that is due at a time.
func (s *Scheduled) RunAt(at time.Time) string { return s.RunTemplate.Expand(at.In(s.Zone())) }

// SpecOf is the spec of one run.
func (s *Scheduled) SpecOf(run string) *Spec {
	spec := *s.Spec
	spec.Run = run
	return &spec
}
