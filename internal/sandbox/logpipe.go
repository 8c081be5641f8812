package sandbox

import (
	"bytes"
	"encoding/binary"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxEvent is CloudWatch's limit of one log event, in bytes; longer lines are
// cut into several.
const maxEvent = 256 << 10

// maxDrain bounds what is read for one invocation after its answer: a pipe
// holds 64 KB, more than a few of those comes from something that never stops.
const maxDrain = 1 << 20

// logPipe reads what a function writes to stdout and stderr (one pipe, so that
// their order is kept) and cuts it into log events: lines, and the frames that
// loaders send (see loaders). Nothing is kept but the line under way.
type logPipe struct {
	r    *os.File
	raw  syscall.RawConn
	emit func([]LogLine)
	now  func() time.Time

	mu      sync.Mutex
	buf     []byte
	partial []byte // line under way
	frame   []byte // frame under way, its head included
	inFrame bool
	lines   []LogLine
}

func newLogPipe(r *os.File, emit func([]LogLine)) (*logPipe, error) {
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &logPipe{r: r, raw: raw, emit: emit, now: time.Now, buf: make([]byte, 32<<10)}, nil
}

// run reads until every writer is gone or the pipe is closed.
func (p *logPipe) run() {
	for ended := false; !ended; {
		err := p.raw.Read(func(fd uintptr) bool {
			var wait bool
			_, wait, ended = p.read(fd)
			return !wait
		})
		if err != nil {
			break
		}
	}
	p.flush()
}

// read takes one portion off the pipe.
func (p *logPipe) read(fd uintptr) (n int, wait, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		n, err := syscall.Read(int(fd), p.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, true, false
		case err != nil || n == 0:
			return 0, false, true
		}
		p.cut(p.buf[:n])
		p.send()
		return n, false, false
	}
}

// drain reads what has been written so far, in the caller's goroutine: the
// lines of an invocation must come before its END.
func (p *logPipe) drain() {
	p.raw.Control(func(fd uintptr) {
		for total := 0; total < maxDrain; {
			n, wait, ended := p.read(fd)
			if wait || ended {
				break
			}
			total += n
		}
	})
	p.flush()
}

// flush ends a line that has no line break yet.
func (p *logPipe) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFrame && len(p.frame) < len(frameMagic) { // waited for a frame in vain
		p.partial = append(p.partial, p.frame...)
		p.inFrame = false
	}
	if len(p.partial) > 0 {
		p.add(p.partial)
		p.partial = p.partial[:0]
	}
	p.send()
}

func (p *logPipe) send() {
	if len(p.lines) > 0 {
		p.emit(p.lines)
		clear(p.lines)
		p.lines = p.lines[:0]
	}
}

// add makes an event of a line. An empty line is none: AWS keeps no event for
// it (AWS recording test_multi_line_prints).
func (p *logPipe) add(text []byte) {
	if len(text) == 1 && text[0] == '\n' {
		return
	}
	p.lines = append(p.lines, LogLine{Millis: p.now().UnixMilli(), Message: string(bytes.ToValidUTF8(text, []byte("\uFFFD")))})
}

// A frame begins with 0xA55A00xx, which is no UTF-8, then 4 bytes of length and
// 8 of time.
var frameMagic = []byte{0xA5, 0x5A, 0x00}

const frameHead = 16

func (p *logPipe) cut(data []byte) {
	for len(data) > 0 {
		if p.inFrame {
			data = p.cutFrame(data)
			continue
		}
		end := bytes.IndexByte(data, '\n') + 1
		magic := bytes.Index(data, frameMagic)
		switch {
		case magic >= 0 && (end == 0 || magic < end):
			p.line(data[:magic], false)
			p.inFrame, p.frame = true, p.frame[:0]
			data = data[magic:]
		case end > 0:
			p.line(data[:end], true)
			data = data[end:]
		default:
			// The magic may be cut in two by the read.
			if n := len(data); data[n-1] == frameMagic[0] || n > 1 && data[n-2] == frameMagic[0] && data[n-1] == frameMagic[1] {
				p.inFrame, p.frame = true, p.frame[:0]
				cut := bytes.LastIndexByte(data, frameMagic[0])
				p.line(data[:cut], false)
				data = data[cut:]
				continue
			}
			p.line(data, false)
			return
		}
	}
}

// line adds text to the line under way; whole ends it.
func (p *logPipe) line(text []byte, whole bool) {
	if whole && len(p.partial) == 0 && len(text) <= maxEvent {
		p.add(text)
		return
	}
	p.partial = append(p.partial, text...)
	for len(p.partial) > maxEvent {
		p.add(p.partial[:maxEvent])
		p.partial = append(p.partial[:0], p.partial[maxEvent:]...)
	}
	if whole && len(p.partial) > 0 {
		p.add(p.partial)
		p.partial = p.partial[:0]
	}
}

func (p *logPipe) cutFrame(data []byte) (rest []byte) {
	if len(p.frame) < len(frameMagic) {
		n := min(len(data), len(frameMagic)-len(p.frame))
		p.frame = append(p.frame, data[:n]...)
		data = data[n:]
		if !bytes.HasPrefix(frameMagic, p.frame) { // no frame after all
			p.inFrame = false
			p.line(p.frame[:1], false)
			return append(bytes.Clone(p.frame[1:]), data...)
		}
		if len(p.frame) < len(frameMagic) {
			return data
		}
		if len(p.partial) > 0 { // a frame ends what was printed without line break
			p.add(p.partial)
			p.partial = p.partial[:0]
		}
	}
	if len(p.frame) < frameHead {
		n := min(len(data), frameHead-len(p.frame))
		p.frame = append(p.frame, data[:n]...)
		data = data[n:]
		if len(p.frame) < frameHead {
			return data
		}
	}
	size := int(binary.BigEndian.Uint32(p.frame[4:8]))
	n := min(len(data), frameHead+size-len(p.frame))
	p.frame = append(p.frame, data[:n]...)
	data = data[n:]
	body := p.frame[frameHead:]
	if len(body) < size && len(body) <= maxEvent {
		return data
	}
	for len(body) > maxEvent {
		p.add(body[:maxEvent])
		body = body[maxEvent:]
		size -= maxEvent
	}
	if len(body) < size { // keep only what is not yet sent
		p.frame = append(p.frame[:frameHead], body...)
		binary.BigEndian.PutUint32(p.frame[4:8], uint32(size))
		return data
	}
	if n := len(body); n == 0 || body[n-1] != '\n' {
		p.frame = append(p.frame, '\n')
		body = p.frame[len(p.frame)-n-1:]
	}
	p.add(body)
	p.inFrame, p.frame = false, p.frame[:0]
	if cap(p.frame) > maxEvent {
		p.frame = nil
	}
	return data
}
