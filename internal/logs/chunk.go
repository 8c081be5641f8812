package logs

import (
	"encoding/binary"
	"errors"
)

// A chunk is one entry of the journal: events of one group, of any of its
// streams, in the order in which they were written. Numbers are varints.
//
//	version (1) · ingestion time, Unix milliseconds · number of streams ·
//	for each: length, name · then events until the end:
//	stream number · time less that of the event before · length, message
const chunkVersion = 1

// chunkBytes is the size at which a chunk ends, unless a single event is larger:
// well under the default max_payload (1 MB) of external NATS servers.
const chunkBytes = 512 << 10

// encoder gathers events in the form of a chunk's body.
type encoder struct {
	epoch   uint64 // tells Writers that their stream number is out of date
	streams []string
	numbers map[string]int
	body    []byte
	last    int64 // time of the last event
	marks   []mark
}

// mark is a place where the body may be split: before an event.
type mark struct {
	offset int
	last   int64
}

func (e *encoder) len() int { return len(e.body) }

func (e *encoder) reset() {
	e.streams = e.streams[:0]
	clear(e.numbers)
	e.body = e.body[:0]
	e.last = 0
	e.marks = e.marks[:0]
}

// stream returns the number of a stream in this buffer.
func (e *encoder) stream(name string) int {
	if n, ok := e.numbers[name]; ok {
		return n
	}
	if e.numbers == nil {
		e.numbers = map[string]int{}
	}
	n := len(e.streams)
	e.numbers[name] = n
	e.streams = append(e.streams, name)
	return n
}

func (e *encoder) event(stream int, millis int64, message string) {
	start := 0
	if n := len(e.marks); n > 0 {
		start = e.marks[n-1].offset
	}
	if n := len(e.body) - start; n > 0 && n+len(message) > chunkBytes {
		e.marks = append(e.marks, mark{len(e.body), e.last})
	}
	e.body = binary.AppendUvarint(e.body, uint64(stream))
	e.body = binary.AppendVarint(e.body, millis-e.last)
	e.body = binary.AppendUvarint(e.body, uint64(len(message)))
	e.body = append(e.body, message...)
	e.last = millis
}

// chunks returns the journal entries of what was gathered. Every chunk names
// all streams of the buffer: they are few, and it is compressed.
func (e *encoder) chunks(ingestion int64) [][]byte {
	var chunks [][]byte
	for i := 0; i <= len(e.marks); i++ {
		from, base, to := 0, int64(0), len(e.body)
		if i > 0 {
			from, base = e.marks[i-1].offset, e.marks[i-1].last
		}
		if i < len(e.marks) {
			to = e.marks[i].offset
		}
		if from < to {
			chunks = append(chunks, e.chunk(ingestion, base, e.body[from:to]))
		}
	}
	return chunks
}

func (e *encoder) chunk(ingestion, base int64, body []byte) []byte {
	out := make([]byte, 0, len(body)+64*len(e.streams)+32)
	out = append(out, chunkVersion)
	out = binary.AppendVarint(out, ingestion)
	out = binary.AppendVarint(out, base)
	out = binary.AppendUvarint(out, uint64(len(e.streams)))
	for _, name := range e.streams {
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
	}
	return append(out, body...)
}

// StreamEvent is an event with its stream and its place.
type StreamEvent struct {
	Event
	Stream string
	At     Position
}

var errChunk = errors.New("not a chunk of log events that this version reads")

// decoder reads the numbers and strings of a chunk. After an error it returns
// zeros, and failed is set.
type decoder struct {
	data   []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	return v * d.skip(n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	return v * int64(d.skip(n))
}

func (d *decoder) skip(n int) uint64 {
	if n <= 0 {
		d.failed, d.data = true, nil
		return 0
	}
	d.data = d.data[n:]
	return 1
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.data)) {
		d.failed, d.data = true, nil
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

// decodeChunk calls yield for each event of a chunk until it returns false.
// message is only valid during the call.
func decodeChunk(data []byte, yield func(stream string, ingestion int64, index int, millis int64, message []byte) bool) error {
	if len(data) == 0 || data[0] != chunkVersion {
		return errChunk
	}
	d := decoder{data: data[1:]}
	ingestion, millis := d.varint(), d.varint()
	count := d.uvarint()
	if count > uint64(len(d.data)) {
		return errChunk
	}
	streams := make([]string, count)
	for i := range streams {
		streams[i] = string(d.bytes())
	}
	for index := 0; len(d.data) > 0; index++ {
		stream := d.uvarint()
		millis += d.varint()
		message := d.bytes()
		if d.failed || stream >= count {
			return errChunk
		}
		if !yield(streams[stream], ingestion, index, millis, message) {
			return nil
		}
	}
	if d.failed {
		return errChunk
	}
	return nil
}

// decodeAll returns the events of chunks; for chunks of this process's own.
func decodeAll(chunks [][]byte) []StreamEvent {
	var events []StreamEvent
	for _, chunk := range chunks {
		_ = decodeChunk(chunk, func(stream string, ingestion int64, _ int, millis int64, message []byte) bool {
			events = append(events, StreamEvent{Stream: stream, Event: Event{Millis: millis, Message: string(message), IngestionMillis: ingestion}})
			return true
		})
	}
	return events
}
