package console_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// untouched is a body that nobody may read.
type untouched struct{ testing.TB }

func (u untouched) Read([]byte) (int, error) {
	u.Error("the body was read")
	return 0, io.EOF
}

// A page shows something: what a request for it carries is not looked at, above
// all not an upload that net/http would write to the disk.
func TestPagesReadNoBody(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"", "sign-in", "try", "refusals", "theme?set=dark"} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/_stagedoor/"+path, untouched{t})
		r.RemoteAddr, r.ContentLength = "127.0.0.1:4000", 1<<30
		r.Header.Set("Content-Type", "multipart/form-data; boundary=X")
		answer := httptest.NewRecorder()
		w.console.ServeHTTP(answer, r)
		if answer.Code >= 400 {
			t.Errorf("%q: %d", path, answer.Code)
		}
	}
}

// Forms are not multipart: net/http would leave their files on the disk.
func TestUploadsAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"multipart/form-data; boundary=X", "application/json", ""} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/_stagedoor/try/send", strings.NewReader("--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nx\r\n--X--\r\n"))
		r.RemoteAddr = "127.0.0.1:4000"
		r.Header.Set("Content-Type", kind)
		answer := httptest.NewRecorder()
		w.console.ServeHTTP(answer, r)
		if answer.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d, want 415", kind, answer.Code)
		}
	}
}

// There are as many live pages as can be kept current, and closing one makes room.
func TestLivePagesAreBounded(t *testing.T) {
	w := newWorld(t)
	open := func() (status int, end func()) {
		c, err := net.DialTimeout("tcp", w.web.Listener.Addr().String(), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /_stagedoor/refusals/live HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 12) // "HTTP/1.1 200"
		if _, err := io.ReadFull(c, line); err != nil {
			t.Fatal(err)
		}
		if string(line[9:]) == "200" {
			return 200, func() { c.Close() }
		}
		c.Close()
		return 503, func() {}
	}
	var ends []func()
	full := false
	for range 300 {
		status, end := open()
		ends = append(ends, end)
		if status != 200 {
			full = true
			break
		}
	}
	if !full {
		t.Error("300 live pages, and there is room")
	}
	for _, end := range ends {
		end()
	}
	for begun := time.Now(); ; {
		status, end := open()
		end()
		if status == 200 {
			return
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("no room after all were closed")
		}
	}
}
