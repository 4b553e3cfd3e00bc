package hostile_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"

	"everfold/internal/codec"
)

// key is one of these tests; what it is is nobody's secret.
const key = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// FuzzPayload: whatever a server or a caller of the codec endpoint sends, and whatever somebody with
// the key has sealed. What opens is what was sealed; nothing else opens.
func FuzzPayload(f *testing.F) {
	k, err := codec.ParseKeys(key)
	require.NoError(f, err)
	good, err := k.Encode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte("1")}})
	require.NoError(f, err)
	plain, err := proto.Marshal(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte("1")})
	require.NoError(f, err)
	f.Add([]byte("binary/encrypted"), []byte("k1"), good[0].Data, false)
	f.Add([]byte("binary/encrypted"), []byte("k2"), good[0].Data[:12], false)
	f.Add([]byte("json/plain"), []byte("k1"), []byte("1"), false)
	f.Add([]byte{}, []byte{}, plain, true)
	f.Fuzz(func(t *testing.T, encoding, id, data []byte, seal bool) {
		p := &commonpb.Payload{Metadata: map[string][]byte{"encoding": encoding, "encryption-key-id": id}, Data: data}
		if seal { // any bytes at all: what a payload has of fields that are not known is written as it is
			hidden := &commonpb.Payload{}
			hidden.ProtoReflect().SetUnknown(data)
			sealed, err := k.Encode([]*commonpb.Payload{hidden})
			require.NoError(t, err)
			p = sealed[0]
		}
		bounded(t, len(data), 4*mib, 1<<10, func() {
			opened, err := k.Decode([]*commonpb.Payload{p})
			switch {
			case err != nil:
				require.True(t, errors.Is(err, codec.ErrKey) || errors.Is(err, codec.ErrDamaged), err)
			case seal:
				require.NoError(t, proto.Unmarshal(data, p))
			case codec.KeyOf(p) != "":
				require.Equal(t, good[0].Data, data) // nobody forges
			default:
				require.Same(t, p, opened[0])
			}
		})
	})
}
