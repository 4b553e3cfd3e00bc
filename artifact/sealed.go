package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"everfold/store"
)

// maxJSON bounds run.json and manifests: 2,000 folds with their digests and an explicit
// grid of 10⁵ times stay under it.
const maxJSON = 16 << 20

// sealed is a document whose last key is "sha256": the digest of its own compact JSON with
// that value empty. The digest is over text, not over decoded values, so a program that
// knows more or fewer keys comes to the same verdict.
type sealed interface{ seal() *string }

const sealKey = `"sha256":"`

// encode sets the digest and returns the document for people, indented.
func encode(doc sealed) ([]byte, error) {
	digest := doc.seal()
	*digest = ""
	canonical, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	*digest = store.SHA256(canonical)
	pretty, err := json.MarshalIndent(doc, "", "  ")
	return append(pretty, '\n'), err
}

// decode checks a document against its own digest and reads it. Errors wrap ErrDamaged.
func decode(content []byte, doc sealed) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return fmt.Errorf("%w: %s", ErrDamaged, plain(err))
	}
	text := compact.Bytes()
	head := len(text) - len(sealKey) - sha256.Size*2 - len(`"}`)
	if head < 0 || !bytes.HasPrefix(text[head:], []byte(sealKey)) || !bytes.HasSuffix(text, []byte(`"}`)) {
		return fmt.Errorf("%w: it does not end with its digest", ErrDamaged)
	}
	head += len(sealKey)
	want := string(text[head : len(text)-len(`"}`)])
	if got := store.SHA256(append(bytes.Clone(text[:head]), `"}`...)); got != want {
		return fmt.Errorf("%w: its content has sha256 %.12s…, it says %.12s…", ErrDamaged, got, want)
	}
	if err := json.Unmarshal(text, doc); err != nil {
		return fmt.Errorf("%w: %s", ErrDamaged, plain(err))
	}
	return nil
}

// plain shortens what encoding/json says; a truncated document is the usual case.
func plain(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("not JSON at byte %d: %v", syntax.Offset, err)
	}
	return err.Error()
}

// readDocument reads a document's bytes, undecoded. The ETag comes with ErrDamaged too; an
// object too large to be a document is damaged.
func readDocument(ctx context.Context, s store.Store, key string) (content []byte, etag string, err error) {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	tooLarge := info.Size > maxJSON
	if !tooLarge {
		if content, err = io.ReadAll(io.LimitReader(body, maxJSON+1)); err != nil {
			return nil, "", fmt.Errorf("read %s: %w", key, err)
		}
		tooLarge = len(content) > maxJSON
	}
	if tooLarge {
		return nil, info.ETag, fmt.Errorf("%s: %w: more than %d bytes", key, ErrDamaged, maxJSON)
	}
	return content, info.ETag, nil
}

// readSealed reads and decodes a document.
func readSealed(ctx context.Context, s store.Store, key string, doc sealed) (etag string, err error) {
	content, etag, err := readDocument(ctx, s, key)
	if err != nil {
		return etag, err
	}
	if err := decode(content, doc); err != nil {
		return etag, fmt.Errorf("%s: %w", key, err)
	}
	return etag, nil
}
