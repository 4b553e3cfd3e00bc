package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
)

// Damage is a file of a run that is not what it must be, and what became of it.
type Damage struct {
	File    string `json:"file"`              // key within the run's folder
	Of      string `json:"of,omitempty"`      // such as "rsf fold 3", or "rsf final fit"; "": of the run
	Found   string `json:"found"`             // which check failed
	Missing bool   `json:"missing,omitempty"` // there is no such file
	Done    string `json:"done,omitempty"`    // how it was mended; "": it was not
	Cannot  string `json:"cannot,omitempty"`  // why it cannot be mended from what there is
}

// named is a file at the end of what an error says of it, before the check that failed.
var named = regexp.MustCompile(`[A-Za-z0-9._=/-]+\.(?:json|npy|csv|parquet|bin): `)

// newDamage is damage of a file, or of another one that the text of the error names last.
func newDamage(run, key, text string, missing bool) Damage {
	if at := named.FindAllStringIndex(text, -1); at != nil {
		last := at[len(at)-1]
		key, text = strings.TrimPrefix(text[last[0]:last[1]-2], run+"/"), text[last[1]:]
	}
	return Damage{File: key, Found: text, Missing: missing}
}

// SpecError refuses to restore run.json from a spec that is not the run's.
type SpecError struct{ Reason string }

// Error is the reason.
func (e *SpecError) Error() string { return e.Reason }

// UnknownRunError: run.json is missing or damaged, and there is no spec to restore it from.
type UnknownRunError struct {
	Err    error // wraps store.ErrNotFound or artifact.ErrDamaged
	Folds  int   // manifests found
	Intact int   // of them, those that verify with every file
	Spec   error // why the spec that was given does not help; nil: none was given
}

// Error says what is wrong with run.json and what is not.
func (e *UnknownRunError) Error() string {
	what := "there is no run.json"
	if errors.Is(e.Err, artifact.ErrDamaged) {
		what = e.Err.Error()
	}
	what = fmt.Sprintf("%s; of %d manifests of folds, %d verify with every file", what, e.Folds, e.Intact)
	if e.Spec != nil {
		what += "; the spec does not restore it: " + e.Spec.Error()
	}
	return what
}

// Unwrap returns what is wrong with run.json.
func (e *UnknownRunError) Unwrap() error { return e.Err }

// basis is what a run's fits and predictions are made from: run.json, the prepared table, the
// folds' rows and grids. Each of them can be made anew from the others, or from the source.
type basis struct {
	store  store.Store
	open   OpenFile
	build  string
	run    *artifact.Run
	etag   string         // of what has the key of run.json
	table  *dataset.Table // nil where there is none that verifies
	damage []*Damage
}

// readBasis verifies the basis of a run. in.Spec is what run.json is restored from where it
// is missing or damaged.
func readBasis(ctx context.Context, s store.Store, open OpenFile, build string, in RecoverInput) (*basis, error) {
	b := &basis{store: s, open: open, build: build}
	var err error
	b.run, b.etag, err = artifact.ReadRun(ctx, s)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, artifact.ErrDamaged):
		if err := b.restoreRun(ctx, in.Spec, err); err != nil {
			return b, err
		}
		return b, b.spare(ctx)
	case err != nil:
		return nil, err
	case in.Spec != nil && in.Spec.Digest() != b.run.SpecDigest:
		return nil, &SpecError{"run.json is intact, and that spec is another one: a spec is needed only where run.json is not"}
	}
	if in.Moved != nil {
		if err := b.move(ctx, *in.Moved); err != nil {
			return nil, err
		}
	}
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	if err := b.spare(ctx); err != nil {
		return nil, err
	}
	return b, b.mend(ctx)
}

// spare calls off a removal of the run that was interrupted: who recovers it wants it.
func (b *basis) spare(ctx context.Context) error {
	condemned, err := artifact.Condemned(ctx, b.store, b.run)
	if err != nil || !condemned {
		return err
	}
	b.found(artifact.PrunedKey, errors.New("its removal had begun")).Done = "the removal is called off"
	return artifact.EndRemoval(ctx, b.store)
}

// found notes damage.
func (b *basis) found(key string, err error) *Damage {
	run := ""
	if b.run != nil {
		run = b.run.Spec.RunID()
	}
	d := newDamage(run, key, err.Error(), errors.Is(err, store.ErrNotFound))
	b.damage = append(b.damage, &d)
	return &d
}

// isDamage says that an object is missing or not what its digest says; other errors are the
// store's.
func isDamage(err error) bool {
	var invalid *dataset.InvalidError
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrTooLarge) ||
		errors.Is(err, artifact.ErrDamaged) || errors.As(err, &invalid)
}

// move makes run.json name the store that its folder is in now.
func (b *basis) move(ctx context.Context, to config.Store) error {
	d := b.found(artifact.RunKey, fmt.Errorf("it names the store %s, but the folder is in %s", b.run.Spec.Store.URI, to.URI))
	spec := *b.run.Spec
	spec.Store = to
	b.run.Spec = &spec
	d.Done = "made to name the present store"
	return b.writeRun(ctx)
}

func (b *basis) writeRun(ctx context.Context) error {
	if err := artifact.WriteRun(ctx, b.store, b.run, b.etag); err != nil {
		return err
	}
	var err error
	_, b.etag, err = artifact.ReadRun(ctx, b.store)
	return err
}

// check verifies the prepared table and the files of the folds.
func (b *basis) check(ctx context.Context) error {
	table, err := loadTable(ctx, b.store, b.run.Data.File)
	switch {
	case err == nil:
		b.table = table
	case isDamage(err):
		b.found(artifact.PreparedKey, err)
	default:
		return err
	}
	var files []artifact.File
	for _, f := range b.run.Folds {
		files = append(files, filesOf(f)...)
	}
	if f := b.run.Data.Final; f != nil {
		files = append(files, f.File)
	}
	for _, file := range files {
		err := store.Verify(ctx, b.store, file.Key, file.Bytes, file.SHA256)
		switch {
		case isDamage(err):
			b.found(file.Key, err)
		case err != nil:
			return err
		}
	}
	return nil
}

// mend makes what is damaged anew: the table from the source, the folds from the table, the rows
// to predict from theirs. What cannot be made, or would not be the same, stays as it is and is
// told.
func (b *basis) mend(ctx context.Context) error {
	var open []*Damage
	for _, d := range b.damage {
		if d.Done == "" && d.File != artifact.FinalRowsKey {
			open = append(open, d)
		}
	}
	if len(open) > 0 {
		if err := b.mendFits(ctx, open); err != nil {
			return err
		}
	}
	return b.mendFinal(ctx)
}

// mendFits mends what fits are made from.
func (b *basis) mendFits(ctx context.Context, open []*Damage) error {
	p, how, err := b.again(ctx, b.run.Spec)
	if err == nil {
		p.keepGrid(b.run.Spec, b.run, config.Request{})
		err = b.same(p)
	}
	switch {
	case ctx.Err() != nil, outage(err):
		return err
	case err != nil:
		for _, d := range open {
			d.Cannot = err.Error()
		}
		return nil
	}
	if b.table == nil {
		if err := b.putTable(ctx, p); err != nil {
			return err
		}
	}
	for i, f := range b.run.Folds { // as p's, see same
		damaged := slices.ContainsFunc(open, func(d *Damage) bool {
			return slices.ContainsFunc(filesOf(f), func(f artifact.File) bool { return f.Key == d.File })
		})
		if !damaged {
			continue
		}
		if _, err := artifact.WriteFoldData(ctx, b.store, p.foldData(i), p.Table.Rows()); err != nil {
			return err
		}
	}
	for _, d := range open {
		d.Done = how
	}
	return nil
}

// filesOf are the files of a fold's rows and grid.
func filesOf(f artifact.FoldInfo) []artifact.File {
	files := []artifact.File{f.Rows, f.Times}
	if f.Train != nil {
		files = append(files, *f.Train)
	}
	return files
}

// again derives the basis of a spec anew: from the prepared table where that verifies, else
// from the source.
func (b *basis) again(ctx context.Context, spec *config.Spec) (p *Preparation, how string, err error) {
	if b.table == nil {
		p, err = prepareFolds(ctx, b.open, spec)
		return p, "prepared again from " + spec.Data.URI, err
	}
	// How many rows the source has is not known, and matters to a message alone.
	p = &Preparation{Table: b.table, Profile: &dataset.Profile{Digest: b.table.Digest(), RowsRead: math.MaxInt}}
	return p, "derived again from the prepared table", p.derive(ctx, b.open, spec)
}

// same refuses a preparation that is not the one that run.json describes.
func (b *basis) same(p *Preparation) error {
	now := p.run(b.run.Spec, b.build)
	if now.Data.Digest != b.run.Data.Digest || now.Data.Groups != b.run.Data.Groups {
		return fmt.Errorf("%s has changed: its used columns have the digest %.12s…, the run was prepared from %.12s…",
			b.run.Spec.Data.URI, now.Data.Digest, b.run.Data.Digest)
	}
	if !reflect.DeepEqual(now.Folds, b.run.Folds) {
		return errors.New("the folds that follow from it are not those of run.json")
	}
	return nil
}

// putTable stores the prepared table; where its bytes differ, in columns that no digest
// covers, run.json follows.
func (b *basis) putTable(ctx context.Context, p *Preparation) error {
	file, err := (&Preview{Preparation: p}).writeTable(ctx, b.store)
	if err != nil {
		return err
	}
	b.table = p.Table
	if file.SHA256 == b.run.Data.File.SHA256 {
		return nil
	}
	b.run.Data.File = file
	return b.writeRun(ctx)
}
