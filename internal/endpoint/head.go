package endpoint

import (
	"bytes"
	"slices"
)

// heads watches the bytes of one HTTP/1 connection, finds where each request
// begins and keeps the heads (request line and header fields) until they are
// taken. Bodies are skipped by the rules by which net/http skips them; after
// anything else it gives up for the rest of the connection, which costs
// nothing but the spelling of header names.
type heads struct {
	limit int // most bytes kept

	state   headState
	skip    int64  // bytes left of a body or a chunk
	line    int    // length of the current line, while lines are skipped
	size    []byte // beginning of the current chunk-size line
	buf     []byte // complete heads, then the beginning of the next one
	lineAt  int    // where the current line of the unfinished head begins in buf
	ends    []int  // where each complete head ends in buf
	taken   []byte // the head handed out last: reused by the next take
	headsAt int    // where the unfinished head begins in buf
	torn    int    // which of the heads in buf (1 is the oldest) has two ideas of its body's length; 0: none
	tornNow bool   // the head taken last was that one
}

type headState uint8

const (
	inHead headState = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	lost
)

// write sees the next bytes of the connection.
func (h *heads) write(p []byte) {
	for len(p) > 0 && h.state != lost {
		switch h.state {
		case inHead:
			p = h.writeHead(p)
		case inBody, inChunk:
			n := min(int64(len(p)), h.skip)
			h.skip -= n
			p = p[n:]
			if h.skip == 0 {
				if h.state == inBody {
					h.state = inHead
				} else {
					h.state = inChunkEnd
				}
			}
		default:
			p = h.writeLine(p)
		}
	}
}

// writeHead appends to the unfinished head up to its end.
func (h *heads) writeHead(p []byte) []byte {
	if len(h.buf) == h.headsAt {
		// net/http tolerates line ends before a request line (RFC 9112, 2.2).
		for len(p) > 0 && (p[0] == '\r' || p[0] == '\n') {
			p = p[1:]
		}
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			h.keep(p)
			return nil
		}
		h.keep(p[:i+1])
		p = p[i+1:]
		if h.state == lost {
			return nil
		}
		line := trimEOL(h.buf[h.lineAt:])
		h.lineAt = len(h.buf)
		if len(line) == 0 {
			h.endHead()
			return p
		}
	}
	return p
}

func (h *heads) keep(p []byte) {
	if len(h.buf)+len(p) > h.limit {
		h.giveUp()
		return
	}
	h.buf = append(h.buf, p...)
}

func (h *heads) giveUp() {
	h.state, h.buf, h.ends, h.taken = lost, nil, nil, nil
}

// endHead notes a complete head and prepares for the body that it announces.
func (h *heads) endHead() {
	head := h.buf[h.headsAt:]
	h.headsAt, h.lineAt = len(h.buf), len(h.buf)
	h.ends = append(h.ends, len(h.buf))
	length, chunked, ok := framing(head)
	switch {
	case !ok:
		h.state = lost // net/http refuses the request and closes
	case chunked && length >= 0:
		h.state, h.torn = lost, len(h.ends) // the router refuses it and closes
	case chunked:
		h.state, h.size = inChunkSize, h.size[:0]
	case length > 0:
		h.state, h.skip = inBody, length
	}
}

// writeLine skips lines of the chunked coding up to the end of one of them.
func (h *heads) writeLine(p []byte) []byte {
	i := bytes.IndexByte(p, '\n')
	part, rest := p, []byte(nil)
	if i >= 0 {
		part, rest = p[:i], p[i+1:]
	}
	if room := maxChunkLine - len(h.size); room > 0 {
		h.size = append(h.size, part[:min(len(part), room)]...)
	}
	if i < 0 {
		return nil
	}
	line := bytes.TrimSuffix(h.size, []byte("\r"))
	h.size = h.size[:0]
	switch h.state {
	case inChunkEnd:
		h.state = inChunkSize
	case inTrailer:
		if len(line) == 0 {
			h.state = inHead
		}
	case inChunkSize:
		n, ok := chunkSize(line)
		switch {
		case !ok:
			h.giveUp()
		case n == 0:
			h.state = inTrailer
		default:
			h.state, h.skip = inChunk, n
		}
	}
	return rest
}

// maxChunkLine is how much of a chunk-size line is looked at; net/http refuses
// longer ones than 4096 bytes.
const maxChunkLine = 64

// take hands out the oldest complete head, or nil. The slice is valid until
// the next call.
func (h *heads) take() []byte {
	h.tornNow = h.torn == 1
	if h.torn > 0 {
		h.torn--
	}
	if len(h.ends) == 0 {
		return nil
	}
	end := h.ends[0]
	spare := h.taken[:0]
	if len(h.ends) == 1 && len(h.buf) == end { // the usual case: nothing is pipelined
		h.taken, h.buf = h.buf, spare
	} else {
		h.taken = append(spare, h.buf[:end]...)
		h.buf = h.buf[:copy(h.buf, h.buf[end:])]
	}
	h.ends = slices.Delete(h.ends, 0, 1)
	for i := range h.ends {
		h.ends[i] -= end
	}
	h.headsAt -= end
	h.lineAt -= end
	return h.taken
}

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// framing reads from a head how its body is delimited, as net/http does:
// chunked coding wins over a length, HTTP/1.0 knows no chunks. Without a length
// in the head, length is -1.
func framing(head []byte) (length int64, chunked, ok bool) {
	requestLine, rest, _ := bytes.Cut(head, []byte("\n"))
	http10 := bytes.HasSuffix(trimEOL(requestLine), []byte("HTTP/1.0"))
	length = -1
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		value = bytes.Trim(value, " \t\r")
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, valid := decimal(value)
			if !valid || length >= 0 && n != length {
				return 0, false, false
			}
			length = n
		case bytes.EqualFold(name, []byte("Transfer-Encoding")) && !http10:
			if chunked || !bytes.EqualFold(value, []byte("chunked")) {
				return 0, false, false
			}
			chunked = true
		}
	}
	return length, chunked, true
}

func decimal(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func chunkSize(line []byte) (n int64, ok bool) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.Trim(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, false
	}
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, true
}
