package dataset

import (
	"encoding/binary"
	"errors"
	"io"
)

// The Parquet library believes what a file claims: it asks for the memory of a footer, a list, a
// page before it has read any of it, and follows a schema as deep as that goes. So claims are
// looked at first, here.
const (
	footerEnd  = 8        // the footer's length and the mark at the end of a file
	mostFooter = 64 << 20 // bytes
	mostSchema = 100_000  // entries: the library goes as deep as they nest
)

// checkFooter refuses a file whose footer claims more than it holds.
func checkFooter(in io.ReaderAt, size int64) error {
	end := make([]byte, footerEnd)
	if size < 2*footerEnd {
		return damagedParquet(errors.New("it is too short"))
	}
	if _, err := in.ReadAt(end, size-footerEnd); err != nil {
		return damagedParquet(err)
	}
	n := int64(binary.LittleEndian.Uint32(end))
	if n > size-footerEnd || n > mostFooter {
		return damagedParquet(errors.New("its footer is longer than it can be"))
	}
	footer := make([]byte, n)
	if _, err := in.ReadAt(footer, size-footerEnd-n); err != nil {
		return damagedParquet(err)
	}
	walk := thriftWalk{rest: footer, structs: 1<<16 + int(n)/8, schema: mostSchema}
	if err := walk.object(0); err != nil {
		return damagedParquet(err)
	}
	return nil
}
