package artifact

import (
	"context"
	"errors"
	"fmt"

	"everfold/store"
)

// ReadComplete returns the manifests of the run that are there, verify against their own
// digests and have both fingerprints of run.json, in the order of Run.Tasks. Payloads are
// not read. cache may be nil.
func ReadComplete(ctx context.Context, s store.Store, run *Run, cache *Cache) ([]*Manifest, error) {
	if cache == nil {
		cache = &Cache{}
	}
	manifests, err := listed(ctx, s, run, cache)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	return manifests, nil
}

// ReadCurrent reads run.json: ErrSuperseded where it is that of another spec than the one of
// that digest; an empty digest accepts any. The run may be shared: do not change it. cache
// may be nil.
func ReadCurrent(ctx context.Context, s store.Store, specDigest string, cache *Cache) (*Run, error) {
	if specDigest != "" {
		return readCurrent(ctx, s, specDigest, cache)
	}
	run, _, err := ReadRun(ctx, s)
	return run, err
}

// ReadModelInfo reads the model.json of a final model that belongs to the run as it is now;
// nil where there is none, or one that is damaged or was fitted from other inputs. The model
// file itself is not read.
func ReadModelInfo(ctx context.Context, s store.Store, run *Run, model string) (*ModelInfo, error) {
	inputs, err := run.FinalInputs(model)
	if err != nil {
		return nil, err
	}
	info := &ModelInfo{}
	_, err = readSealed(ctx, s, ModelInfoKey(model), info)
	if err == nil {
		err = info.check(model)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, ErrDamaged):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the final %s: %w", model, err)
	case info.Fingerprint != inputs.Fingerprint():
		return nil, nil
	}
	return info, nil
}
