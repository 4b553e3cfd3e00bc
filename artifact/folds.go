package artifact

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// FoldData is one outer split with its rows and its time grid.
type FoldData struct {
	Index, Repeat           int
	Train, Test             []int     // ascending rows of the prepared table, disjoint
	TrainEvents, TestEvents int       // of those rows
	Times                   []float64 // ascending
}

// DescribeFold is what WriteFoldData would return, without writing anything: planning
// needs the digests, and must leave no trace.
func DescribeFold(f FoldData, rows int) FoldInfo {
	test, train := int64s(f.Test), int64s(f.Train)
	info := FoldInfo{
		Index: f.Index, Repeat: f.Repeat, TrainRows: len(f.Train), TestRows: len(f.Test),
		TrainEvents: f.TrainEvents, TestEvents: f.TestEvents, TrainSHA256: ArraySHA256(train),
		Rows:  describe[int64](RowsKey(f.Index), NPY(test, len(test)), []int{len(test)}),
		Times: describe[float64](TimesKey(f.Index), NPY(f.Times, len(f.Times)), []int{len(f.Times)}),
	}
	if !slices.Equal(f.Train, others(f.Test, rows)) {
		file := describe[int64](TrainKey(f.Index), NPY(train, len(train)), []int{len(train)})
		info.Train = &file
	}
	return info
}

// WriteFoldData stores test rows and times of a fold, and its training rows where they
// are not all other rows of a table of that many rows.
func WriteFoldData(ctx context.Context, s store.Store, f FoldData, rows int) (FoldInfo, error) {
	info := DescribeFold(f, rows)
	if err := putArray(ctx, s, info.Rows, NPY(int64s(f.Test), len(f.Test))); err != nil {
		return FoldInfo{}, fmt.Errorf("write rows of fold %d: %w", f.Index, err)
	}
	if info.Train != nil {
		if err := putArray(ctx, s, *info.Train, NPY(int64s(f.Train), len(f.Train))); err != nil {
			return FoldInfo{}, fmt.Errorf("write training rows of fold %d: %w", f.Index, err)
		}
	}
	if err := putArray(ctx, s, info.Times, NPY(f.Times, len(f.Times))); err != nil {
		return FoldInfo{}, fmt.Errorf("write times of fold %d: %w", f.Index, err)
	}
	return info, nil
}

// ReadFoldData reads back what WriteFoldData stored for a fold of a table of that many
// rows, verified against run.json. Where the files are those of another spec by now, the
// error wraps store.ErrCorrupt: read run.json again.
func ReadFoldData(ctx context.Context, s store.Store, info FoldInfo, rows int) (FoldData, error) {
	f := FoldData{Index: info.Index, Repeat: info.Repeat, TrainEvents: info.TrainEvents, TestEvents: info.TestEvents}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if f.Test, err = readRows(ctx, s, info.Rows, rows); err != nil {
			return fmt.Errorf("rows of fold %d: %w", info.Index, err)
		}
		return nil
	})
	group.Go(func() (err error) {
		if f.Times, err = GetArray[float64](ctx, s, info.Times); err != nil {
			return fmt.Errorf("times of fold %d: %w", info.Index, err)
		}
		return nil
	})
	group.Go(func() (err error) {
		if info.Train == nil {
			return nil
		}
		if f.Train, err = readRows(ctx, s, *info.Train, rows); err != nil {
			return fmt.Errorf("training rows of fold %d: %w", info.Index, err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return FoldData{}, err
	}
	if info.Train == nil {
		f.Train = others(f.Test, rows)
	}
	return f, nil
}

func readRows(ctx context.Context, s store.Store, file File, rows int) ([]int, error) {
	stored, err := GetArray[int64](ctx, s, file)
	if err != nil {
		return nil, err
	}
	return rowNumbers(stored, rows)
}

// others are the rows 0…n−1 that are not in the ascending list taken.
func others(taken []int, n int) []int {
	rest := make([]int, 0, max(n-len(taken), 0))
	for row := range n {
		if len(taken) > 0 && taken[0] == row {
			taken = taken[1:]
			continue
		}
		rest = append(rest, row)
	}
	return rest
}

func int64s(rows []int) []int64 {
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = int64(row)
	}
	return out
}

func rowNumbers(stored []int64, n int) ([]int, error) {
	out := make([]int, len(stored))
	for i, row := range stored {
		if row < 0 || row >= int64(n) || i > 0 && row <= stored[i-1] {
			return nil, fmt.Errorf("%w: row numbers are not ascending within 0 to %d", ErrDamaged, n-1)
		}
		out[i] = int(row)
	}
	return out, nil
}
