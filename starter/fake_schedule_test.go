package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// fakeSchedules are the schedules of a server, by id. Methods that no test needs panic.
type fakeSchedules struct {
	client.ScheduleClient
	all      map[string]*client.ScheduleDescription
	refuses  error                        // of Create
	triggers func(d *client.ScheduleInfo) // what a trigger does
	looks    func(n int)                  // before the nth look at a schedule, counted from 1, answers
	looked   int
	backfill []client.ScheduleBackfill
	updates  int
}

func newFakeSchedules() *fakeSchedules {
	return &fakeSchedules{all: map[string]*client.ScheduleDescription{}}
}

func (f *fakeServer) ScheduleClient() client.ScheduleClient { return f.schedules }

func (f *fakeSchedules) Create(ctx context.Context, o client.ScheduleOptions) (client.ScheduleHandle, error) {
	if f.refuses != nil {
		return nil, f.refuses
	}
	if f.all[o.ID] != nil {
		return nil, temporal.ErrScheduleAlreadyRunning
	}
	spec := asKept(o.Spec)
	f.all[o.ID] = &client.ScheduleDescription{
		Schedule: client.Schedule{Action: o.Action, Spec: &spec, State: &client.ScheduleState{},
			Policy: &client.SchedulePolicies{Overlap: o.Overlap, CatchupWindow: o.CatchupWindow, PauseOnFailure: o.PauseOnFailure}},
		Info: client.ScheduleInfo{NextActionTimes: []time.Time{nextNight, nextNight.Add(24 * time.Hour)}},
	}
	return f.GetHandle(ctx, o.ID), nil
}

// nextNight is when the fake's schedules are due next, in the night to the 29th in Berlin.
var nextNight = time.Date(2026, 11, 28, 23, 30, 0, 0, time.UTC)

// asKept is a spec as the server returns it: expressions become calendars with a comment.
func asKept(s client.ScheduleSpec) client.ScheduleSpec {
	for _, c := range s.CronExpressions {
		_, comment, _ := strings.Cut(c, " # ")
		s.Calendars = append(s.Calendars, client.ScheduleCalendarSpec{Comment: comment})
	}
	s.CronExpressions = nil
	return s
}

func (f *fakeSchedules) GetHandle(_ context.Context, id string) client.ScheduleHandle {
	return &fakeHandle{server: f, id: id}
}

func (f *fakeSchedules) List(context.Context, client.ScheduleListOptions) (client.ScheduleListIterator, error) {
	i := &fakeList{}
	for _, id := range slices.Sorted(maps.Keys(f.all)) {
		d := f.all[id]
		e := &client.ScheduleListEntry{ID: id, Spec: d.Schedule.Spec, Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note,
			NextActionTimes: d.Info.NextActionTimes, RecentActions: d.Info.RecentActions}
		e.WorkflowType.Name = d.Schedule.Action.(*client.ScheduleWorkflowAction).Workflow.(string)
		i.entries = append(i.entries, e)
	}
	return i, nil
}

type fakeList struct{ entries []*client.ScheduleListEntry }

func (i *fakeList) HasNext() bool { return len(i.entries) > 0 }

func (i *fakeList) Next() (*client.ScheduleListEntry, error) {
	e := i.entries[0]
	i.entries = i.entries[1:]
	return e, nil
}

type fakeHandle struct {
	client.ScheduleHandle
	server *fakeSchedules
	id     string
}

func (h *fakeHandle) Describe(context.Context) (*client.ScheduleDescription, error) {
	d, ok := h.server.all[h.id]
	if !ok {
		return nil, serviceerror.NewNotFound("no schedule")
	}
	out := *d
	if h.server.looked++; h.server.looks != nil {
		h.server.looks(h.server.looked)
	}
	return &out, nil
}

func (h *fakeHandle) Update(_ context.Context, o client.ScheduleUpdateOptions) error {
	d := h.server.all[h.id]
	u, err := o.DoUpdate(client.ScheduleUpdateInput{Description: *d})
	if err == temporal.ErrSkipScheduleUpdate {
		return nil
	}
	if err != nil {
		return err
	}
	h.server.updates++
	spec := asKept(*u.Schedule.Spec)
	u.Schedule.Spec = &spec
	d.Schedule = *u.Schedule
	return nil
}

func (h *fakeHandle) Pause(_ context.Context, o client.SchedulePauseOptions) error {
	h.server.all[h.id].Schedule.State = &client.ScheduleState{Paused: true, Note: o.Note}
	return nil
}

func (h *fakeHandle) Unpause(_ context.Context, o client.ScheduleUnpauseOptions) error {
	h.server.all[h.id].Schedule.State = &client.ScheduleState{Note: o.Note}
	return nil
}

func (h *fakeHandle) Trigger(context.Context, client.ScheduleTriggerOptions) error {
	d := *h.server.all[h.id]
	h.server.triggers(&d.Info)
	h.server.all[h.id] = &d
	return nil
}

func (h *fakeHandle) Backfill(_ context.Context, o client.ScheduleBackfillOptions) error {
	h.server.backfill = append(h.server.backfill, o.Backfill...)
	return nil
}

func (h *fakeHandle) Delete(context.Context) error {
	delete(h.server.all, h.id)
	return nil
}
