package codec

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// DataConverter converts values to payloads and back, encrypting by the first key.
func (k *Keys) DataConverter() converter.DataConverter {
	return &outside{converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k)}
}

// outside converts for clients and activities: what cannot be opened is an error, and an
// activity is tried again, on a worker that has the key.
type outside struct{ converter.DataConverter }

var _ converter.ContextAware = (*outside)(nil)

// WithContext implements converter.ContextAware for clients and activities.
func (o *outside) WithContext(context.Context) converter.DataConverter { return o }

// WithWorkflowContext implements converter.ContextAware for workflow code.
func (o *outside) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	return &inWorkflow{o.DataConverter}
}

// inWorkflow converts for workflow code. To it an error would be the end of a fit, or of the
// run; what is missing is a key of this worker. So it panics: the workflow task fails with
// that message, nothing is decided, and another worker, or this one with the key, goes on.
type inWorkflow struct{ converter.DataConverter }

// FromPayload implements converter.DataConverter.
func (w *inWorkflow) FromPayload(p *commonpb.Payload, into any) error {
	return mustOpen(w.DataConverter.FromPayload(p, into))
}

// FromPayloads implements converter.DataConverter.
func (w *inWorkflow) FromPayloads(p *commonpb.Payloads, into ...any) error {
	return mustOpen(w.DataConverter.FromPayloads(p, into...))
}

func mustOpen(err error) error {
	var u *unopened
	if errors.As(err, &u) {
		panic(u)
	}
	return err
}

// UnreadablePayload is the type of the failures that say that a payload cannot be opened.
const UnreadablePayload = "UnreadablePayload"

// retryUnreadable is when an activity is tried again that a worker could not read: soon enough
// where another worker has the key, and not so soon that a few attempts are used up at once.
const retryUnreadable = 5 * time.Second

// FailureConverter converts errors to failures and back, for clients. With keys, messages and
// stack traces are encrypted; the types of errors are not, nor is that a payload cannot be
// opened: by a key that others may lack, that would be told to nobody.
func (k *Keys) FailureConverter() converter.FailureConverter { return k.failures(k.DataConverter()) }

// WorkerFailureConverter is FailureConverter for workers. There workflow code alone makes errors
// of failures, and a message that cannot be opened is like any other value that cannot.
func (k *Keys) WorkerFailureConverter() converter.FailureConverter {
	return k.failures(&inWorkflow{k.DataConverter()})
}

func (k *Keys) failures(dc converter.DataConverter) *failures {
	return &failures{dc, temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: dc, EncodeCommonAttributes: len(k.IDs()) > 0,
	})}
}

type failures struct {
	dc converter.DataConverter
	converter.FailureConverter
}

// ErrorToFailure implements converter.FailureConverter.
func (f *failures) ErrorToFailure(err error) *failurepb.Failure {
	if text := unopenedText(err); text != "" {
		return temporal.GetDefaultFailureConverter().ErrorToFailure(temporal.NewApplicationErrorWithOptions(text, UnreadablePayload,
			temporal.ApplicationErrorOptions{NextRetryDelay: retryUnreadable}))
	}
	return f.FailureConverter.ErrorToFailure(err)
}

// FailureToError implements converter.FailureConverter. A message that cannot be opened says
// so, rather than that it is encoded.
func (f *failures) FailureToError(failure *failurepb.Failure) error {
	return f.FailureConverter.FailureToError(f.explained(failure))
}

// Message is what a failure says; where that cannot be opened, why.
func (k *Keys) Message(failure *failurepb.Failure) string {
	text, err := (&failures{dc: k.DataConverter()}).message(failure)
	if err != nil {
		return err.Error()
	}
	return text
}

// explained is failure, its causes included, with what it says where that cannot be opened.
func (f *failures) explained(failure *failurepb.Failure) *failurepb.Failure {
	for at := failure; at != nil; at = at.GetCause() {
		if _, err := f.message(at); err == nil {
			continue
		}
		told := proto.Clone(failure).(*failurepb.Failure)
		for at := told; at != nil; at = at.GetCause() {
			if _, err := f.message(at); err != nil {
				at.Message, at.EncodedAttributes = err.Error(), nil
			}
		}
		return told
	}
	return failure
}

func (f *failures) message(failure *failurepb.Failure) (string, error) {
	if failure.GetEncodedAttributes() == nil {
		return failure.GetMessage(), nil
	}
	var told struct {
		Message string `json:"message"`
	}
	err := f.dc.FromPayload(failure.GetEncodedAttributes(), &told)
	return told.Message, err
}
