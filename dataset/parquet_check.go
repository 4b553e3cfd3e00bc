package dataset

import (
	"encoding/binary"
	"errors"
	"io"
)

// footerEnd is the length of the footer and the mark at the end of a Parquet file.
const footerEnd = 8

// mostFooter bounds what a footer may take: the library reads it whole, and what it makes of it
// is many times as large.
const mostFooter = 64 << 20

// checkFooter refuses a file whose last bytes promise a footer that it cannot hold: the library
// would ask for the memory first.
func checkFooter(in io.ReaderAt, size int64) error {
	end := make([]byte, footerEnd)
	if size < 2*footerEnd {
		return damagedParquet(errors.New("it is too short"))
	}
	if _, err := in.ReadAt(end, size-footerEnd); err != nil {
		return damagedParquet(err)
	}
	if n := int64(binary.LittleEndian.Uint32(end)); n > size-footerEnd || n > mostFooter {
		return damagedParquet(errors.New("its footer is longer than it can be"))
	}
	return nil
}
