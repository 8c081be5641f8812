// Package admin answers what stagedoor's own commands ask a running stagedoor,
// as JSON below /_stagedoor/, which it shares with the web console. It holds no state and no rules of its own. The
// endpoint in front of it refuses requests that a foreign web page sends.
//
// It is safe for concurrent use.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// Decisions is the journal of refusals.
type Decisions interface {
	// Decisions returns the newest refusals, newest first, limit at most.
	Decisions(ctx context.Context, limit int) ([]*grants.Decision, error)
	// Decision returns the refusal with this id, or the one that refused the
	// request with this id; an error wrapping grants.ErrDecisionNotFound where
	// there is none.
	Decision(ctx context.Context, id string) (*grants.Decision, error)
}

// Backup writes and reads everything that is remembered, as one file.
type Backup interface {
	Export(ctx context.Context, w io.Writer) error
	Import(ctx context.Context, r io.Reader) error
}

// Code returns an uploaded function package by its digest (hexadecimal
// SHA-256). Who has the address may read, as with AWS's presigned URLs.
type Code func(ctx context.Context, digest string) ([]byte, error)

// Problem is the body of every answer that is not 2xx.
type Problem struct {
	Message string `json:"message"`
}

const (
	defaultDecisions = 50
	maxDecisions     = 1000
)

// New returns the handler. pages answers what is none of admin's addresses: the
// web console.
func New(decisions Decisions, backup Backup, code Code, pages http.Handler) http.Handler {
	a := &admin{decisions: decisions, backup: backup, packages: code}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_stagedoor/decisions", local(a.list))
	mux.HandleFunc("GET /_stagedoor/decisions/{id}", local(a.show))
	mux.HandleFunc("GET /_stagedoor/code/{digest}", a.code)
	mux.HandleFunc("GET /_stagedoor/export", local(a.export))
	mux.HandleFunc("POST /_stagedoor/import", local(a.load))
	mux.Handle("/", pages)
	return mux
}

// local answers clients on this machine only: nothing here asks for
// credentials, and an export holds every secret. It matters where stagedoor
// listens on more than loopback, or a proxy passes on what others ask.
func local(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		client, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !client.Addr().Unmap().IsLoopback() || forwarded(r.Header) || !ours(r.Host) {
			refuse(w, http.StatusForbidden, fmt.Errorf("%s is answered on the machine that runs stagedoor only: run the command there, with --endpoint-url http://127.0.0.1:PORT", r.URL.Path))
			return
		}
		answer(w, r)
	}
}

// forwarded reports whether a proxy says that it passes on what somebody else
// asks. A proxy on this machine would otherwise make everybody a client on it.
func forwarded(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded") || name == "Forwarded" || name == "Via" || name == "X-Real-Ip" {
			return true
		}
	}
	return false
}

// ours reports whether host can be a name that this machine has for itself: an
// address, a name without dots, one below localhost, or the machine's own. Any
// other may be that of a web page whose owner lets it resolve to 127.0.0.1 (DNS
// rebinding); where stagedoor listens on loopback only, the endpoint refuses more.
func ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") ||
		host == "localhost.localstack.cloud" || host == "host.docker.internal" {
		return true
	}
	own, err := os.Hostname()
	return err == nil && host == strings.ToLower(own)
}

type admin struct {
	decisions Decisions
	backup    Backup
	packages  Code
}

func (a *admin) list(w http.ResponseWriter, r *http.Request) {
	limit := defaultDecisions
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxDecisions {
			refuse(w, http.StatusBadRequest, fmt.Errorf("limit %q is not a number from 1 to %d", text, maxDecisions))
			return
		}
		limit = n
	}
	found, err := a.decisions.Decisions(r.Context(), limit)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	if found == nil {
		found = []*grants.Decision{}
	}
	answer(w, found)
}

func (a *admin) show(w http.ResponseWriter, r *http.Request) {
	found, err := a.decisions.Decision(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, grants.ErrDecisionNotFound):
		refuse(w, http.StatusNotFound, err)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		answer(w, found)
	}
}

func (a *admin) code(w http.ResponseWriter, r *http.Request) {
	data, err := a.packages(r.Context(), r.PathValue("digest"))
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	_, _ = w.Write(data)
}

// export streams. A failure before the first byte is an answer; a later one can
// only be shown by breaking the connection off, and Import notices a truncated
// file.
func (a *admin) export(w http.ResponseWriter, r *http.Request) {
	out := &countingWriter{w: w}
	w.Header().Set("Content-Type", "application/octet-stream")
	switch err := a.backup.Export(r.Context(), out); {
	case err == nil:
	case out.written == 0:
		refuse(w, http.StatusInternalServerError, err)
	default:
		panic(http.ErrAbortHandler)
	}
}

type countingWriter struct {
	w       io.Writer
	written int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.written += int64(n)
	return n, err
}

func (a *admin) load(w http.ResponseWriter, r *http.Request) {
	if err := a.backup.Import(r.Context(), r.Body); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	// The status is out: an error now means that the client went away.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Message: err.Error()})
}
