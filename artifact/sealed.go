package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"everfold/store"
)

// maxJSON bounds run.json and manifests: 2,000 folds with their digests and an explicit
// grid of 10⁵ times stay under it.
const maxJSON = 16 << 20

// sealed is a document that holds the SHA-256 of its own canonical bytes: its compact JSON
// with the digest empty.
type sealed interface{ seal() *string }

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

// decode reads a document and checks it against its own digest. Errors wrap ErrDamaged.
func decode(content []byte, doc sealed) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(doc); err != nil {
		return fmt.Errorf("%w: %s", ErrDamaged, plain(err))
	}
	if d.More() {
		return fmt.Errorf("%w: text after its end", ErrDamaged)
	}
	digest := doc.seal()
	want := *digest
	*digest = ""
	canonical, err := json.Marshal(doc)
	*digest = want
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if got := store.SHA256(canonical); got != want {
		return fmt.Errorf("%w: its content has sha256 %.12s…, it says %.12s…", ErrDamaged, got, want)
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

// readSealed reads and decodes an object. An object too large to be one is damaged.
func readSealed(ctx context.Context, s store.Store, key string, doc sealed) (store.Info, error) {
	content, info, err := store.ReadAll(ctx, s, key, maxJSON)
	if errors.Is(err, store.ErrTooLarge) {
		return info, fmt.Errorf("%s: %w: %w", key, ErrDamaged, err)
	}
	if err != nil {
		return info, err
	}
	if err := decode(content, doc); err != nil {
		return info, fmt.Errorf("%s: %w", key, err)
	}
	return info, nil
}
