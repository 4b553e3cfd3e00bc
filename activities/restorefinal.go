package activities

import (
	"context"
	"fmt"
	"slices"

	"everfold/artifact"
	"everfold/store"
)

// mendFinal prepares the rows of final.data again where those that the run keeps do not verify,
// if their source is still what it was. No fit needs them.
func (b *basis) mendFinal(ctx context.Context) error {
	at := slices.IndexFunc(b.damage, func(d *Damage) bool { return d.File == artifact.FinalRowsKey && d.Done == "" })
	if at < 0 {
		return nil
	}
	d, kept := b.damage[at], b.run.Data.Final
	if b.table == nil {
		d.Cannot = "there is no prepared table that verifies, which tells the columns"
		return nil
	}
	x, err := readFinal(ctx, b.open, b.run.Spec, b.table)
	if err == nil && x.Digest != kept.Digest {
		err = fmt.Errorf("%s: %s has changed: its used columns have the digest %.12s…, those checked for the run %.12s…; starter run SPEC predicts its new rows",
			keyFinalData, b.run.Spec.Final.Data, x.Digest, kept.Digest)
	}
	switch {
	case ctx.Err() != nil, outage(err):
		return err
	case err != nil:
		d.Cannot = err.Error()
		return nil
	}
	file, err := x.write(ctx, b.store, b.run.Spec.Data.ID)
	if err != nil {
		return err
	}
	d.Done = "prepared again from " + b.run.Spec.Final.Data
	if file.SHA256 == kept.File.SHA256 {
		return nil
	}
	kept.File = file
	return b.writeRun(ctx)
}

// restoreFinal finds the rows of final.data for a run.json that is restored: those that are kept
// where they are of the file that the spec names, else those of that file as it is now. Without
// either everything but predictions is restored.
func (b *basis) restoreFinal(ctx context.Context, p *Preview) error {
	if p.Run.Spec.Final.Data == "" {
		return nil
	}
	kept, err := b.finalInPlace(ctx, p)
	if err != nil && !isDamage(err) {
		return err
	}
	if err == nil && kept.Source == p.Run.Spec.Final.Data {
		p.Final = kept
	} else if err := b.readFinalAgain(ctx, p, kept, err); err != nil {
		return err
	}
	p.Run.Data.Final = p.Final.describe()
	return nil
}

// finalInPlace reads the rows that are kept without knowing their digest, but for the one in the
// file.
func (b *basis) finalInPlace(ctx context.Context, p *Preview) (*FinalRows, error) {
	content, _, err := store.ReadAll(ctx, b.store, artifact.FinalRowsKey, mostPrepared())
	if err != nil {
		return nil, err
	}
	return decodeFinal(ctx, content, finalSchema(p.Run.Spec, p.Table))
}

// readFinalAgain takes the rows of the file that the spec names. Those that are kept, nil where
// they are damaged or missing, are of another file: they count only where they are the same.
func (b *basis) readFinalAgain(ctx context.Context, p *Preview, kept *FinalRows, damage error) error {
	now, err := readFinal(ctx, b.open, p.Run.Spec, p.Table)
	switch {
	case ctx.Err() != nil, outage(err):
		return err
	case err == nil && kept != nil && kept.Digest == now.Digest:
		p.Final = now
		return nil
	case kept != nil:
		damage = &otherRowsError{kept.Source, p.Run.Spec.Final.Data}
	}
	d := b.found(artifact.FinalRowsKey, damage)
	if err != nil {
		d.Cannot = err.Error()
		return nil
	}
	d.Done = "prepared again from " + p.Run.Spec.Final.Data
	p.Final = now
	return nil
}

// unpredictable says why the rows of final.data cannot be predicted; nil: they can, or there is no
// final.data.
func (b *basis) unpredictable() *BlockedError {
	if b.run.Spec.Final.Data == "" {
		return nil
	}
	for _, d := range b.damage {
		if d.File == artifact.FinalRowsKey && d.Cannot != "" {
			return &BlockedError{Reason: fmt.Sprintf("%s: %s; and it cannot be made again: %s", d.File, d.Found, d.Cannot), Missing: d.Missing}
		}
	}
	if b.run.Data.Final == nil {
		return &BlockedError{Reason: finalUnread, Missing: true}
	}
	return nil
}
