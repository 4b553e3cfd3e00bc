package codec

import (
	"crypto/rand"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// The metadata of an encrypted payload, by the names of Temporal's own samples.
const (
	encoding   = "binary/encrypted"
	keyIDField = "encryption-key-id"
)

// purpose keeps what is sealed here apart from whatever else a key may have sealed.
const purpose = "everfold payload 1"

// Encode implements converter.PayloadCodec: with keys, every payload is encrypted.
func (k *Keys) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if len(k.IDs()) == 0 {
		return payloads, nil
	}
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		sealed[i] = k.seal(k.ids[0], plain)
	}
	return sealed, nil
}

func (k *Keys) seal(id string, plain []byte) *commonpb.Payload {
	sealer := k.ciphers[id]
	nonce := make([]byte, sealer.NonceSize(), sealer.NonceSize()+len(plain)+sealer.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	return &commonpb.Payload{
		Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyIDField: []byte(id)},
		Data:     sealer.Seal(nonce, nonce, plain, associated(id)),
	}
}

// associated is authenticated with a payload. No id has a NUL.
func associated(id string) []byte { return []byte(purpose + "\x00" + encoding + "\x00" + id) }

// Decode implements converter.PayloadCodec. Payloads that are not encrypted are returned as
// they are. Errors are ErrKey and ErrDamaged.
func (k *Keys) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if opened[i], err = k.open(p); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

func (k *Keys) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
		return p, nil
	}
	id := string(p.GetMetadata()[keyIDField])
	if !idForm.MatchString(id) {
		return nil, cannot(ErrDamaged, noKey)
	}
	if k == nil || k.ciphers[id] == nil {
		return nil, k.missing(id)
	}
	opener := k.ciphers[id]
	data := p.GetData()
	if len(data) < opener.NonceSize() {
		return nil, cannot(ErrDamaged, tooShort)
	}
	nonce, sealed := data[:opener.NonceSize()], data[opener.NonceSize():]
	plain, err := opener.Open(nil, nonce, sealed, associated(id))
	if err != nil {
		return nil, cannot(ErrDamaged, changed, id)
	}
	var out commonpb.Payload
	if err := proto.Unmarshal(plain, &out); err != nil {
		return nil, cannot(ErrDamaged, noPayload, id)
	}
	return &out, nil
}

// KeyOf is the id of the key that a payload is encrypted by; "" where it is not.
func KeyOf(p *commonpb.Payload) string {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
		return ""
	}
	return string(p.GetMetadata()[keyIDField])
}
