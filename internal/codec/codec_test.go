package codec

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// Keys of these tests; what they are is nobody's secret.
const (
	first  = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	second = "k2:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

const marker = "marked4711value"

func keysOf(t testing.TB, text string) *Keys {
	t.Helper()
	k, err := ParseKeys(text)
	require.NoError(t, err)
	return k
}

func payload(text string) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(text)}
}

func sealed(t testing.TB, k *Keys, p *commonpb.Payload) *commonpb.Payload {
	t.Helper()
	out, err := k.Encode([]*commonpb.Payload{p})
	require.NoError(t, err)
	require.Len(t, out, 1)
	return out[0]
}

// Claim: what is encrypted opens to itself, metadata included; nothing of it shows but the
// cipher and the key's id; equal payloads do not look equal.
func TestRoundTrip(t *testing.T) {
	k := keysOf(t, first)
	for _, text := range []string{"", marker, string(make([]byte, 1<<20))} {
		p := payload(text)
		one, two := sealed(t, k, p), sealed(t, k, p)
		require.Equal(t, map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte("k1")}, one.Metadata)
		require.NotEqual(t, one.Data, two.Data)
		if text == marker {
			require.NotContains(t, string(one.Data), marker)
		}
		opened, err := k.Decode([]*commonpb.Payload{one, two, p})
		require.NoError(t, err)
		for _, o := range opened {
			require.True(t, proto.Equal(p, o))
		}
	}
}

// Claim: the first key encrypts and every key decrypts, so a new key goes in front of the old
// one; a key that is gone is named, with what to set, and so is having none at all.
func TestRotation(t *testing.T) {
	old, both, fresh := keysOf(t, first), keysOf(t, second+"\n"+first), keysOf(t, second)
	before, after := sealed(t, old, payload(marker)), sealed(t, both, payload(marker))
	require.Equal(t, []string{"k2", "k1"}, both.IDs())
	require.Equal(t, "k2", string(after.Metadata[keyIDField]))
	for _, p := range []*commonpb.Payload{before, after} {
		opened, err := both.Decode([]*commonpb.Payload{p})
		require.NoError(t, err)
		require.Equal(t, marker, string(opened[0].Data))
	}
	_, err := fresh.Decode([]*commonpb.Payload{before})
	require.ErrorIs(t, err, ErrKey)
	require.ErrorContains(t, err, "needs the key k1, and this program has k2: add")
	for _, none := range []*Keys{nil, {}} {
		_, err = none.Decode([]*commonpb.Payload{before})
		require.ErrorIs(t, err, ErrKey)
		require.ErrorContains(t, err, "needs the key k1, and this program has none: set EVERFOLD_CODEC_KEYS_FILE")
		same, err := none.Encode([]*commonpb.Payload{payload(marker)})
		require.NoError(t, err)
		require.True(t, proto.Equal(payload(marker), same[0]))
	}
}

// Claim: a payload that was changed anywhere, its key's id included, does not open, and says so.
func TestTampered(t *testing.T) {
	both := keysOf(t, first+","+second)
	good := sealed(t, both, payload(marker))
	for i := range good.Data {
		bad := proto.Clone(good).(*commonpb.Payload)
		bad.Data[i] ^= 1
		_, err := both.Decode([]*commonpb.Payload{bad})
		require.ErrorIs(t, err, ErrDamaged, i)
	}
	for id, says := range map[string]string{"k2": "another key has this id", "": "names no key", "k1\x00": "names no key"} {
		bad := proto.Clone(good).(*commonpb.Payload)
		bad.Metadata[keyIDField] = []byte(id)
		_, err := both.Decode([]*commonpb.Payload{bad})
		require.ErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, says)
	}
	_, err := both.Decode([]*commonpb.Payload{both.seal("k1", []byte("no payload"))})
	require.ErrorContains(t, err, "no payload")
	another := keysOf(t, "k1"+second[2:])
	_, err = another.Decode([]*commonpb.Payload{good})
	require.ErrorIs(t, err, ErrDamaged)
}

// Claim: keys that cannot be used are refused by entry and id; no message quotes a key.
func TestParseKeys(t *testing.T) {
	_, secret, _ := bytes.Cut([]byte(first), []byte(":"))
	for text, says := range map[string]string{
		"":                              "there is no key",
		"# nothing":                     "there is no key",
		string(secret):                  "entry 1: want ID:BASE64",
		"k 1:" + string(secret):         "entry 1: want ID:BASE64",
		first + "\n\n" + first:          "entry 3: the key k1 is there twice",
		first + ",k2:" + marker + "!":   "entry 2: the key k2 is not base64",
		"k1:" + string(secret[:24]):     "entry 1: the key k1 has 18 bytes, want 32",
		"k1:" + string(secret) + marker: "entry 1: the key k1 is not base64",
	} {
		_, err := ParseKeys(text)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), string(secret[:8]))
		require.NotContains(t, err.Error(), marker)
	}
	made, err := NewKey("2026-11")
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11"}, keysOf(t, "  "+made+" # of November\n").IDs())
	again, err := NewKey("2026-11")
	require.NoError(t, err)
	require.NotEqual(t, made, again)
	_, err = NewKey("a b")
	require.ErrorContains(t, err, `"a b"`)
}

// Claim: to a client and an activity a missing key is an error; to workflow code, which would
// take an error for the end of a fit, it is a panic, which fails the task and decides nothing.
// Errors that are not the codec's stay errors.
func TestMissingKeyInWorkflow(t *testing.T) {
	values, err := keysOf(t, first).DataConverter().ToPayloads(marker)
	require.NoError(t, err)
	plain, err := converter.GetDefaultDataConverter().ToPayloads(marker)
	require.NoError(t, err)
	outside := (*Keys)(nil).DataConverter()
	var text string
	var number int
	require.ErrorIs(t, outside.FromPayloads(values, &text), ErrKey)
	inside := outside.(converter.ContextAware).WithWorkflowContext(nil)
	require.PanicsWithError(t, outside.FromPayloads(values, &text).Error(), func() { _ = inside.FromPayloads(values, &text) })
	require.Panics(t, func() { _ = inside.FromPayload(values.Payloads[0], &text) })
	require.NoError(t, inside.FromPayloads(plain, &text))
	require.Equal(t, marker, text)
	require.Error(t, inside.FromPayloads(plain, &number))
}

// Claim: a failure's message, stack trace, details and causes are encrypted and come back;
// its type is in the clear. Who lacks the key reads that, and not that it is "encoded".
func TestFailures(t *testing.T) {
	k := keysOf(t, first)
	cause := temporal.NewNonRetryableApplicationError(marker+" below", "DataInvalid", nil, marker)
	failure := k.FailureConverter().ErrorToFailure(temporal.NewApplicationErrorWithCause(marker, "Outer", cause))
	stored, err := proto.Marshal(failure)
	require.NoError(t, err)
	require.NotContains(t, string(stored), marker)
	require.Contains(t, string(stored), "DataInvalid")

	back := k.FailureConverter().FailureToError(proto.Clone(failure).(*failurepb.Failure))
	var inner *temporal.ApplicationError
	require.ErrorAs(t, back, &inner)
	require.Equal(t, marker, inner.Message())
	require.ErrorAs(t, errors.Unwrap(back), &inner)
	require.Equal(t, marker+" below", inner.Message())
	var detail string
	require.NoError(t, inner.Details(&detail))
	require.Equal(t, marker, detail)

	without := (*Keys)(nil).FailureConverter()
	require.ErrorContains(t, without.FailureToError(failure), "needs the key k1")
	require.ErrorContains(t, without.FailureToError(without.ErrorToFailure(errors.New(marker))), marker)
}

// Claim: that a payload cannot be opened, and why, is told in the clear, whichever key the teller
// has: as an error with words around it, and as the text alone that a panic leaves. Whatever else
// a message has is encrypted as ever. An activity is tried again after some seconds.
func TestUnopenedIsTold(t *testing.T) {
	k, stray := keysOf(t, first), keysOf(t, second)
	good := sealed(t, k, payload(marker))
	short := sealed(t, stray, payload(marker))
	short.Data = short.Data[:3]
	broken := sealed(t, stray, payload(marker))
	broken.Data[20] ^= 1
	foreign := sealed(t, k, payload(marker))
	delete(foreign.Metadata, keyIDField)
	told := map[string]bool{}
	for _, p := range []*commonpb.Payload{good, short, broken, foreign, stray.seal("k2", []byte("no payload"))} {
		_, err := stray.Decode([]*commonpb.Payload{p})
		require.Error(t, err)
		told[err.Error()] = true
		for _, given := range []error{err, fmt.Errorf("decode the input of %s: %w", marker, err), errors.New(err.Error())} {
			failure := stray.FailureConverter().ErrorToFailure(given)
			require.Equal(t, err.Error(), failure.GetMessage())
			require.Nil(t, failure.GetEncodedAttributes())
			require.Equal(t, UnreadablePayload, failure.GetApplicationFailureInfo().GetType())
			require.False(t, failure.GetApplicationFailureInfo().GetNonRetryable())
			require.Equal(t, retryUnreadable, failure.GetApplicationFailureInfo().GetNextRetryDelay().AsDuration())
			require.Equal(t, err.Error(), (*Keys)(nil).Message(failure))
		}
		for _, more := range []string{marker + ": " + err.Error(), err.Error() + marker, err.Error() + "\n" + marker} {
			failure, err := proto.Marshal(stray.FailureConverter().ErrorToFailure(errors.New(more)))
			require.NoError(t, err)
			require.NotContains(t, string(failure), marker)
		}
	}
	require.Len(t, told, 5)
	none := (*Keys)(nil).FailureConverter()
	_, err := (*Keys)(nil).Decode([]*commonpb.Payload{good})
	require.Equal(t, UnreadablePayload, none.ErrorToFailure(errors.New(err.Error())).GetApplicationFailureInfo().GetType())
	require.Nil(t, none.ErrorToFailure(nil))
}

// Claim: workflow code is not told a failure whose message, or a cause's, cannot be opened, as if
// that were the message: its task fails, as for any other value. With the key, and for failures in
// the clear, it is told what happened.
func TestUnopenedFailureInWorkflow(t *testing.T) {
	k := keysOf(t, first)
	cause := temporal.NewNonRetryableApplicationError(marker, "DataInvalid", nil)
	failure := k.FailureConverter().ErrorToFailure(temporal.NewApplicationErrorWithCause("outer", "Outer", cause))
	clone := func() *failurepb.Failure { return proto.Clone(failure).(*failurepb.Failure) }
	stray := keysOf(t, second).WorkerFailureConverter()
	_, err := keysOf(t, second).Decode([]*commonpb.Payload{sealed(t, k, payload(marker))})
	require.PanicsWithError(t, err.Error(), func() { _ = stray.FailureToError(clone()) })
	inner := clone()
	inner.EncodedAttributes, inner.Message = nil, "in the clear"
	require.PanicsWithError(t, err.Error(), func() { _ = stray.FailureToError(inner) })

	require.ErrorContains(t, k.WorkerFailureConverter().FailureToError(clone()), marker)
	plain := (*Keys)(nil).FailureConverter().ErrorToFailure(cause)
	require.ErrorContains(t, stray.FailureToError(plain), marker)
	require.NoError(t, stray.FailureToError(nil))
}

// Claim: no payload, whatever a server or a client of the codec sends, and whatever somebody with
// the key has sealed, does anything but open, pass, or end in ErrKey or ErrDamaged, with memory
// bounded by its length. What opens is what was sealed; nothing else opens.
func FuzzDecode(f *testing.F) {
	k := keysOf(f, first+","+second)
	good := sealed(f, k, payload(marker)) // another in each process of a fuzzer
	plain, err := proto.Marshal(payload(marker))
	require.NoError(f, err)
	f.Add([]byte(encoding), []byte("k1"), good.Data, false)
	f.Add([]byte(encoding), []byte("k2"), good.Data[:12], false)
	f.Add([]byte(encoding), []byte("k3"), []byte(nil), false)
	f.Add([]byte("json/plain"), []byte("k1"), []byte(`"x"`), false)
	f.Add([]byte(nil), []byte(nil), plain, true)
	f.Fuzz(func(t *testing.T, encodingName, id, data []byte, seal bool) {
		p := &commonpb.Payload{Metadata: map[string][]byte{"encoding": encodingName, keyIDField: id}, Data: data}
		if seal {
			p = k.seal("k1", data)
		}
		before := allocated()
		opened, err := k.Decode([]*commonpb.Payload{p})
		require.LessOrEqual(t, allocated()-before, uint64(4<<20+1<<10*len(data)))
		switch {
		case err != nil:
			require.True(t, errors.Is(err, ErrKey) || errors.Is(err, ErrDamaged), err)
		case seal:
			var want commonpb.Payload
			require.NoError(t, proto.Unmarshal(data, &want))
		case string(encodingName) == encoding:
			require.True(t, proto.Equal(payload(marker), opened[0])) // nobody forges
		default:
			require.Same(t, p, opened[0])
		}
	})
}

// allocated is what was allocated so far, up to some small objects.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
