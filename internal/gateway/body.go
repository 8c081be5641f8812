package gateway

import (
	"io"
	"slices"
)

// readLimited reads r behind buf, up to one byte more than maxBody; size is how
// much to expect, -1 unknown. It reports whether the body ended within the
// limit.
func readLimited(buf []byte, r io.Reader, size int) ([]byte, bool) {
	if size > 0 {
		buf = slices.Grow(buf, min(size, 1<<20)+1)
	}
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 4096)
		}
		n, err := r.Read(buf[len(buf):min(cap(buf), maxBody+1)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxBody:
			return buf, false
		case err == io.EOF:
			return buf, true
		case err != nil:
			return buf, false
		}
	}
}
