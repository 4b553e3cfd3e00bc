package main

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// explain replaces a silence by its reason where workers do take the run's task, but fail it
// again and again: they lack the key of its history, or are of another release. The history has
// the first failure of each such series. An error here leaves the silence as it was.
func (s *snapshot) explain(ctx context.Context, c client.Client, id string) {
	if s.silence == nil || !isUnreachable(s.silence) || s.taskAttempt < 2 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	reason := ""
	events := c.GetWorkflowHistory(ctx, id, s.execution, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return
		}
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			reason = keysOf(c).Message(event.GetWorkflowTaskFailedEventAttributes().GetFailure())
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			reason = ""
		}
	}
	if reason != "" {
		s.silence = errors.New(reason)
	}
}
