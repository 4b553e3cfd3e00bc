package synthetic

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"everfold/survival/resample"
)

// Names of the columns that are not numeric covariates.
const (
	KeyColumn    = "account_entities_key"
	TariffColumn = "typeoftariff_coarse"
	RiskColumn   = "risk_level_coarse"
	TimeColumn   = "survival_months"
	EventColumn  = "is_terminated"
)

// Table says which table: its first Rows rows under Seed.
type Table struct {
	Rows int // ≥ 0
	Seed uint64
}

// batchRows is how many rows are made between two looks at the context; it is also a row
// group's size divided by 32.
const batchRows = 4096

// each makes the rows in order, in batches that visit may use until it returns.
func (t Table) each(ctx context.Context, visit func([]Customer) error) error {
	key := resample.SubSeed(t.Seed, purpose)
	batch := make([]Customer, 0, batchRows)
	for row := 0; row < t.Rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch = batch[:0]
		for ; row < t.Rows && len(batch) < batchRows; row++ {
			batch = append(batch, at(key, row))
		}
		if err := visit(batch); err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes the table as CSV with a header line; missing cells are empty. It returns
// errors of w and of a cancelled context.
func (t Table) WriteCSV(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	line := append([]byte(nil), KeyColumn...)
	for _, name := range append(NumericColumns[:], TariffColumn, RiskColumn, TimeColumn, EventColumn) {
		line = append(append(line, ','), name...)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	err := t.each(ctx, func(batch []Customer) error {
		for i := range batch {
			line = batch[i].appendCSV(line[:0])
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// WriteGzip writes the CSV table compressed. Its bytes also depend on the version of
// compress/gzip; those inside do not.
func (t Table) WriteGzip(ctx context.Context, w io.Writer) error {
	z := gzip.NewWriter(w)
	if err := t.WriteCSV(ctx, z); err != nil {
		return err
	}
	return z.Close()
}

func (c *Customer) appendCSV(line []byte) []byte {
	line = strconv.AppendInt(line, c.Key, 10)
	for _, v := range c.Numeric {
		line = append(line, ',')
		if !math.IsNaN(v) {
			line = strconv.AppendFloat(line, v, 'f', -1, 64)
		}
	}
	line = append(append(line, ','), c.Tariff...)
	line = append(append(line, ','), c.Risk...)
	line = strconv.AppendFloat(append(line, ','), c.Months, 'f', -1, 64)
	if c.Terminated {
		return append(line, ",1\n"...)
	}
	return append(line, ",0\n"...)
}

// record is a row of the Parquet file, whose columns are in this order. Missing cells are null.
type record struct {
	Key       int64    `parquet:"account_entities_key"`
	Debit     *float64 `parquet:"debit_exp_smooth"`
	Credit    *float64 `parquet:"credit_exp_smooth"`
	Balance   *float64 `parquet:"balance_exp_smooth"`
	PastDue   *float64 `parquet:"past_due_exp_smooth"`
	WAOBD     *float64 `parquet:"waobd"`
	Margin    float64  `parquet:"margin_exp_smooth"`
	Total     int64    `parquet:"total_settlements"`
	Active    int64    `parquet:"active_settlements"`
	Defaulted int64    `parquet:"defaulted_settlements"`
	Tariff    string   `parquet:"typeoftariff_coarse,dict"`
	Risk      *string  `parquet:"risk_level_coarse,dict"`
	Months    float64  `parquet:"survival_months"`
	Event     int64    `parquet:"is_terminated"`
}

// WriteParquet writes the table as Parquet: the numbers and levels of the CSV, typed. It
// returns errors of w and of a cancelled context.
func (t Table) WriteParquet(ctx context.Context, w io.Writer) error {
	out := parquet.NewGenericWriter[record](w, parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(32*batchRows),
		parquet.CreatedBy("everfold", "1", "synthetic"))
	records := make([]record, batchRows)
	err := t.each(ctx, func(batch []Customer) error {
		for i := range batch {
			records[i] = batch[i].record()
		}
		_, err := out.Write(records[:len(batch)])
		return err
	})
	if err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

// record shares memory with c.
func (c *Customer) record() record {
	present := func(j int) *float64 {
		if math.IsNaN(c.Numeric[j]) {
			return nil
		}
		return &c.Numeric[j]
	}
	r := record{
		Key: c.Key, Debit: present(debit), Credit: present(credit), Balance: present(balance),
		PastDue: present(pastDue), WAOBD: present(waobd), Margin: c.Numeric[margin],
		Total: int64(c.Numeric[total]), Active: int64(c.Numeric[active]), Defaulted: int64(c.Numeric[defaulted]),
		Tariff: c.Tariff, Months: c.Months,
	}
	if c.Risk != "" {
		r.Risk = &c.Risk
	}
	if c.Terminated {
		r.Event = 1
	}
	return r
}
