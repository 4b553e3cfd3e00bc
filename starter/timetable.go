package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everfold/config"
	"everfold/internal/app"
	"everfold/workflows"
)

// timetable is what a schedule is made of: when it starts what, and how.
type timetable struct {
	Cron           []string         `json:"cron,omitempty"`
	Interval       config.Duration  `json:"interval,omitzero"`
	Timezone       string           `json:"timezone"`
	RunTemplate    config.Template  `json:"run_template"`
	SpecDigest     string           `json:"spec_digest"` // with an example's run id
	Overlap        string           `json:"overlap"`
	Catchup        config.Duration  `json:"catchup"`
	PauseOnFailure bool             `json:"pause_on_failure"`
	Timeout        config.Duration  `json:"timeout"`
	Prune          config.Retention `json:"prune,omitzero"`
	AlertDrop      float64          `json:"alert_drop,omitempty"`

	scheduled *config.Scheduled // nil: the server holds something that is not everfold's
	input     string            // its JSON form
	keys      *app.CodecKeys    // encrypt it on the server
	key       string            // the id of the one that does; "": it is in the clear
	tags      bool              // the server knows the search attributes of runs; of one read: its starts have them
}

// overlaps are the words of --overlap, in the order of the help.
var overlaps = []struct {
	word   string
	policy enumspb.ScheduleOverlapPolicy
}{
	{"skip", enumspb.SCHEDULE_OVERLAP_POLICY_SKIP},
	{"buffer-one", enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE},
	{"buffer-all", enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL},
	{"cancel-other", enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER},
	{"terminate-other", enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER},
	{"allow-all", enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL},
}

func parseOverlap(word string) (enumspb.ScheduleOverlapPolicy, error) {
	var words []string
	for _, o := range overlaps {
		if o.word == word {
			return o.policy, nil
		}
		words = append(words, o.word)
	}
	return 0, usageError("", "--overlap %q is not known: %s", word, strings.Join(words, ", "))
}

func overlapWord(policy enumspb.ScheduleOverlapPolicy) string {
	for _, o := range overlaps {
		if o.policy == policy {
			return o.word
		}
	}
	return overlaps[0].word // what the server takes where nothing is said
}

// inputOf takes the workflow's input out of an action: payloads as the server returns them,
// or the JSON text that is sent. It is empty where the key that encrypted it is not there.
func inputOf(keys *app.CodecKeys, action client.ScheduleAction) (input, key string) {
	w, ok := action.(*client.ScheduleWorkflowAction)
	if !ok || len(w.Args) != 1 {
		return "", ""
	}
	payload, ok := w.Args[0].(*commonpb.Payload)
	if !ok {
		return "", ""
	}
	key = app.CodecKeyOf(payload)
	opened, err := keys.Decode([]*commonpb.Payload{payload})
	if err != nil {
		return "", key
	}
	return string(opened[0].GetData()), key
}

// readTimetable is the timetable of a schedule on the server.
func readTimetable(keys *app.CodecKeys, s client.Schedule) *timetable {
	t := &timetable{
		Overlap: overlapWord(s.Policy.Overlap), Catchup: config.Duration(s.Policy.CatchupWindow),
		PauseOnFailure: s.Policy.PauseOnFailure, keys: keys,
	}
	t.input, t.key = inputOf(keys, s.Action)
	t.Cron, t.Interval, t.Timezone = times(s.Spec)
	if w, ok := s.Action.(*client.ScheduleWorkflowAction); ok {
		t.Timeout, t.tags = config.Duration(w.WorkflowExecutionTimeout), tagged(w)
	}
	if scheduled, err := config.DecodeScheduled([]byte(t.input)); err == nil {
		t.take(scheduled)
	}
	return t
}

// encryptBy has the input encrypted by the first of the keys.
func (t *timetable) encryptBy(keys *app.CodecKeys) {
	t.keys = keys
	if ids := keys.IDs(); len(ids) > 0 {
		t.key = ids[0]
	}
}

// tagged says whether the starts of an action have the search attributes of runs.
func tagged(w *client.ScheduleWorkflowAction) bool {
	names := maps.Clone(w.UntypedSearchAttributes) // those of which the server does not tell the type
	if names == nil {
		names = map[string]*commonpb.Payload{}
	}
	for key := range w.TypedSearchAttributes.GetUntypedValues() {
		names[key.GetName()] = nil
	}
	for _, name := range []string{workflows.AttributeRun, workflows.AttributeType, workflows.AttributeOutcome, workflows.AttributeFailed} {
		if _, has := names[name]; !has {
			return false
		}
	}
	return true
}

// take fills in what the workflow's input says.
func (t *timetable) take(s *config.Scheduled) {
	t.scheduled, t.RunTemplate, t.SpecDigest = s, s.RunTemplate, s.Spec.Digest()
	t.Prune, t.AlertDrop = s.Prune, s.AlertDrop
}

// times reads a server's form of cron expressions, which has the text as the comment.
func times(s *client.ScheduleSpec) (cron []string, interval config.Duration, zone string) {
	for _, c := range s.Calendars {
		cron = append(cron, orElse(c.Comment, "(a calendar made by other means)"))
	}
	for _, i := range s.Intervals {
		interval = config.Duration(i.Every)
	}
	return cron, interval, orElse(s.TimeZoneName, "UTC")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// spec is the form that the server takes. The text of a cron expression goes along as its
// comment: the server keeps the calendar that it means.
func (t *timetable) spec() client.ScheduleSpec {
	s := client.ScheduleSpec{TimeZoneName: t.Timezone}
	for _, c := range t.Cron {
		s.CronExpressions = append(s.CronExpressions, c+" # "+c)
	}
	if t.Interval > 0 {
		s.Intervals = []client.ScheduleIntervalSpec{{Every: t.Interval.Std()}}
	}
	return s
}

func (t *timetable) policy() client.SchedulePolicies {
	overlap, err := parseOverlap(t.Overlap)
	if err != nil {
		panic("starter: " + err.Error())
	}
	return client.SchedulePolicies{Overlap: overlap, CatchupWindow: t.Catchup.Std(), PauseOnFailure: t.PauseOnFailure}
}

// action starts ScheduledTraining. Its timeout ends a run that hangs, which would block all
// that come after it.
func (t *timetable) action(ref scheduleRef) *client.ScheduleWorkflowAction {
	payload, err := t.keys.DataConverter().ToPayload(rawJSON(t.input))
	if err != nil {
		panic("starter: a schedule's input is not JSON: " + err.Error())
	}
	action := &client.ScheduleWorkflowAction{
		ID: ref.startID(), Workflow: workflows.ScheduledTrainingName, Args: []any{payload},
		TaskQueue: workflows.QueueWorkflows, WorkflowExecutionTimeout: t.Timeout.Std(),
		StaticSummary: "by schedule " + ref.String(),
	}
	if t.tags {
		action.TypedSearchAttributes = workflows.ScheduleAttributes(t.scheduled.Spec, ref.name)
	}
	return action
}

// runAt is the run that is due at a time, as a reference, or "" where it is not known.
func (t *timetable) runAt(at time.Time) string {
	if t.scheduled == nil {
		return ""
	}
	return t.scheduled.SpecOf(t.scheduled.RunAt(at)).RunID()
}

// change is one part of a timetable that an update changed.
type change struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
}

// changes lists what differs from what was there.
func (t *timetable) changes(former *timetable) []change {
	var list []change
	mine, theirs := t.lines(), former.lines()
	for i, l := range mine {
		if l[1] != theirs[i][1] {
			list = append(list, change{Key: l[0], From: theirs[i][1], To: l[1]})
		}
	}
	if t.key != former.key {
		list = append(list, change{Key: "encryption", From: orElse(former.key, "none"), To: orElse(t.key, "none")})
	}
	if t.tags && !former.tags { // of a release, or a server, before these
		list = append(list, change{Key: "search_attributes", From: "none", To: "those of runs"})
	}
	if len(list) == 0 && t.input != former.input {
		list = append(list, change{Key: "input", From: "another text", To: "this one"})
	}
	return list
}

// lines are the parts by which timetables are compared and shown.
func (t *timetable) lines() [][2]string {
	prune, drop, interval := "nothing", "no", ""
	if !t.Prune.IsZero() {
		prune = retentionWords(t.Prune)
	}
	if t.AlertDrop > 0 {
		drop = fmt.Sprintf("of more than %v", t.AlertDrop)
	}
	if t.Interval > 0 {
		interval = t.Interval.String()
	}
	return [][2]string{
		{"cron", strings.Join(t.Cron, "; ")}, {"interval", interval}, {"timezone", t.Timezone},
		{"run_template", string(t.RunTemplate)}, {"spec", fmt.Sprintf("%.12s…", t.SpecDigest)},
		{"overlap", t.Overlap}, {"catchup", t.Catchup.String()}, {"pause_on_failure", fmt.Sprint(t.PauseOnFailure)},
		{"timeout", t.Timeout.String()}, {"prune", prune}, {"alert_drop", drop},
	}
}

// retentionWords says what is kept.
func retentionWords(r config.Retention) string {
	var words []string
	if r.Keep > 0 {
		words = append(words, fmt.Sprintf("all but the newest %d finished", r.Keep))
	}
	if r.MaxAge > 0 {
		words = append(words, "what is older than "+r.MaxAge.String())
	}
	s := strings.Join(words, ", ")
	if !r.KeepBest {
		s += ", the best one too"
	}
	return s
}

// sameRuns warns where starts that follow one another are of one run: the second finds it
// complete.
func (t *timetable) sameRuns(next []time.Time) string {
	var names []string
	for _, at := range next {
		names = append(names, t.runAt(at))
	}
	if len(slices.Compact(slices.Clone(names))) == len(names) {
		return ""
	}
	return fmt.Sprintf("several of the next starts are of one run (%s …): from the second on they find it complete; use a variable of a shorter period in --run-template", names[0])
}
