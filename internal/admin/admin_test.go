package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/grants"
)

type journal []*grants.Decision

func (j journal) Decisions(_ context.Context, limit int) ([]*grants.Decision, error) {
	return j[:min(limit, len(j))], nil
}

func (j journal) Decision(_ context.Context, id string) (*grants.Decision, error) {
	for _, d := range j {
		if d.ID == id || d.RequestID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", grants.ErrDecisionNotFound, id)
}

type backup struct{ imported string }

func (*backup) Export(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "everything")
	return err
}

func (b *backup) Import(_ context.Context, r io.Reader) error {
	data, err := io.ReadAll(r)
	if b.imported != "" {
		return errors.New("the store is not empty")
	}
	b.imported = string(data)
	return err
}

func TestAdmin(t *testing.T) {
	j := journal{{ID: "b3f0a1zz", RequestID: "r-2"}, {ID: "c4a1b2yy", RequestID: "r-1"}}
	store := &backup{}
	handler := New(j, store, func(_ context.Context, digest string) ([]byte, error) {
		if digest != "abc" {
			return nil, errors.New("no such package: " + digest)
		}
		return []byte("PK"), nil
	}, http.NotFoundHandler())
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "decisions", "", 200, `"id":"b3f0a1zz"`},
		{"GET", "decisions?limit=0", "", 400, "from 1 to 1000"},
		{"GET", "decisions?limit=x", "", 400, "from 1 to 1000"},
		{"GET", "decisions/c4a1b2yy", "", 200, `"requestId":"r-1"`},
		{"GET", "decisions/r-2", "", 200, `"id":"b3f0a1zz"`},
		{"GET", "decisions/nothing", "", 404, "nothing"},
		{"GET", "code/abc", "", 200, "PK"},
		{"GET", "code/def", "", 404, "no such package: def"},
		{"GET", "export", "", 200, "everything"},
		{"POST", "import", "a file", 204, ""},
		{"POST", "import", "another", 409, "not empty"},
		{"GET", "import", "", 404, "not found"},
		{"GET", "else", "", 404, "not found"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/_stagedoor/"+c.path, strings.NewReader(c.body))
		r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost:4566"
		handler.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s, want %d with %q", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
	if store.imported != "a file" {
		t.Errorf("imported %q", store.imported)
	}
}

// A list without refusals is a list all the same.
func TestNoDecisions(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/_stagedoor/decisions", nil)
	r.RemoteAddr, r.Host = "[::1]:40000", "[::1]:4566"
	New(journal(nil), &backup{}, nil, http.NotFoundHandler()).ServeHTTP(w, r)
	var found []*grants.Decision
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || found == nil || len(found) != 0 {
		t.Errorf("got %s (%v), want []", w.Body, err)
	}
}

// A client of another machine gets neither refusals nor an export; code it may
// have, for GetFunction hands out its address.
func TestOthersAreNotAnswered(t *testing.T) {
	handler := New(journal{{ID: "b3f0a1zz"}}, &backup{}, func(context.Context, string) ([]byte, error) { return []byte("PK"), nil }, http.NotFoundHandler())
	for path, want := range map[string]int{
		"GET decisions": 403, "GET decisions/b3f0a1zz": 403, "GET export": 403, "POST import": 403, "GET code/abc": 200,
	} {
		method, path, _ := strings.Cut(path, " ")
		r := httptest.NewRequest(method, "/_stagedoor/"+path, nil)
		r.RemoteAddr = "192.0.2.7:40000"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s %s from elsewhere: %d, want %d", method, path, w.Code, want)
		}
	}
}

// What comes from this machine may still be somebody else's: through a proxy, or
// by the page of a site that let its name resolve to 127.0.0.1.
func TestOthersThroughThisMachine(t *testing.T) {
	handler := New(journal{{ID: "b3f0a1zz"}}, &backup{}, nil, http.NotFoundHandler())
	for _, c := range []struct {
		host, header string
		want         int
	}{
		{"127.0.0.1:4566", "", 200},
		{"[::1]:4566", "", 200},
		{"LOCALHOST:4566", "", 200},
		{"stagedoor:4566", "", 200},
		{"192.0.2.1:4566", "", 200},
		{"evil.example:4566", "", 403},
		{"localhost.evil.example", "", 403},
		{"127.0.0.1.evil.example:4566", "", 403},
		{"127.0.0.1:4566", "X-Forwarded-For", 403},
		{"127.0.0.1:4566", "X-Forwarded-Proto", 403},
		{"127.0.0.1:4566", "Forwarded", 403},
		{"127.0.0.1:4566", "Via", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, "/_stagedoor/export", nil)
		r.RemoteAddr, r.Host = "127.0.0.1:40000", c.host
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.9")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("Host %s, %s: %d, want %d", c.host, c.header, w.Code, c.want)
		}
	}
}
