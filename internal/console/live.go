package console

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Streams of server-sent events keep open pages current. htmx's extension
// connects by itself, again where the connection broke, and puts what each
// event carries into the page; without JavaScript the page offers a link that
// loads it anew.
const (
	// streamPing keeps proxies from taking a quiet stream for a dead one.
	streamPing = 15 * time.Second
	// streamLife ends a stream that nobody closed; the browser asks again.
	streamLife = 30 * time.Minute
	// streamPatience is how long a browser may take to read an event.
	streamPatience = 10 * time.Second
	// streamsOpen bounds how many there are at a time.
	streamsOpen = 256
)

// stream is one open connection of a browser.
type stream struct {
	v    *visit
	w    http.ResponseWriter
	rc   *http.ResponseController
	ping *time.Ticker
	end  *time.Timer
}

// stream begins an answer that stays open. Its user calls close.
func (v *visit) stream(w http.ResponseWriter) (*stream, error) {
	if v.c.live.Add(1) > streamsOpen {
		v.c.live.Add(-1)
		return nil, &problem{
			Status: http.StatusServiceUnavailable, Title: "Too many live pages are open",
			Sentence: fmt.Sprintf("%d pages are kept current already.", streamsOpen), Remedy: []string{"Close some, or load the page anew by hand."},
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // of proxies
	w.WriteHeader(http.StatusOK)
	s := &stream{v: v, w: w, rc: http.NewResponseController(w), ping: time.NewTicker(streamPing), end: time.NewTimer(streamLife)}
	if err := s.rc.Flush(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stream) close() {
	s.ping.Stop()
	s.end.Stop()
	s.v.c.live.Add(-1)
}

// wait returns when wake delivers, and false when the stream is to end: the
// browser left, stagedoor ends, or it has been open long enough.
func (s *stream) wait(wake <-chan struct{}) bool {
	for {
		select {
		case <-wake:
			return true
		case <-s.ping.C:
			if s.write(":\n\n") != nil {
				return false
			}
		case <-s.end.C:
			return false
		case <-s.v.c.closing:
			return false
		case <-s.v.ctx().Done():
			return false
		}
	}
}

// rest waits a while, so that a storm of news does not keep a processor busy;
// false as for wait.
func (s *stream) rest(d time.Duration) bool {
	again := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(again) })
	defer timer.Stop()
	return s.wait(again)
}

// render sends a fragment of a page's template, "fragment-ID".
func (s *stream) render(p *page, id string) error {
	p.v = s.v
	var buf bytes.Buffer
	if err := s.v.c.templates.render(&buf, p, id); err != nil {
		return err
	}
	return s.send("", buf.String())
}

// send writes one event. A name makes it an event of the page's scripts, none
// makes its data HTML for the page.
func (s *stream) send(name, data string) error {
	var b strings.Builder
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	for line := range strings.Lines(data) {
		b.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	b.WriteString("\n")
	return s.write(b.String())
}

// write gives up on a browser that reads no more: it would hold the stream, and
// the end of stagedoor, for ever.
func (s *stream) write(text string) error {
	// Where deadlines do not exist (tests without a connection) nobody stalls.
	_ = s.rc.SetWriteDeadline(time.Now().Add(streamPatience))
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.rc.Flush()
}
